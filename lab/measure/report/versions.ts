// What a result depends on besides the seed: versions of the programs, the commit, the machine.
// Read when a report is written.
import { execFile } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { findPostgresBinaries } from "../../../src/local/engines/postgres_binaries.ts";
import { findRedisBinary, redisEnvironment } from "../../../src/local/engines/redis_binaries.ts";

export interface Versions {
  /** Short id; with ` and changes` when the work tree differs from it. */
  commit: string;
  node: string;
  postgres: string;
  redis: string;
  cores: number;
  processor: string;
  /** Processes that ran or were ready to run, over the last minute. */
  load: number;
}

const execute = promisify(execFile);
const root = join(import.meta.dirname, "..", "..", "..");

/** Anything that cannot be determined is `unknown`: it must not cost the report. */
export async function readVersions(): Promise<Versions> {
  const [commit, postgres, redis] = await Promise.all([
    orUnknown(readCommit()),
    orUnknown(findPostgresBinaries().then(({ postgres }) => say(postgres, ["--version"]))),
    orUnknown(readRedis()),
  ]);
  return {
    commit,
    node: process.version,
    postgres: /\d[\d.]*/.exec(postgres)?.[0] ?? postgres,
    redis: /v=([\d.]+)/.exec(redis)?.[1] ?? redis,
    cores: cpus().length,
    processor: cpus()[0]?.model ?? "unknown",
    load: loadavg()[0] ?? 0,
  };
}

async function readCommit(): Promise<string> {
  const id = await say("git", ["rev-parse", "--short", "HEAD"]);
  const changes = await say("git", ["status", "--porcelain", "--untracked-files=no"]);
  return changes === "" ? id : `${id} and changes`;
}

async function readRedis(): Promise<string> {
  const binary = await findRedisBinary();
  return say(binary.file, ["--version"], redisEnvironment(binary));
}

async function say(program: string, args: string[], env: NodeJS.ProcessEnv = process.env): Promise<string> {
  return (await execute(program, args, { cwd: root, env })).stdout.trim();
}

const orUnknown = (text: Promise<string>): Promise<string> => text.catch(() => "unknown");

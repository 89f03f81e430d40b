// One embedded Redis: keeps its doorbells in an append-only file and is stopped with its launcher.
// Called by the supervisor and by the tests.
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openRedis, pingRedis } from "../../platform/redis.ts";
import { waitUntil } from "../../platform/time/wait_until.ts";
import { endChild, hasEnded, spawnBound } from "./bound_process.ts";
import { EngineError } from "./engine_error.ts";
import { freePort } from "./free_port.ts";
import { findRedisBinary, type RedisBinary, type RedisSearch, redisEnvironment } from "./redis_binaries.ts";
import type { RunningEngine } from "./running_engine.ts";

const host = "127.0.0.1";
const startMaxMs = 20_000;
const stopMaxMs = 5_000;

export interface RedisServerOptions {
  folder: string;
  preferredPort: number;
  takenPorts?: ReadonlySet<number>;
  search?: RedisSearch;
  /** False keeps nothing on disk (tests). */
  isDurable?: boolean;
}

/** @throws EngineError if there is no server program, or it does not come up */
export async function startRedisServer(options: RedisServerOptions): Promise<RunningEngine> {
  const startedAt = performance.now();
  const binary = await findRedisBinary(options.search);
  mkdirSync(options.folder, { recursive: true, mode: 0o700 });
  const logFile = join(options.folder, "redis.log");
  const taken = new Set(options.takenPorts);
  for (;;) {
    const port = await freePort(host, options.preferredPort, taken);
    const child = spawnServer(binary, options, port, logFile);
    if (await answers(child, port)) {
      return {
        child,
        pid: child.pid ?? 0,
        port,
        url: (database) => `redis://${host}:${port}/${database}`,
        readyMs: Math.round(performance.now() - startedAt),
        stop: () => endChild(child, "SIGTERM", stopMaxMs),
      };
    }
    await endChild(child, "SIGKILL", 1_000);
    const lines = readFileSync(logFile, "utf8").trim().split("\n").slice(-2).join(" / ");
    if (!/Address already in use/.test(lines))
      throw new EngineError("Redis did not start", lines || "it said nothing", `its log is ${logFile}`);
    taken.add(port);
  }
}

function spawnServer(binary: RedisBinary, options: RedisServerOptions, port: number, logFile: string): ChildProcess {
  const durable = options.isDurable === false ? ["--appendonly", "no"] : ["--appendonly", "yes", "--appendfsync", "everysec"];
  const args = [
    "--bind",
    host,
    "--port",
    String(port),
    "--dir",
    options.folder,
    "--maxmemory-policy",
    "noeviction",
    "--save",
    "",
    "--loglevel",
    "warning",
  ];
  const log = openSync(logFile, "w");
  try {
    return spawnBound(binary.file, [...args, ...durable], "KILL", {
      stdio: ["ignore", log, log],
      cwd: options.folder,
      env: redisEnvironment(binary),
    });
  } finally {
    closeSync(log);
  }
}

async function answers(child: ChildProcess, port: number): Promise<boolean> {
  let failedToSpawn = false;
  child.once("error", () => {
    failedToSpawn = true;
  });
  const redis = openRedis(`redis://${host}:${port}/0`, { connectionName: "bulksms start" });
  try {
    const isDone = await waitUntil(
      async () => {
        if (failedToSpawn || hasEnded(child)) return true;
        return await pingRedis(redis).then(
          () => true,
          () => false,
        );
      },
      startMaxMs,
      20,
    );
    return isDone && !failedToSpawn && !hasEnded(child);
  } finally {
    redis.disconnect();
  }
}

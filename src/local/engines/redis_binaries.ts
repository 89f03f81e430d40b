// Finds a Redis (or Valkey) server: on PATH, else from the Debian packages of this machine's
// release, unpacked into a cache folder without root and without touching the system. Called by
// redis_server.ts.
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { findOnPath } from "./bound_process.ts";
import { EngineError } from "./engine_error.ts";
import { cacheFolder } from "./reachable_place.ts";

const execute = promisify(execFile);

/** BullMQ needs `LMOVE` and similar: https://docs.bullmq.io requires at least 6.2.0. */
const versionMin = [6, 2] as const;
/** Enough for package lists (10 MB) and packages (2 MB) from a slow mirror. */
const fetchMaxMs = 180_000;
/**
 * redis-tools contains the program itself; the others are libraries that not every release has or
 * needs.
 */
const packagesNeeded = ["redis-server", "redis-tools"];
const packagesTried = ["libjemalloc2", "liblua5.1-0", "liblzf1", "lua-cjson", "lua-bitop", "libatomic1"];

export interface RedisBinary {
  file: string;
  /** Where its libraries are, if they are not the system's. */
  libraryFolder: string | null;
  from: "path" | "cache" | "fetched";
}

export interface RedisSearch {
  path?: string;
  /** Parent of the unpacked packages. */
  cache?: string;
  onFetch?: () => void;
}

/**
 * @throws EngineError with the command that installs it, if there is none and none can be fetched
 */
export async function findRedisBinary(search: RedisSearch = {}): Promise<RedisBinary> {
  const path = search.path ?? process.env.PATH ?? "";
  for (const name of ["redis-server", "valkey-server"]) {
    const file = findOnPath(name, path);
    if (file !== null && (await isUsable({ file, libraryFolder: null, from: "path" }))) return { file, libraryFolder: null, from: "path" };
  }
  if (process.platform !== "linux" || findOnPath("apt-get", path) === null || findOnPath("dpkg", path) === null) throw noRedis();
  const folder = join(search.cache ?? cacheFolder(), `redis-${releaseName()}-${process.arch}`);
  const cached = unpacked(folder, "cache");
  if (cached !== null && (await isUsable(cached))) return cached;
  search.onFetch?.();
  await fetchPackages(folder, path);
  const fetched = unpacked(folder, "fetched");
  if (fetched === null || !(await isUsable(fetched))) {
    throw new EngineError("Redis could not be started", "the fetched Debian packages do not run here", "sudo apt-get install redis-server");
  }
  return fetched;
}

export function redisEnvironment(binary: RedisBinary): NodeJS.ProcessEnv {
  const libraries = binary.libraryFolder === null ? {} : { LD_LIBRARY_PATH: binary.libraryFolder };
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC", ...libraries };
}

function noRedis(): EngineError {
  if (process.platform === "darwin") {
    return new EngineError(
      "no Redis server on this machine",
      "neither redis-server nor valkey-server (6.2 or newer) is on PATH",
      "brew install redis   (or set BULKSMS_REDIS_URL to one that runs)",
    );
  }
  return new EngineError(
    "no Redis server on this machine",
    "neither redis-server nor valkey-server (6.2 or newer) is on PATH, and without apt-get none can be fetched",
    "install redis or valkey with your package manager, or set BULKSMS_REDIS_URL to one that runs",
  );
}

/**
 * Unpacks into a draft that gets its name by one rename, so that two concurrent starts do not
 * collide.
 */
async function fetchPackages(folder: string, path: string): Promise<void> {
  mkdirSync(join(folder, ".."), { recursive: true });
  const draft = mkdtempSync(`${folder}.`);
  try {
    await download(draft, path);
    const root = join(draft, "root");
    mkdirSync(root);
    for (const file of readdirSync(draft).filter((name) => name.endsWith(".deb"))) await run("dpkg", ["-x", file, root], draft, path);
    try {
      renameSync(root, folder);
    } catch {
      // a concurrent start was faster, or an unusable one is in the way
      if (unpacked(folder, "cache") === null || !(await isUsable(unpacked(folder, "cache") as RedisBinary))) {
        rmSync(folder, { recursive: true, force: true });
        renameSync(root, folder);
      }
    }
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const stderr = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1);
    throw new EngineError(
      "Redis could not be fetched",
      `no redis-server on PATH, and apt-get says: ${stderr || (error as Error).message}`,
      "sudo apt-get install redis-server   (or set BULKSMS_REDIS_URL to one that runs)",
      error,
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/**
 * Runs apt-get with its own lists and caches: needs no root, uses the system's sources and keys.
 */
async function download(draft: string, path: string): Promise<void> {
  for (const folder of ["state/lists/partial", "cache/archives/partial"]) mkdirSync(join(draft, folder), { recursive: true });
  const own = [
    ["Dir::State", join(draft, "state")],
    ["Dir::State::Lists", join(draft, "state/lists")],
    ["Dir::Cache", join(draft, "cache")],
    ["Dir::State::status", "/var/lib/dpkg/status"],
    ["APT::Sandbox::User", ""],
    ["Acquire::Languages", "none"],
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  await run("apt-get", [...own, "-q", "update"], draft, path);
  try {
    await run("apt-get", [...own, "-q", "download", ...packagesNeeded, ...packagesTried], draft, path);
  } catch {
    // the release lacks one of the libraries: fetch the two required packages, then each library
    // that it has
    await run("apt-get", [...own, "-q", "download", ...packagesNeeded], draft, path);
    for (const name of packagesTried) await run("apt-get", [...own, "-q", "download", name], draft, path).catch(() => {});
  }
}

async function run(command: string, args: readonly string[], cwd: string, path: string): Promise<void> {
  await execute(command, [...args], {
    cwd,
    timeout: fetchMaxMs,
    env: { ...process.env, PATH: path, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" },
  });
}

function unpacked(folder: string, from: "cache" | "fetched"): RedisBinary | null {
  const file = join(folder, "usr", "bin", "redis-server");
  if (!existsSync(file)) return null;
  const libraries = join(folder, "usr", "lib");
  const triplet = existsSync(libraries) ? readdirSync(libraries).find((name) => name.includes("-linux-")) : undefined;
  return { file, libraryFolder: triplet === undefined ? null : join(libraries, triplet), from };
}

/** Whether it runs here and is new enough. */
async function isUsable(binary: RedisBinary): Promise<boolean> {
  try {
    const { stdout } = await execute(binary.file, ["--version"], { env: redisEnvironment(binary), timeout: 10_000 });
    const [, major = "0", minor = "0"] = /v=(\d+)\.(\d+)/.exec(stdout) ?? [];
    return Number(major) > versionMin[0] || (Number(major) === versionMin[0] && Number(minor) >= versionMin[1]);
  } catch {
    return false;
  }
}

/** `debian-12`, `ubuntu-24.04`: packages of one release do not run on another. */
function releaseName(): string {
  try {
    const words = new Map(
      readFileSync("/etc/os-release", "utf8")
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1).replaceAll('"', "")]),
    );
    return `${words.get("ID") ?? "linux"}-${words.get("VERSION_ID") ?? words.get("VERSION_CODENAME") ?? "0"}`;
  } catch {
    return "linux-0";
  }
}

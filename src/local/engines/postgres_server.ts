// One embedded PostgreSQL server: created at the first start, recovered after a crash, stopped with
// its launcher. Called by the supervisor (for two of them) and by the tests.
import { type ChildProcess, execFile } from "node:child_process";
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { openPostgres } from "../../platform/postgres.ts";
import { deadlineIn } from "../../platform/time/deadline.ts";
import { sleep } from "../../platform/time/sleep.ts";
import { waitUntil } from "../../platform/time/wait_until.ts";
import { endChild, hasEnded, isAlive, rememberProcess, spawnBound } from "./bound_process.ts";
import { EngineError, engineErrorFrom } from "./engine_error.ts";
import { freePort } from "./free_port.ts";
import { findPostgresBinaries, type PostgresBinaries } from "./postgres_binaries.ts";
import { isReachableByOthers, outsidePlace, serverUser } from "./reachable_place.ts";
import type { RunningEngine } from "./running_engine.ts";

const execute = promisify(execFile);

const host = "127.0.0.1";
/**
 * Recovery of a large journal after kill -9 may take a while; a server that stays silent longer is
 * broken.
 */
const startMaxMs = 60_000;
/**
 * A fast shutdown ends sessions and writes a checkpoint; after this the server is killed, and
 * recovery does the rest at the next start.
 */
const stopMaxMs = 10_000;
/** Six processes with a pool each, a second set beside them, the audit, and a person with psql. */
const connectionsMax = 200;
const majorVersion = "18";

export interface PostgresServerOptions {
  /** Created if it does not exist. */
  folder: string;
  /** Identifies the folder if its files must live elsewhere (reachable_place.ts). */
  mark: string;
  preferredPort: number;
  takenPorts?: ReadonlySet<number>;
  /** Password of the superuser `postgres`. */
  password: string;
  /** Created when missing. */
  databases: readonly string[];
  /** Additional `name=value` settings of the server. */
  settings?: readonly string[];
}

/** @throws EngineError if it does not come up, with the last lines of its log as the reason */
export async function startPostgresServer(options: PostgresServerOptions): Promise<RunningEngine> {
  const startedAt = performance.now();
  const binaries = await findPostgresBinaries();
  const folder = findPlace(options);
  const dataFolder = join(folder, "data");
  try {
    if (!existsSync(join(dataFolder, "PG_VERSION"))) await initialise(binaries, folder, dataFolder, options.password);
  } catch (error) {
    throw engineErrorFrom("PostgreSQL could not make its data folder", describeFailure(error), `look at ${folder}: space, rights`);
  }
  requireMajorVersion(dataFolder);
  dropStalePidFile(dataFolder);
  const { child, port } = await launch(binaries, folder, dataFolder, options);
  const url = (database: string) => `postgres://postgres:${encodeURIComponent(options.password)}@${host}:${port}/${database}`;
  try {
    await createDatabases(url("postgres"), options.databases);
  } catch (error) {
    await endChild(child, "SIGINT", stopMaxMs);
    throw engineErrorFrom("PostgreSQL runs but does not let us in", error, `its password lies in the data folder; was ${folder} copied?`);
  }
  return {
    child,
    pid: child.pid ?? 0,
    port,
    url,
    readyMs: Math.round(performance.now() - startedAt),
    // SIGINT: fast shutdown, which cuts sessions
    stop: () => endChild(child, "SIGINT", stopMaxMs),
  };
}

function findPlace(options: PostgresServerOptions): string {
  mkdirSync(options.folder, { recursive: true });
  const user = serverUser();
  if (user === null) return options.folder;
  const folder = isReachableByOthers(options.folder) ? options.folder : outsidePlace(options.folder, options.mark);
  chmodSync(folder, 0o711);
  return folder;
}

/**
 * Initialises a draft that becomes the data folder by one rename: a start killed half way leaves
 * nothing that looks complete.
 */
async function initialise(binaries: PostgresBinaries, folder: string, dataFolder: string, password: string): Promise<void> {
  const user = serverUser();
  const draft = `${dataFolder}.draft`;
  const passwordFile = join(folder, "password.draft");
  rmSync(draft, { recursive: true, force: true });
  rmSync(dataFolder, { recursive: true, force: true });
  mkdirSync(draft, { mode: 0o700 });
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (user !== null) {
    chownSync(draft, user.uid, user.gid);
    chownSync(passwordFile, user.uid, user.gid);
  }
  const flags = [
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-instructions",
    "--no-sync",
  ];
  const args = ["-D", draft, "-U", "postgres", "-A", "scram-sha-256", `--pwfile=${passwordFile}`, ...flags];
  try {
    await execute(binaries.initdb, args, { cwd: folder, env: serverEnvironment(), ...(user ?? {}) });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, dataFolder);
}

async function launch(
  binaries: PostgresBinaries,
  folder: string,
  dataFolder: string,
  options: PostgresServerOptions,
): Promise<{ child: ChildProcess; port: number }> {
  const logFile = join(folder, "postgres.log");
  const taken = new Set(options.takenPorts);
  const deadline = deadlineIn(startMaxMs);
  for (;;) {
    const port = await freePort(host, options.preferredPort, taken);
    const child = spawnServer(binaries, dataFolder, logFile, port, options.settings ?? []);
    if (await acceptsConnections(child, port, options.password, deadline.leftMs())) return { child, port };
    await endChild(child, "SIGKILL", 1_000);
    const lines = lastLines(logFile);
    // somebody took the port between our check and the server's start, or sessions of a killed
    // server are still ending
    const isPortTaken = /could not (bind|create any TCP)/.test(lines);
    const isPredecessorEnding = /shared memory block|is another postmaster/.test(lines);
    if ((!isPortTaken && !isPredecessorEnding) || deadline.isOver()) {
      throw new EngineError("PostgreSQL did not start", lines || "it said nothing", `its log is ${logFile}`);
    }
    if (isPortTaken) taken.add(port);
    await sleep(100);
  }
}

function spawnServer(
  binaries: PostgresBinaries,
  dataFolder: string,
  logFile: string,
  port: number,
  settings: readonly string[],
): ChildProcess {
  const all = [
    `listen_addresses=${host}`,
    "unix_socket_directories=",
    `max_connections=${connectionsMax}`,
    "shared_buffers=128MB",
    "jit=off",
    // neither statements nor values: a log must contain no phone number and no message text
    "log_error_verbosity=terse",
    "log_min_error_statement=panic",
    "log_min_messages=warning",
    "log_checkpoints=off",
    ...settings,
  ];
  const args = ["-D", dataFolder, "-p", String(port), ...all.flatMap((setting) => ["-c", setting])];
  const log = openSync(logFile, "w");
  try {
    return spawnBound(binaries.postgres, args, "INT", {
      stdio: ["ignore", log, log],
      cwd: dirname(dataFolder),
      env: serverEnvironment(),
      ...(serverUser() ?? {}),
    });
  } finally {
    closeSync(log);
  }
}

async function acceptsConnections(child: ChildProcess, port: number, password: string, limitMs: number): Promise<boolean> {
  let failedToSpawn = false;
  child.once("error", () => {
    failedToSpawn = true;
  });
  const url = `postgres://postgres:${encodeURIComponent(password)}@${host}:${port}/postgres`;
  return await waitUntil(
    async () => {
      if (failedToSpawn || hasEnded(child)) return true;
      const sql = openPostgres(url, { applicationName: "bulksms start", connections: 1 });
      try {
        await sql`select 1`;
        return true;
      } catch (error) {
        // a wrong password is an answer too: createDatabases reports it
        return (error as { code?: string }).code === "28P01";
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    limitMs,
    25,
  ).then((isDone) => isDone && !failedToSpawn && !hasEnded(child));
}

async function createDatabases(url: string, databases: readonly string[]): Promise<void> {
  const sql = openPostgres(url, { applicationName: "bulksms start", connections: 1 });
  try {
    for (const database of databases) {
      const found = await sql`select 1 from pg_database where datname = ${database}`;
      if (found.length === 0) await sql`create database ${sql(database)}`;
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * The server trusts its pid file if any process has that pid; after a reboot or in a new container
 * that may be an unrelated process.
 */
function dropStalePidFile(dataFolder: string): void {
  const file = join(dataFolder, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number.parseInt(readFileSync(file, "utf8"), 10);
  const found = Number.isInteger(pid) ? rememberProcess(pid) : null;
  if (found === null || !isAlive(found) || !isPostgres(pid)) rmSync(file, { force: true });
}

function isPostgres(pid: number): boolean {
  if (process.platform !== "linux") return true;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("postgres");
  } catch {
    return false;
  }
}

function requireMajorVersion(dataFolder: string): void {
  const version = readFileSync(join(dataFolder, "PG_VERSION"), "utf8").trim();
  if (version === majorVersion) return;
  throw new EngineError(
    "the data folder belongs to another PostgreSQL",
    `${dataFolder} was made by version ${version}, this is ${majorVersion}`,
    "dump it with its own version and load it anew, or choose another folder with --data",
  );
}

/** Without PG* variables and our own settings, which must not affect the server. */
function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env.PATH ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}

function lastLines(file: string): string {
  try {
    return readFileSync(file, "utf8").trim().split("\n").slice(-3).join(" / ");
  } catch {
    return "";
  }
}

function describeFailure(error: unknown): unknown {
  const stderr = (error as { stderr?: string }).stderr?.trim();
  return stderr ? new Error(stderr.split("\n").slice(-3).join(" / ")) : error;
}

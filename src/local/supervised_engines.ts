// The engines of one system: embedded Postgres servers and Redis where no URL was given, restarted
// when one dies. Used by supervisor.ts.
import { join } from "node:path";
import { type DatabaseName, databaseNames, engineEndpoints } from "../contracts/processes.ts";
import { sleep } from "../platform/time/sleep.ts";
import type { DataFolder } from "./data_folder.ts";
import { type RememberedProcess, rememberProcess } from "./engines/bound_process.ts";
import { EngineError } from "./engines/engine_error.ts";
import { claimPort, releasePort } from "./engines/free_port.ts";
import { startPostgresServer } from "./engines/postgres_server.ts";
import type { RedisSearch } from "./engines/redis_binaries.ts";
import { startRedisServer } from "./engines/redis_server.ts";
import type { RunningEngine } from "./engines/running_engine.ts";
import type { SystemSettings } from "./system_settings.ts";

export type EngineName = DatabaseName | "redis";
export const engineNames: readonly EngineName[] = [...databaseNames, "redis"];

const host = "127.0.0.1";
/** Pause between two attempts to bring a dead engine back. */
const restartPauseMs = 200;

export type EngineEvent =
  | { type: "engine_fetching"; name: EngineName }
  | { type: "engine_ready"; name: EngineName; address: string; readyMs: number; isEmbedded: boolean }
  | { type: "engine_died"; name: EngineName; pid: number }
  | { type: "port_moved"; name: string; wanted: number; port: number };

export interface SupervisedEngine {
  name: EngineName;
  /** The owner's URL of its database, or the URL of Redis. */
  url: string;
  address: string;
  /** null if it is not ours. */
  remembered(): RememberedProcess | null;
  kill(signal: NodeJS.Signals): boolean;
  stop(options: { isImmediate: boolean }): Promise<void>;
}

export interface EngineOptions {
  dataFolder: DataFolder;
  given: SystemSettings;
  /** Ports of this system so far; each engine adds its own. */
  taken: Set<number>;
  /** Engines take their default ports if free, unless 0 is requested (tests). */
  wantsDefaultPorts: boolean;
  redisSearch?: RedisSearch;
  /** Awaited before each restart after a death. */
  beforeRestart(name: EngineName): Promise<void>;
  onEvent(event: EngineEvent): void;
}

export async function superviseEngine(name: EngineName, options: EngineOptions): Promise<SupervisedEngine> {
  const givenUrl = options.given[engineEndpoints[name].urlSetting];
  if (givenUrl !== undefined) return foreignEngine(name, givenUrl, options);
  const wanted = options.wantsDefaultPorts ? engineEndpoints[name].defaultPort : 0;
  const claimed = await claimPort(host, wanted, options.taken);
  if (wanted !== 0 && claimed !== wanted) options.onEvent({ type: "port_moved", name, wanted, port: claimed });
  const start = (port: number) => (name === "redis" ? startRedis(port, options) : startPostgres(name, port, options));
  let engine = await start(claimed);
  const port = engine.port;
  let isStopping = false;
  let restarting: Promise<void> | null = null;

  /** On the same port: the processes know no other. */
  const bringBack = async (): Promise<void> => {
    await options.beforeRestart(name);
    for (;;) {
      await sleep(restartPauseMs);
      if (isStopping) return;
      try {
        const next = await start(port);
        if (next.port === port) {
          engine = next;
          break;
        }
        // somebody else took the port in the meantime: it may become free again
        await next.stop();
      } catch {
        // the reason is in its log in the data folder; we retry for as long as we live
      }
    }
    watch();
    options.onEvent({ type: "engine_ready", name, address: `${host}:${port}`, readyMs: engine.readyMs, isEmbedded: true });
  };
  const watch = (): void => {
    const mine = engine;
    mine.child.once("exit", () => {
      if (isStopping) return;
      options.onEvent({ type: "engine_died", name, pid: mine.pid });
      restarting = bringBack();
    });
  };
  watch();
  options.onEvent({ type: "engine_ready", name, address: `${host}:${port}`, readyMs: engine.readyMs, isEmbedded: true });
  return {
    name,
    url: engine.url(name === "redis" ? "0" : name),
    address: `${host}:${port}`,
    remembered: () => rememberProcess(engine.pid),
    kill: (signal) => engine.child.kill(signal),
    async stop({ isImmediate }) {
      isStopping = true;
      if (isImmediate) engine.child.kill(name === "redis" ? "SIGKILL" : "SIGQUIT");
      await restarting;
      await engine.stop();
      releasePort(port);
    },
  };
}

function startRedis(port: number, options: EngineOptions): Promise<RunningEngine> {
  return startRedisServer({
    folder: join(options.dataFolder.path, "redis"),
    preferredPort: port,
    search: { onFetch: () => options.onEvent({ type: "engine_fetching", name: "redis" }), ...options.redisSearch },
  });
}

function startPostgres(name: DatabaseName, port: number, options: EngineOptions): Promise<RunningEngine> {
  return startPostgresServer({
    folder: join(options.dataFolder.path, name),
    mark: options.dataFolder.secret("mark"),
    preferredPort: port,
    password: options.dataFolder.secret(`password_owner_${name}`),
    databases: [name],
  });
}

/**
 * An engine that the user runs: used as it is, never stopped. The migrations (or /ready, for Redis)
 * report whether it answers.
 */
function foreignEngine(name: EngineName, url: string, options: EngineOptions): SupervisedEngine {
  if (!URL.canParse(url)) throw new EngineError(`${engineEndpoints[name].urlSetting} is no URL`, url, "correct it or leave it out");
  const parsed = new URL(url);
  const address = `${parsed.hostname}:${parsed.port || engineEndpoints[name].defaultPort}`;
  options.onEvent({ type: "engine_ready", name, address, readyMs: 0, isEmbedded: false });
  return { name, url, address, remembered: () => null, kill: () => false, stop: async () => {} };
}

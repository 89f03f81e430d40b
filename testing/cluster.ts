// The real system for end-to-end tests and scenarios: the six processes under the supervisor, on
// free ports, in a temporary data folder.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { joinSettings } from "../src/cli/join.ts";
import { createSystem, type System } from "../src/cli/system.ts";
import { type ProcessName, processes, processNames } from "../src/contracts/processes.ts";
import { endChild, hasEnded } from "../src/local/engines/bound_process.ts";
import type { RedisSearch } from "../src/local/engines/redis_binaries.ts";
import type { EngineName } from "../src/local/supervised_engines.ts";
import type { Intervention, SupervisorEvent } from "../src/local/supervisor.ts";
import type { SystemSettings } from "../src/local/system_settings.ts";
import { newDataFolder } from "./data_folder_template.ts";
import { refuseInPure } from "./projects.ts";
import { waitFor } from "./wait_for.ts";

export interface ClusterOptions {
  /** Over the cluster's own. */
  settings?: SystemSettings;
  /**
   * `quick` (the default): a quick carrier and short deadlines, for tests. `product`: what a user
   * gets who sets nothing, for whatever is measured.
   */
  defaults?: "quick" | "product";
  processes?: readonly ProcessName[];
  /** One that an earlier run left; else a new one. Removed by `stop` in either case. */
  dataFolder?: string;
  redisSearch?: RedisSearch;
  /** What the lab changes between the processes (links, crash points, holds). */
  intervention?: Intervention;
}

export interface Cluster {
  /** Listener, or management address by process name. */
  urls: Record<string, string>;
  settings: SystemSettings;
  adminKey: string;
  /** Of the demo's workspace, which has 1,000 credits. */
  apiKey: string;
  workspaceId: string;
  dataFolder: string;
  events: readonly SupervisorEvent[];
  pids(): Record<string, number | null>;
  kill(name: ProcessName | EngineName, signal: NodeJS.Signals): boolean;
  isReady(name: ProcessName): boolean;
  /** A second process by hand, joined to the same engines; resolves when it is ready. */
  startAnother(name: ProcessName, settings?: SystemSettings): Promise<AnotherProcess>;
  /**
   * Polls until `read` gives something else than undefined, null or false. @throws after limitMs,
   * naming what was waited for
   */
  waitFor<T>(what: string, read: () => T | Promise<T>, limitMs?: number): Promise<Exclude<T, undefined | null | false>>;
  stop(): Promise<void>;
}

export interface AnotherProcess {
  pid: number;
  url: string;
  /** Its log lines so far. */
  lines: readonly string[];
  stop(): Promise<void>;
}

const programFile = join(import.meta.dirname, "..", "bin", "bulksms.js");
const compiledMain = join(import.meta.dirname, "..", "dist", "cli", "main.js");
/** As for the supervisor's own: a start takes a second, on a busy machine far longer. */
const anotherReadyMaxMs = 90_000;

/** What a test wants of a system: an outcome within seconds, the same at each run. */
const quickSettings: SystemSettings = {
  BULKSMS_SIMULATOR_PROFILE: "answered",
  BULKSMS_SIMULATOR_SPEED: "20",
  BULKSMS_SWEEP_INTERVAL_MS: "200",
  BULKSMS_LEASE_MS: "3000",
  BULKSMS_SUBMIT_TIMEOUT_MS: "1500",
  BULKSMS_LOG_LEVEL: "info",
};

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  refuseInPure("a cluster", "system");
  if (!existsSync(compiledMain)) throw new Error("the processes run from dist: run `npm run build` first (npm test does)");
  const dataFolder = options.dataFolder ?? newDataFolder();
  const events: SupervisorEvent[] = [];
  const names = options.processes ?? processNames;
  const system = createSystem({
    dataFolder,
    environment: { ...(options.defaults === "product" ? {} : quickSettings), ...options.settings },
    processes: names,
    wantsFreePorts: true,
    isWithoutWorkspace: !names.includes("webapi") || !names.includes("rpc"),
    onEvent: (event) => events.push(event),
    ...(options.redisSearch === undefined ? {} : { redisSearch: options.redisSearch }),
    ...(options.intervention === undefined ? {} : { intervention: options.intervention }),
  });
  try {
    await system.start();
  } catch (error) {
    rmSync(dataFolder, { recursive: true, force: true });
    throw error;
  }
  return clusterOf(system, dataFolder, events);
}

function clusterOf(system: System, dataFolder: string, events: readonly SupervisorEvent[]): Cluster {
  const others: AnotherProcess[] = [];
  const workspace = safely(() => system.workspace()) ?? { apiKey: "", workspaceId: "" };
  return {
    urls: system.addresses(),
    settings: system.settings(),
    adminKey: system.settings().BULKSMS_ADMIN_KEY ?? "",
    apiKey: workspace.apiKey,
    workspaceId: workspace.workspaceId,
    dataFolder,
    events,
    pids: system.pids,
    kill: system.kill,
    isReady: system.isReady,
    async startAnother(name, settings = {}) {
      const another = await startAnother(name, { ...joinSettings(name, system.settings() as Record<string, string>), ...settings });
      others.push(another);
      return another;
    },
    waitFor,
    async stop() {
      await Promise.all(others.map((another) => another.stop()));
      await system.stop();
      rmSync(dataFolder, { recursive: true, force: true });
    },
  };
}

async function startAnother(name: ProcessName, settings: SystemSettings): Promise<AnotherProcess> {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith("BULKSMS_")));
  const child = spawn(process.execPath, [programFile, ...processes[name].command], {
    env: { ...inherited, ...settings },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => lines.push(...text.split("\n").filter((line) => line !== "")));
  }
  const stop = () => endChild(child, "SIGTERM", 15_000);
  try {
    const port = await waitFor(`a second ${name} to be ready`, () => portWhenReady(child, lines), anotherReadyMaxMs);
    return { pid: child.pid ?? 0, url: `http://127.0.0.1:${port}`, lines, stop };
  } catch (error) {
    await stop();
    throw new Error(`${(error as Error).message}: ${lines.slice(-3).join(" / ")}`, { cause: error });
  }
}

/** Its log says where it listens, since it was given port 0. */
async function portWhenReady(child: ChildProcess, lines: readonly string[]): Promise<number | null> {
  if (hasEnded(child)) throw new Error("it ended");
  for (const line of lines) {
    const entry = safely(() => JSON.parse(line) as Record<string, unknown>);
    const port = entry?.managementPort ?? entry?.port;
    if (typeof port !== "number" || port === 0) continue;
    const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok ? port : null;
  }
  return null;
}

function safely<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}

// Runs a whole system on one machine: engines, migrations, the six processes. Behind `bulksms up`,
// `bulksms demo` and testing/cluster. Start order: data folder, engines, migrations, children
// (which wait for nobody). Stop order: the reverse.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type DatabaseName, databaseNames, type ProcessName, processes, processNames } from "../contracts/processes.ts";
import { settings as settingTable } from "../contracts/settings.ts";
import type { Environment } from "../platform/config.ts";
import { requireOwnAddress } from "../platform/own_address.ts";
import { makeSealKeys } from "../platform/seal_keys.ts";
import { waitUntil } from "../platform/time/wait_until.ts";
import { carrierKeysFile, type DataFolder, openDataFolder, readSystemState, type SystemState, simulatorFolder } from "./data_folder.ts";
import { endRemembered, rememberProcess } from "./engines/bound_process.ts";
import { EngineError } from "./engines/engine_error.ts";
import { claimPort, releasePort } from "./engines/free_port.ts";
import type { RedisSearch } from "./engines/redis_binaries.ts";
import { type EngineEvent, type EngineName, engineNames, type SupervisedEngine, superviseEngine } from "./supervised_engines.ts";
import { type ChildEvent, type SupervisedProcess, superviseProcess } from "./supervised_process.ts";
import { givenSettings, neighbourSettings, portsOf, roleUrls, type SystemSettings, settingsOf } from "./system_settings.ts";

/** All six start within seconds; on a busy machine it may take longer. */
const readyMaxMs = 90_000;

export type SupervisorEvent =
  | EngineEvent
  | ChildEvent
  | { type: "databases_ready"; durationMs: number }
  | { type: "left_over_ended"; name: string; pid: number }
  | { type: "stopping" };

export interface SupervisorOptions {
  dataFolder: string;
  /** The BULKSMS_ settings in it are passed on; missing ones are generated. */
  environment: Environment;
  /** The command that starts a child; the arguments of its process entry follow. */
  program: { command: string; args: readonly string[] };
  /**
   * Migrates both databases and stores the admin key. Called once the engines answer, before any
   * child starts.
   */
  prepareDatabases(settings: SystemSettings): Promise<void>;
  /** Fewer than all six (tests). */
  processes?: readonly ProcessName[];
  /** Uses free ports everywhere, never the default ones (tests, many systems side by side). */
  wantsFreePorts?: boolean;
  redisSearch?: RedisSearch;
  /** For experiments with the system (lab). */
  intervention?: Intervention;
  onEvent?(event: SupervisorEvent): void;
}

export interface Intervention {
  /**
   * Settings of a process that is about to start, called at each start: other addresses for its
   * neighbours, or a crash point.
   */
  settingsOf?(name: ProcessName, settings: SystemSettings): SystemSettings;
  /**
   * Awaited before a dead process or engine is restarted: it stays down until then, and its files
   * may be changed meanwhile. Must resolve before `stop`.
   */
  beforeRestart?(name: ProcessName | EngineName): Promise<void>;
}

export interface Supervisor {
  /**
   * Resolves when every process is ready.
   * @throws EngineError or ConfigError; whatever had started is stopped then
   */
  start(): Promise<void>;
  /**
   * Processes drain in parallel, then the engines stop. A second call with `isImmediate` cuts the
   * first one short.
   */
  stop(options?: { isImmediate?: boolean }): Promise<void>;
  /** Settings of the whole system, including secrets; complete once started. */
  settings(): SystemSettings;
  dataFolder(): DataFolder;
  /** Listener, or management address, of each process. */
  addresses(): Record<string, string>;
  pids(): Record<string, number | null>;
  isReady(name: ProcessName): boolean;
  kill(name: ProcessName | EngineName, signal: NodeJS.Signals): boolean;
}

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const onEvent = options.onEvent ?? (() => {});
  const names = options.processes ?? processNames;
  const children = new Map<ProcessName, SupervisedProcess>();
  const engines = new Map<EngineName, SupervisedEngine>();
  const ports = new Set<number>();
  const addresses: Record<string, string> = {};
  let settings: SystemSettings = {};
  let dataFolder: DataFolder | null = null;
  let isStopping = false;
  let starting: Promise<void> = Promise.resolve();
  let stopping: Promise<void> | null = null;

  const writeState = (): void => {
    if (dataFolder === null || isStopping) return;
    dataFolder.writeState(stateOf(engines, children, addresses));
  };
  const onLife = (event: EngineEvent | ChildEvent): void => {
    if (event.type === "process_started" || event.type === "engine_ready") writeState();
    onEvent(event);
  };

  const startAll = async (): Promise<void> => {
    const given = givenSettings(options.environment);
    await requireOwnAddress(given.BULKSMS_HOST ?? settingTable.BULKSMS_HOST.default);
    dataFolder = openDataFolder(options.dataFolder);
    // its journal contains full phone numbers: readable by us only
    mkdirSync(join(dataFolder.path, simulatorFolder), { recursive: true, mode: 0o700 });
    if (given.BULKSMS_CARRIER_KEYS === undefined) makeSealKeys(join(dataFolder.path, carrierKeysFile));
    await endLeftOvers(dataFolder.path, onEvent);
    const wantsDefaultPorts = options.wantsFreePorts !== true;
    const beforeRestart = async (name: EngineName): Promise<void> => options.intervention?.beforeRestart?.(name);
    const search = options.redisSearch === undefined ? {} : { redisSearch: options.redisSearch };
    await startEngines(engines, { dataFolder, given, taken: ports, wantsDefaultPorts, beforeRestart, onEvent: onLife, ...search });
    requireGoingOn(isStopping);

    settings = { ...given, ...databaseSettings(engines, given, dataFolder), ...secretSettings(given, dataFolder) };
    const preparedAt = performance.now();
    await options.prepareDatabases(settings);
    onEvent({ type: "databases_ready", durationMs: Math.round(performance.now() - preparedAt) });
    requireGoingOn(isStopping);

    settings = { ...settings, ...(await listenerSettings({ given, wantsDefaultPorts, ports, addresses, onEvent })) };
    dataFolder.writeSettings(settings as Record<string, string>);
    requireGoingOn(isStopping);
    for (const name of names) children.set(name, childOf(name, options, settings, onLife));
    for (const child of children.values()) child.start();
    await waitUntilAllReady(children, () => isStopping);
    writeState();
  };

  const stopAll = async (isImmediate: boolean): Promise<void> => {
    // without the folder nothing has started: "stopping" would be about somebody else's system
    if (dataFolder !== null) onEvent({ type: "stopping" });
    // children first: the start may be waiting for them
    await Promise.all([...children.values()].map((child) => child.stop({ isImmediate })));
    await starting.catch(() => {});
    await Promise.all([...children.values()].map((child) => child.stop({ isImmediate })));
    await Promise.all([...engines.values()].map((engine) => engine.stop({ isImmediate })));
    for (const port of ports) releasePort(port);
    dataFolder?.release();
  };

  const supervisor: Supervisor = {
    start() {
      starting = startAll();
      return starting.catch(async (error) => {
        await supervisor.stop();
        throw error;
      });
    },
    stop({ isImmediate = false } = {}) {
      isStopping = true;
      if (stopping === null) stopping = stopAll(isImmediate);
      else if (isImmediate) void Promise.all([...children.values(), ...engines.values()].map((one) => one.stop({ isImmediate })));
      return stopping;
    },
    settings: () => settings,
    dataFolder: () => {
      if (dataFolder === null) throw new Error("the supervisor has not started");
      return dataFolder;
    },
    addresses: () => ({ ...addresses }),
    pids: () => Object.fromEntries([...children].map(([name, child]) => [name, child.pid()])),
    isReady: (name) => children.get(name)?.isReady() === true,
    kill: (name, signal) => children.get(name as ProcessName)?.kill(signal) ?? engines.get(name as EngineName)?.kill(signal) ?? false,
  };
  return supervisor;
}

class StoppedWhileStarting extends Error {}

/** True for the rejection of `start` if `stop` was called before it was done. */
export function isStoppedWhileStarting(error: unknown): boolean {
  return error instanceof StoppedWhileStarting;
}

function requireGoingOn(isStopping: boolean): void {
  if (isStopping) throw new StoppedWhileStarting("stopped while starting");
}

/**
 * Ends what an earlier run left behind when it was killed and the kernel did not end its children
 * (only Linux does).
 */
async function endLeftOvers(folder: string, onEvent: (event: SupervisorEvent) => void): Promise<void> {
  const state = readSystemState(folder);
  if (state === null) return;
  const left = [
    ...Object.entries(state.processes).map(([name, one]) => ({ name, one, signal: "SIGKILL" as const })),
    ...Object.entries(state.engines).map(([name, one]) => ({ name, one, signal: "SIGINT" as const })),
  ];
  await Promise.all(
    left.map(async ({ name, one, signal }) => {
      if (await endRemembered(one, signal, 10_000)) onEvent({ type: "left_over_ended", name, pid: one.pid });
    }),
  );
}

/** Waits for all of them: if one fails, no other may go on starting in the background. */
async function startEngines(engines: Map<EngineName, SupervisedEngine>, options: Parameters<typeof superviseEngine>[1]): Promise<void> {
  const started = await Promise.allSettled(
    engineNames.map(async (name) => {
      engines.set(name, await superviseEngine(name, options));
    }),
  );
  for (const result of started) if (result.status === "rejected") throw result.reason;
}

function databaseSettings(engines: ReadonlyMap<EngineName, SupervisedEngine>, given: SystemSettings, folder: DataFolder): SystemSettings {
  const urlOf = (name: EngineName): string => engines.get(name)?.url ?? "";
  const roles = databaseNames.map((database: DatabaseName) => roleUrls(database, urlOf(database), given, folder.secret));
  return {
    BULKSMS_DS_OWNER_URL: urlOf("ds"),
    BULKSMS_SALESDB_OWNER_URL: urlOf("salesdb"),
    BULKSMS_REDIS_URL: urlOf("redis"),
    ...Object.assign({}, ...roles),
  };
}

function secretSettings(given: SystemSettings, folder: DataFolder): SystemSettings {
  return {
    BULKSMS_DATA: folder.path,
    BULKSMS_SIMULATOR_DATA: given.BULKSMS_SIMULATOR_DATA ?? `${folder.path}/${simulatorFolder}`,
    BULKSMS_CARRIER_KEYS: given.BULKSMS_CARRIER_KEYS ?? join(folder.path, carrierKeysFile),
    BULKSMS_INTERNAL_TOKEN: given.BULKSMS_INTERNAL_TOKEN ?? folder.secret("internal_token"),
    BULKSMS_RECEIPT_SECRETS: given.BULKSMS_RECEIPT_SECRETS ?? folder.secret("receipt_secret"),
    BULKSMS_SIMULATOR_KEY: given.BULKSMS_SIMULATOR_KEY ?? folder.secret("simulator_key"),
    BULKSMS_ADMIN_KEY: given.BULKSMS_ADMIN_KEY ?? folder.secret("admin_key"),
  };
}

/** Finds a port for each listener, and gives every process the addresses of the others. */
async function listenerSettings(options: {
  given: SystemSettings;
  wantsDefaultPorts: boolean;
  ports: Set<number>;
  addresses: Record<string, string>;
  onEvent(event: SupervisorEvent): void;
}): Promise<SystemSettings> {
  const { given, ports, addresses } = options;
  const host = given.BULKSMS_HOST ?? settingTable.BULKSMS_HOST.default;
  const found: SystemSettings = {};
  const listeners = {} as Record<ProcessName, number>;
  for (const name of processNames) {
    const entry = processes[name];
    for (const { defaultPort, portSetting } of portsOf(entry)) {
      const chosen = given[portSetting] === undefined ? null : Number(given[portSetting]);
      const wanted = chosen ?? (options.wantsDefaultPorts ? defaultPort : 0);
      const port = await claimPort(host, wanted, ports);
      if (port !== wanted && wanted !== 0) {
        if (chosen !== null) throw new EngineError(`port ${wanted} is busy`, `${portSetting} asks for it`, "free it, or choose another");
        options.onEvent({ type: "port_moved", name, wanted, port });
      }
      found[portSetting] = String(port);
    }
    listeners[name] = Number(found[(entry.listener ?? entry.management)?.portSetting ?? "BULKSMS_WEBAPI_PORT"]);
    addresses[name] = `${entry.listener?.protocol === "grpc" ? "" : "http://"}127.0.0.1:${listeners[name]}`;
  }
  return { ...found, ...neighbourSettings(given, listeners) };
}

function childOf(
  name: ProcessName,
  { program, intervention }: SupervisorOptions,
  settings: SystemSettings,
  onEvent: (event: ChildEvent) => void,
): SupervisedProcess {
  const entry = processes[name];
  const readyPort = settings[portsOf(entry).at(-1)?.portSetting ?? "BULKSMS_WEBAPI_PORT"];
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([variable]) => !variable.startsWith("BULKSMS_")));
  const mine = { ...settingsOf(name, settings), BULKSMS_LOG_FORMAT: "json" };
  return superviseProcess({
    name,
    command: program.command,
    args: [...program.args, ...entry.command],
    environment: () => ({ ...inherited, ...(intervention?.settingsOf?.(name, mine) ?? mine) }),
    beforeRestart: async () => intervention?.beforeRestart?.(name),
    readyUrl: `http://127.0.0.1:${readyPort}/ready`,
    onEvent,
  });
}

/** @throws EngineError naming the processes that are not ready and their last output */
async function waitUntilAllReady(children: ReadonlyMap<ProcessName, SupervisedProcess>, isStopping: () => boolean): Promise<void> {
  const late = () => [...children].filter(([, child]) => !child.isReady());
  // exit code 2: its settings are wrong, and will be at the next attempt
  const hopeless = () => late().find(([, child]) => child.lastWords().exitCode === 2 || child.lastWords().deaths >= 5);
  const isDone = await waitUntil(() => isStopping() || late().length === 0 || hopeless() !== undefined, readyMaxMs, 25);
  requireGoingOn(isStopping());
  if (isDone && hopeless() === undefined) return;
  const [name, child] = hopeless() ?? late()[0] ?? [];
  const lines = child?.lastWords().lines ?? [];
  throw new EngineError(
    `${name} did not become ready`,
    lines.at(-1) ?? "it said nothing",
    "start it with --verbose to see all that it says",
  );
}

function stateOf(
  engines: ReadonlyMap<EngineName, SupervisedEngine>,
  children: ReadonlyMap<ProcessName, SupervisedProcess>,
  addresses: Readonly<Record<string, string>>,
): SystemState {
  const state: SystemState = {
    supervisor: rememberProcess(process.pid) ?? { pid: process.pid, startedAt: "" },
    engines: {},
    processes: {},
  };
  for (const [name, engine] of engines) {
    const remembered = engine.remembered();
    if (remembered !== null) state.engines[name] = { ...remembered, address: engine.address };
  }
  for (const [name, child] of children) {
    const remembered = child.remembered();
    if (remembered !== null) state.processes[name] = { ...remembered, address: addresses[name] ?? "" };
  }
  return state;
}

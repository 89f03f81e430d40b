// The folder in which `bulksms up` keeps everything of one system: engines, secrets, settings of
// the running processes, the simulator's journal. Written by the supervisor; read by the command
// line, which finds keys and addresses here.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseEnv } from "node:util";
import { renamedSettings } from "../contracts/settings.ts";
import { earlierFolderOf, takeOverEarlierFolder } from "../platform/renamed_folder.ts";
import { isAlive, type RememberedProcess, rememberProcess } from "./engines/bound_process.ts";
import { EngineError } from "./engines/engine_error.ts";
import { serverUser } from "./engines/reachable_place.ts";

const secretsFile = "secrets.json";
const stateFile = "state.json";
const settingsFile = "settings.env";
const lockFile = "lock.json";
/** Where the simulator keeps its journal, inside the data folder. */
export const simulatorFolder = "simulator";
/** The keys of carriers' secrets, inside the data folder. */
export const carrierKeysFile = "carrier_keys";

/** The name of `simulator_key` in releases before 0.2. */
const earlierSecret = "carrier_key";

/** What one run leaves for the next run and for observers: which process runs where. */
export interface SystemState {
  supervisor: RememberedProcess;
  engines: Record<string, RememberedProcess & { address: string }>;
  processes: Record<string, RememberedProcess & { address: string }>;
}

export interface DataFolder {
  /** Absolute path. */
  path: string;
  /** A generated secret that stays the same for the life of the folder. */
  secret(name: string): string;
  /** Values that others store beside the secrets (the demo's workspace and key). */
  note(name: string): string | null;
  writeNote(name: string, value: string): void;
  writeState(state: SystemState): void;
  /**
   * Writes the settings of the running system, for the command line and for processes started by
   * hand.
   */
  writeSettings(settings: Readonly<Record<string, string>>): void;
  /** Ends this run's claim on the folder. Its files stay. */
  release(): void;
}

/**
 * Creates the folder if it is missing and claims it for this process.
 * @throws EngineError if another live process has claimed it
 */
export function openDataFolder(folder: string): DataFolder {
  const path = resolve(folder);
  try {
    makeFolder(path);
    // under root, the database's own user passes through it to reach its files; the secrets
    // themselves are 0600
    chmodSync(path, serverUser() === null ? 0o700 : 0o711);
    claim(path);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw new EngineError(`the data folder ${path} cannot be used`, (error as Error).message, "choose another one with --data", error);
  }
  const secrets = readSecrets(path);
  takeOverEarlierFolder(join(path, simulatorFolder));
  const store = (name: string, value: string): string => {
    secrets[name] = value;
    writePrivate(join(path, secretsFile), `${JSON.stringify(secrets, null, 2)}\n`);
    return value;
  };
  return {
    path,
    secret: (name) => secrets[name] ?? store(name, randomBytes(24).toString("base64url")),
    note: (name) => secrets[name] ?? null,
    writeNote: (name, value) => {
      store(name, value);
    },
    writeState: (state) => writePrivate(join(path, stateFile), `${JSON.stringify(state, null, 2)}\n`),
    writeSettings: (settings) => writePrivate(join(path, settingsFile), renderEnvironment(settings)),
    release: () => rmSync(join(path, lockFile), { force: true }),
  };
}

/** Settings of the system that runs, or last ran, in this folder; empty if there was none. */
export function readDataFolderSettings(folder: string): Record<string, string> {
  try {
    const settings = parseEnv(readFileSync(join(folder, settingsFile), "utf8")) as Record<string, string>;
    return withNewNames(settings);
  } catch {
    return {};
  }
}

/**
 * Settings written by an earlier release, translated to the current names, with the simulator's
 * folder where it is now.
 */
function withNewNames(settings: Readonly<Record<string, string>>): Record<string, string> {
  const renamed = Object.fromEntries(Object.entries(settings).map(([name, value]) => [renamedSettings[name] ?? name, value]));
  const written = renamed.BULKSMS_SIMULATOR_DATA;
  if (written === undefined || existsSync(written)) return renamed;
  const now = join(dirname(written), simulatorFolder);
  if (earlierFolderOf(now) === written && existsSync(now)) renamed.BULKSMS_SIMULATOR_DATA = now;
  return renamed;
}

/** A key that other people's programs may hold stays the same under its new name. */
function readSecrets(path: string): Record<string, string> {
  const { [earlierSecret]: key, ...secrets } = readJson<Record<string, string>>(join(path, secretsFile)) ?? {};
  return key === undefined ? secrets : { simulator_key: key, ...secrets };
}

/** A note of the folder (`workspace_id`, `api_key`), read without claiming it. */
export function readDataFolderNote(folder: string, name: string): string | null {
  return readJson<Record<string, string>>(join(folder, secretsFile))?.[name] ?? null;
}

/** null if nothing ever ran there. */
export function readSystemState(folder: string): SystemState | null {
  return readJson<SystemState>(join(folder, stateFile));
}

/** Whether a live supervisor uses this folder now. */
export function isSystemRunning(folder: string): boolean {
  const holder = readJson<RememberedProcess>(join(folder, lockFile));
  return holder !== null && isAlive(holder);
}

/**
 * One lock file, written completely and then linked to its name, which fails if the name exists.
 */
function claim(path: string): void {
  const file = join(path, lockFile);
  const mine = rememberProcess(process.pid);
  const draft = `${file}.${process.pid}`;
  writePrivate(draft, JSON.stringify(mine));
  try {
    for (let attempt = 1; ; attempt += 1) {
      try {
        linkSync(draft, file);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== "EEXIST" || attempt >= 10) throw error;
      }
      const holder = readJson<RememberedProcess>(file);
      if (holder !== null && isAlive(holder)) {
        throw new EngineError(
          `bulksms is running already with the data folder ${path}`,
          `process ${holder.pid} holds it`,
          "stop that one (Ctrl-C where it runs), or choose another folder with --data",
        );
      }
      // its holder died without releasing it
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Readable only by its owner, and never half written. */
function writePrivate(file: string, text: string): void {
  const draft = `${file}.draft`;
  writeFileSync(draft, text, { mode: 0o600 });
  renameSync(draft, file);
}

function readJson<T>(file: string): T | null {
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, "utf8")) as T;
  } catch {
    return null;
  }
}

/** Lines that a POSIX shell (`set -a; . settings.env`) and Node's parseEnv read alike. */
function renderEnvironment(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name}=${/^[\w./:@,+%~-]*$/.test(value) ? value : `'${value.replaceAll("'", "")}'`}`,
  );
  return `# Settings of the system that \`bulksms up\` runs here. Secret. For a shell: set -a; . ./settings.env\n${lines.join("\n")}\n`;
}

/**
 * One level at a time: mkdir's own recursion never ends at an existing folder that accepts no
 * entries (/proc).
 */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  try {
    mkdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

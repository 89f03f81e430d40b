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

/** What releases before 0.2 called `simulator_key`. */
const earlierSecret = "carrier_key";

/** What one run leaves for the next and for those who look: who runs where. */
export interface SystemState {
  supervisor: RememberedProcess;
  engines: Record<string, RememberedProcess & { address: string }>;
  processes: Record<string, RememberedProcess & { address: string }>;
}

export interface DataFolder {
  /** Absolute. */
  path: string;
  /** A generated word that stays the same for the life of the folder. */
  secret(name: string): string;
  /** Words that others store beside the secrets (the demo's workspace and key). */
  note(name: string): string | null;
  writeNote(name: string, value: string): void;
  writeState(state: SystemState): void;
  /** Settings of the running system, for the command line and for processes started by hand. */
  writeSettings(settings: Readonly<Record<string, string>>): void;
  /** Ends this run's claim on the folder. Its files stay. */
  release(): void;
}

/**
 * Makes the folder when it is missing and claims it for this process.
 * @throws EngineError when another one that lives has it
 */
export function openDataFolder(folder: string): DataFolder {
  const path = resolve(folder);
  try {
    makeFolder(path);
    // under root the database's own user walks through it to its files; the secrets themselves are
    // 0600
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

/** Settings of the system that runs, or last ran, in this folder; empty when none did. */
export function readDataFolderSettings(folder: string): Record<string, string> {
  try {
    const settings = parseEnv(readFileSync(join(folder, settingsFile), "utf8")) as Record<string, string>;
    return withNewNames(settings);
  } catch {
    return {};
  }
}

/**
 * Settings that an earlier release wrote, by the names of this one, with the simulator's folder
 * where it is now.
 */
function withNewNames(settings: Readonly<Record<string, string>>): Record<string, string> {
  const renamed = Object.fromEntries(Object.entries(settings).map(([name, value]) => [renamedSettings[name] ?? name, value]));
  const written = renamed.BULKSMS_SIMULATOR_DATA;
  if (written === undefined || existsSync(written)) return renamed;
  const now = join(dirname(written), simulatorFolder);
  if (earlierFolderOf(now) === written && existsSync(now)) renamed.BULKSMS_SIMULATOR_DATA = now;
  return renamed;
}

/** The key that programs of others may hold stays the same under its new name. */
function readSecrets(path: string): Record<string, string> {
  const { [earlierSecret]: key, ...secrets } = readJson<Record<string, string>>(join(path, secretsFile)) ?? {};
  return key === undefined ? secrets : { simulator_key: key, ...secrets };
}

/** A note of the folder (`workspace_id`, `api_key`), without claiming it. */
export function readDataFolderNote(folder: string, name: string): string | null {
  return readJson<Record<string, string>>(join(folder, secretsFile))?.[name] ?? null;
}

/** Null when nothing ever ran there. */
export function readSystemState(folder: string): SystemState | null {
  return readJson<SystemState>(join(folder, stateFile));
}

/** Whether a supervisor lives in this folder now. */
export function isSystemRunning(folder: string): boolean {
  const holder = readJson<RememberedProcess>(join(folder, lockFile));
  return holder !== null && isAlive(holder);
}

/** One lock file, made whole and then linked to its name, which fails when the name exists. */
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
      // its holder died without a word
      rmSync(file, { force: true });
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Readable by its owner alone, and never half written. */
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
 * Step by step: mkdir's own recursion never ends where a folder exists and takes no other (/proc).
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

// Child processes that end with their launcher, and the check whether a process of an earlier run
// is still alive. Used by the engines and by the supervisor.
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { waitUntil } from "../../platform/time/wait_until.ts";

/**
 * Starts a process in a group of its own (so that Ctrl-C reaches only its launcher) that gets
 * `deathSignal` from the kernel when the launcher ends, however that happens. Only Linux supports
 * this; elsewhere the next start stops what is left.
 */
export function spawnBound(command: string, args: readonly string[], deathSignal: "INT" | "KILL", options: SpawnOptions): ChildProcess {
  const setpriv = process.platform === "linux" ? findOnPath("setpriv", `${process.env.PATH ?? ""}:/usr/bin:/bin`) : null;
  const all = { ...options, detached: true };
  if (setpriv === null) return spawn(command, args, all);
  return spawn(setpriv, ["--pdeathsig", deathSignal, "--", command, ...args], all);
}

/** The first executable file called `name` in the folders of a PATH. */
export function findOnPath(name: string, path: string = process.env.PATH ?? ""): string | null {
  for (const folder of path.split(delimiter)) {
    if (folder === "") continue;
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      return file;
    } catch {
      // not here: try the next folder
    }
  }
  return null;
}

/**
 * A process as the state file remembers it. Pids are reused, so its start time is part of its
 * identity.
 */
export interface RememberedProcess {
  pid: number;
  /** Opaque; only comparable with another one of the same machine. */
  startedAt: string;
}

/** null if there is no such process (a zombie does not count: it holds no port and no file). */
export function rememberProcess(pid: number): RememberedProcess | null {
  const startedAt = process.platform === "linux" ? startOnLinux(pid) : startByPs(pid);
  return startedAt === null ? null : { pid, startedAt };
}

export function isAlive(remembered: RememberedProcess): boolean {
  return rememberProcess(remembered.pid)?.startedAt === remembered.startedAt;
}

/** Signals the process, waits, then kills it. Returns whether there was anything to end. */
export async function endRemembered(remembered: RememberedProcess, signal: NodeJS.Signals, patienceMs: number): Promise<boolean> {
  if (!isAlive(remembered)) return false;
  sendSignal(remembered.pid, signal);
  if (!(await waitUntil(() => !isAlive(remembered), patienceMs))) {
    sendSignal(remembered.pid, "SIGKILL");
    await waitUntil(() => !isAlive(remembered), 5_000);
  }
  return true;
}

/** False if the process is gone already. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/**
 * Signals a child that we started to end, and kills it if it has not ended within `patienceMs` (a
 * frozen one never does).
 */
export async function endChild(child: ChildProcess, signal: NodeJS.Signals, patienceMs: number): Promise<void> {
  if (hasEnded(child)) return;
  child.kill(signal);
  if (await waitUntil(() => hasEnded(child), patienceMs)) return;
  child.kill("SIGKILL");
  await waitUntil(() => hasEnded(child), 5_000);
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/**
 * The fields of /proc/<pid>/stat after the name in brackets (which may itself contain spaces): [0]
 * is the state, [19] the start time.
 */
function startOnLinux(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return words[0] === "Z" || words[0] === "X" ? null : (words[19] ?? null);
  } catch {
    return null;
  }
}

function startByPs(pid: number): string | null {
  try {
    const line = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
    return line === "" || line.startsWith("Z") ? null : line.replace(/^\S+\s+/, "");
  } catch {
    return null;
  }
}

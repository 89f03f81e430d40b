// What Linux's /proc says of a process and its descendants: CPU and memory. Parsing is pure;
// elsewhere than on Linux everything reads as nothing.
import { readFileSync, writeFileSync } from "node:fs";

/** Kernel clock ticks per second: USER_HZ, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export const canSample = process.platform === "linux";

/** In ticks of 10 ms, user and system together. */
export interface Ticks {
  own: number;
  /** Of its children that have ended and were waited for, and of theirs. */
  ended: number;
}

export interface Memory {
  /** Resident pages of its own, and those that it may share with others, in KiB. */
  privateKib: number;
  sharedKib: number;
  /** The most that was ever resident. */
  peakKib: number;
}

export interface TreeUsage {
  cpuMicros: number;
  /** Pages shared by the processes of one server count once. */
  memoryMib: number;
  /** The most resident memory of one process. */
  peakMib: number;
}

/**
 * Of /proc/PID/stat (man 5 proc_pid_stat). The name in parentheses may itself contain spaces and
 * parentheses, so fields are counted from the last one: [11] utime, [12] stime, [13] cutime, [14]
 * cstime.
 * @returns null for a line that is none
 */
export function parseTicks(stat: string): Ticks | null {
  const end = stat.lastIndexOf(")");
  if (end === -1) return null;
  const words = stat.slice(end + 2).split(" ");
  const [user, system, endedUser, endedSystem] = words.slice(11, 15).map(Number);
  if (endedSystem === undefined || words.slice(11, 15).some((word) => !/^\d+$/.test(word))) return null;
  return { own: (user as number) + (system as number), ended: (endedUser as number) + endedSystem };
}

/** Of /proc/PID/status (man 5 proc_pid_status). A kernel thread has no memory. */
export function parseMemory(status: string): Memory {
  const kib = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status)?.[1] ?? 0);
  return { privateKib: kib("RssAnon"), sharedKib: kib("RssFile") + kib("RssShmem"), peakKib: kib("VmHWM") };
}

/** Of /proc/PID/task/PID/children. */
export function parseChildren(children: string): number[] {
  return children.split(" ").filter(Boolean).map(Number);
}

/** Of a process with its descendants, as a Postgres server with its sessions; null: gone. */
export function readTree(root: number): TreeUsage | null {
  if (parseTicks(readProc(`/proc/${root}/stat`)) === null) return null;
  let ticks = 0;
  let privateKib = 0;
  let sharedKib = 0;
  let peakKib = 0;
  for (const pid of membersOf(root)) {
    const { own, ended } = parseTicks(readProc(`/proc/${pid}/stat`)) ?? { own: 0, ended: 0 };
    ticks += own + ended;
    const memory = parseMemory(readProc(`/proc/${pid}/status`));
    privateKib += memory.privateKib;
    sharedKib = Math.max(sharedKib, memory.sharedKib);
    peakKib = Math.max(peakKib, memory.peakKib);
  }
  return { cpuMicros: (ticks * 1e6) / ticksPerSecond, memoryMib: (privateKib + sharedKib) / 1_024, peakMib: peakKib / 1_024 };
}

/**
 * The high-water marks begin anew (man 5 proc_pid_clear_refs: 5). Without the right to it they
 * remain those of the processes' lives.
 */
export function resetPeaks(root: number): void {
  for (const pid of membersOf(root)) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, "5");
    } catch {
      // then the peak is that of an earlier, equal run
    }
  }
}

function membersOf(root: number): number[] {
  const members = [root];
  for (const pid of members) members.push(...parseChildren(readProc(`/proc/${pid}/task/${pid}/children`)));
  return members;
}

/** Empty when the process is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

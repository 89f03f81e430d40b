// CPU and memory of processes from /proc: what a run of the benchmark cost, by process. A Postgres
// server counts with all its sessions. Only Linux has /proc; elsewhere every figure is 0.
import { readFileSync, writeFileSync } from "node:fs";

/** Kernel clock ticks per second: USER_HZ, 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

export interface UsageMeter {
  /**
   * CPU since the meter began, user and system, in microseconds; resolution 10 ms. Processes that
   * came later count from their start.
   */
  cpuMicros(): Record<string, number>;
  /**
   * The most resident memory of one process behind the name since the meter began, in MiB. Of
   * Postgres: its largest single process.
   */
  peakRssMib(): Record<string, number>;
}

/**
 * Begins to measure. `pids` by name; engines with sessions of their own are counted with their
 * children.
 */
export function openUsageMeter(pids: Readonly<Record<string, number | null>>): UsageMeter {
  const roots = Object.entries(pids).filter((entry): entry is [string, number] => entry[1] !== null && entry[1] > 0);
  const before = new Map(roots.map(([name, pid]) => [name, readTreeTicks(pid)]));
  for (const [, pid] of roots) for (const member of [pid, ...childrenOf(pid)]) resetPeak(member);
  return {
    cpuMicros: () =>
      Object.fromEntries(roots.map(([name, pid]) => [name, ((readTreeTicks(pid) - (before.get(name) ?? 0)) * 1e6) / ticksPerSecond])),
    peakRssMib: () =>
      Object.fromEntries(
        roots.map(([name, pid]) => [name, Math.max(...[pid, ...childrenOf(pid)].map((member) => readPeakKib(member))) / 1_024]),
      ),
  };
}

/** Own ticks, those of children that have ended, and those of children that live. */
function readTreeTicks(pid: number): number {
  const own = readTicks(pid);
  return own.self + own.ended + childrenOf(pid).reduce((sum, child) => sum + readTreeTicks(child), 0);
}

/**
 * Words of /proc/<pid>/stat after the name in brackets: [11] utime, [12] stime, [13] cutime, [14]
 * cstime.
 */
function readTicks(pid: number): { self: number; ended: number } {
  const stat = readProc(`/proc/${pid}/stat`);
  const words = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = (index: number): number => Number(words[index] ?? 0);
  return { self: ticks(11) + ticks(12), ended: ticks(13) + ticks(14) };
}

function childrenOf(pid: number): number[] {
  return readProc(`/proc/${pid}/task/${pid}/children`).split(" ").filter(Boolean).map(Number);
}

function readPeakKib(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB/m.exec(readProc(`/proc/${pid}/status`))?.[1] ?? 0);
}

/**
 * The high-water mark begins anew (man 5 proc, clear_refs: 5). Without the right to it, it is that
 * of the process's life.
 */
function resetPeak(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, "5");
  } catch {
    // then the peak is that of an earlier, equal run
  }
}

/** Empty when the process is gone. */
function readProc(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

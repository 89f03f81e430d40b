// CPU and memory of named processes and engines: over a whole run, and from moment to moment. The
// one sampler of everything that is measured, so that ours and the original's count alike. A
// Postgres server counts with all its sessions. Only Linux has /proc; elsewhere nothing is found.
import { readTree, resetPeaks, type TreeUsage } from "./proc.ts";

/** By name; null and 0: not running. */
export type Pids = Readonly<Record<string, number | null>>;

export interface ProcessShare {
  /** Shares of one core, since the previous sample. */
  cpu: number;
  /** Resident; memory shared by the processes of one server counts once. */
  memoryMib: number;
}

export interface UsageMeter {
  /**
   * CPU since the meter began, user and system, in microseconds; resolution 10 ms. A process that
   * came later counts from its start.
   */
  cpuMicros(): Record<string, number>;
  /**
   * The most resident memory of one process behind the name since the meter began, in MiB. Of
   * Postgres: its largest single process.
   */
  peakRssMib(): Record<string, number>;
  /** A process that is not running has no entry. */
  sample(): Record<string, ProcessShare>;
}

interface Seen {
  pid: number;
  cpuMicros: number;
  atMs: number;
}

export interface UsageSource {
  read(pid: number): TreeUsage | null;
  nowMs(): number;
}

const thisMachine: UsageSource = { read: readTree, nowMs: () => performance.now() };

/**
 * Begins to measure.
 * @param pids read each time, since a process may have been restarted
 */
export function openUsageMeter(pids: () => Pids, { read, nowMs }: UsageSource = thisMachine): UsageMeter {
  const running = (): [string, number][] =>
    Object.entries(pids()).flatMap(([name, pid]) => (pid === null || pid <= 0 ? [] : [[name, pid]]));
  const seenNow = (pid: number): Seen => ({ pid, cpuMicros: read(pid)?.cpuMicros ?? 0, atMs: nowMs() });
  const begun = new Map<string, Seen>();
  const last = new Map<string, Seen>();
  for (const [name, pid] of running()) {
    resetPeaks(pid);
    const seen = seenNow(pid);
    begun.set(name, seen);
    last.set(name, seen);
  }
  // A session of Postgres that ends takes its ticks with it until its server has waited for it:
  // never below zero.
  const since = (before: Seen | undefined, now: Seen): number =>
    before?.pid === now.pid ? Math.max(0, now.cpuMicros - before.cpuMicros) : now.cpuMicros;
  return {
    cpuMicros: () => Object.fromEntries(running().map(([name, pid]) => [name, since(begun.get(name), seenNow(pid))])),
    peakRssMib: () => Object.fromEntries(running().map(([name, pid]) => [name, read(pid)?.peakMib ?? 0])),
    sample() {
      const shares: Record<string, ProcessShare> = {};
      for (const [name, pid] of running()) {
        const tree = read(pid);
        if (tree === null) continue;
        const now = { pid, cpuMicros: tree.cpuMicros, atMs: nowMs() };
        const before = last.get(name);
        last.set(name, now);
        const isSame = before !== undefined && before.pid === pid && now.atMs > before.atMs;
        shares[name] = { cpu: isSame ? since(before, now) / 1_000 / (now.atMs - before.atMs) : 0, memoryMib: tree.memoryMib };
      }
      return shares;
    },
  };
}

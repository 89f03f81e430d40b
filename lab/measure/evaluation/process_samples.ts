// CPU and memory of every process and engine, sampled while a campaign runs. From Linux's /proc, so
// that a Postgres server counts with all its sessions and the original's processes are measured
// exactly as ours.
import { readFileSync } from "node:fs";

/** USER_HZ, 100 on every Linux that Node runs on: one tick is 10 ms of CPU. */
const ticksPerSecond = 100;

export interface ProcessUsage {
  /** Shares of one core, since the previous sample. */
  cpu: number;
  /** Resident; memory shared by the processes of one server counts once. */
  memoryMib: number;
}

export interface UsageSampler {
  /** By name; a process that is not running has no entry. */
  sample(): Record<string, ProcessUsage>;
}

/** @param pids by name, read at each sample, since a process may have been restarted */
export function openUsageSampler(pids: () => Readonly<Record<string, number | null>>): UsageSampler {
  const before = new Map<string, { pid: number; ticks: number; atMs: number }>();
  return {
    sample() {
      const usages: Record<string, ProcessUsage> = {};
      for (const [name, pid] of Object.entries(pids())) {
        const tree = pid === null ? null : readTree(pid);
        if (pid === null || tree === null) continue;
        const now = { pid, ticks: tree.ticks, atMs: performance.now() };
        const last = before.get(name);
        before.set(name, now);
        const isSame = last !== undefined && last.pid === pid;
        // a Postgres session that ends between two samples takes its ticks with it for a moment:
        // never below zero
        const cpu = isSame ? Math.max(0, (now.ticks - last.ticks) / ticksPerSecond / ((now.atMs - last.atMs) / 1_000)) : 0;
        usages[name] = { cpu, memoryMib: tree.memoryKib / 1_024 };
      }
      return usages;
    },
  };
}

export const canSample = process.platform === "linux";

interface Tree {
  ticks: number;
  memoryKib: number;
}

function readTree(root: number): Tree | null {
  const stat = readProc(`/proc/${root}/stat`);
  if (stat === null) return null;
  let ticks = 0;
  let privateKib = 0;
  let sharedKib = 0;
  const members = [root];
  for (let pid = members.pop(); pid !== undefined; pid = members.pop()) {
    const words = wordsOf(pid === root ? stat : readProc(`/proc/${pid}/stat`));
    const isRoot = pid === root;
    // man 5 proc_pid_stat: utime, stime; of the root also cutime, cstime, so that the use of ended
    // sessions stays counted
    for (const index of isRoot ? [11, 12, 13, 14] : [11, 12]) ticks += Number(words[index] ?? 0);
    const memory = readMemory(pid);
    privateKib += memory.privateKib;
    sharedKib = Math.max(sharedKib, memory.sharedKib);
    members.push(...(readProc(`/proc/${pid}/task/${pid}/children`) ?? "").split(" ").filter(Boolean).map(Number));
  }
  return { ticks, memoryKib: privateKib + sharedKib };
}

/** The fields after the name in brackets, which may contain anything. */
function wordsOf(stat: string | null): string[] {
  return stat === null ? [] : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function readMemory(pid: number): { privateKib: number; sharedKib: number } {
  const status = readProc(`/proc/${pid}/status`) ?? "";
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0);
  return { privateKib: kib("RssAnon"), sharedKib: kib("RssFile") + kib("RssShmem") };
}

/** null when the process is gone. */
function readProc(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

// From the processes' own reports (topic system_stats) to what the drawing shows: figures per node,
// a rate per edge. Pure.
import { type ProcessName, processNames } from "../../contracts/processes.ts";
import type { ProcessStats } from "../../contracts/topics.ts";

/** They report once a second: one that missed three reports is dead, frozen or cut off. */
export const silentAfterMs = 3_000;

/**
 * alive: reported recently. silent: reported before, but not recently. unheard: never reported
 * since the page opened. stale: the page itself is cut off and cannot know. mute: never reports.
 */
export type NodeState = "alive" | "silent" | "unheard" | "stale" | "mute";

export interface ProcessFigures {
  name: ProcessName;
  state: NodeState;
  /** Since the last report of any of its instances. */
  silentMs: number | null;
  /** Instances that report. */
  instances: readonly ProcessStats[];
  /** Cores in use by all of them. */
  cpu: number;
  rssBytes: number;
  heapBytes: number;
  /** Of the slowest. */
  loopDelayP50Ms: number;
  loopDelayP99Ms: number;
  uptimeS: number | null;
  /** Sums over the instances. */
  rates: Readonly<Record<string, number>>;
  levels: Readonly<Record<string, number>>;
}

export type SystemFigures = Readonly<Record<ProcessName, ProcessFigures>>;

/**
 * @param ageMs since the processes' list arrived; `isCutOff`: whether it is too old to be trusted
 */
export function figuresOf(processes: readonly ProcessStats[], ageMs: number, isCutOff: boolean): SystemFigures {
  return Object.fromEntries(processNames.map((name) => [name, figuresOfOne(name, processes, ageMs, isCutOff)])) as unknown as SystemFigures;
}

function figuresOfOne(name: ProcessName, processes: readonly ProcessStats[], ageMs: number, isCutOff: boolean): ProcessFigures {
  const heard = processes.filter((stats) => stats.process === name);
  const silentMs = heard.length === 0 ? null : Math.min(...heard.map((stats) => stats.silent_ms)) + ageMs;
  const instances = isCutOff ? [] : heard.filter((stats) => stats.silent_ms + ageMs < silentAfterMs);
  const sum = (read: (stats: ProcessStats) => number) => instances.reduce((total, stats) => total + read(stats), 0);
  const largest = (read: (stats: ProcessStats) => number) => Math.max(0, ...instances.map(read));
  return {
    name,
    state: stateOf(name, { isCutOff, silentMs, isSpeaking: instances.length > 0 }),
    silentMs,
    instances,
    cpu: sum((stats) => stats.cpu),
    rssBytes: sum((stats) => stats.rss_bytes),
    heapBytes: sum((stats) => stats.heap_bytes),
    loopDelayP50Ms: largest((stats) => stats.loop_delay_p50_ms),
    loopDelayP99Ms: largest((stats) => stats.loop_delay_p99_ms),
    uptimeS: instances.length === 0 ? null : Math.min(...instances.map((stats) => stats.uptime_s)),
    rates: addUp(instances.map((stats) => stats.rates)),
    levels: mergeLevels(instances.map((stats) => stats.levels)),
  };
}

function stateOf(name: ProcessName, seen: { isCutOff: boolean; silentMs: number | null; isSpeaking: boolean }): NodeState {
  // the carrier belongs to another company: it has no access to our Redis
  if (name === "simulator") return "mute";
  if (seen.isCutOff) return "stale";
  if (seen.isSpeaking) return "alive";
  return seen.silentMs === null ? "unheard" : "silent";
}

function addUp(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const record of records) for (const [key, value] of Object.entries(record)) total[key] = (total[key] ?? 0) + value;
  return total;
}

/**
 * A level stored in a database or in Redis is the same for every instance; a process's own level
 * adds up.
 */
const commonLevels: readonly string[] = ["queue_general_waiting", "queue_sales_waiting", "outbox_unconfirmed"];

function mergeLevels(records: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const merged = addUp(records);
  for (const key of commonLevels) if (key in merged) merged[key] = Math.max(...records.map((record) => record[key] ?? 0));
  return merged;
}

/** Rate and words of one edge of the drawing; `perS` null: nothing counts it. */
export interface EdgeFigure {
  perS: number | null;
  /** What is counted: `messages`, `receipts`. */
  unit: string;
}

/**
 * By the id in topology.ts. The process that counts has the counter; the carrier's two edges are
 * counted at our end.
 */
export function edgeFigures(figures: SystemFigures): Readonly<Record<string, EdgeFigure>> {
  const rate = (name: ProcessName, counter: string): number | null =>
    figures[name].instances.length === 0 ? null : (figures[name].rates[counter] ?? 0);
  return {
    people_webapi: { perS: rate("webapi", "http_requests"), unit: "requests" },
    people_salesapi: { perS: rate("salesapi", "http_requests"), unit: "requests" },
    rpc_calls: { perS: rate("rpc", "rpc_calls"), unit: "calls" },
    salesapi_simulator: { perS: rate("salesapi", "receipts_committed"), unit: "receipts" },
    sales_worker_simulator: { perS: rate("sales_worker", "messages_submitted"), unit: "messages" },
    sales_worker_general: { perS: rate("sales_worker", "outbox_relayed"), unit: "settles" },
    general_general_worker: { perS: rate("general_worker", "settles"), unit: "settles" },
    sales_sales_worker: { perS: rate("sales_worker", "outbox_confirmed"), unit: "confirmed" },
    topics_webapi: { perS: rate("webapi", "topic_updates"), unit: "updates" },
  };
}

/** What waits in the two queues, as reported by their workers; null without a report. */
export function queueDepths(figures: SystemFigures): { general: number | null; sales: number | null } {
  return {
    general: figures.general_worker.levels.queue_general_waiting ?? null,
    sales: figures.sales_worker.levels.queue_sales_waiting ?? null,
  };
}

/** `1,234`, `12`, `0.4`: three significant digits are enough for a rate, and keep it narrow. */
export function showRate(perS: number): string {
  if (perS > 0 && perS < 10) return perS.toFixed(1);
  return Math.round(perS).toLocaleString("en-GB");
}

export const showMegabytes = (bytes: number): string => `${Math.round(bytes / 1_048_576).toLocaleString("en-GB")} MiB`;

export const showCpu = (cpu: number): string => `${Math.round(cpu * 100)} %`;

export const showDelay = (ms: number): string => `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;

/** Whole seconds, minutes above two. */
export function showSilence(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

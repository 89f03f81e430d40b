// What a process uses and does, about once a second: CPU, memory, event-loop delay, rates.
// Published on topic system_stats; started in each node's main.ts. /metrics has the same as
// prom-client's default metrics (process_*, nodejs_*) and as the counters behind the rates.
import { randomBytes } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Counter, type Registry } from "prom-client";
import type { ProcessName } from "../contracts/processes.ts";
import { type ProcessStats, systemChannel } from "../contracts/topics.ts";
import type { Publisher } from "./broadcast.ts";
import { ourMetricPrefix } from "./metrics.ts";

const intervalMs = 1_000;
/**
 * The delay is sampled by a timer with this period, so each sample includes it. Everything in this
 * file together costs about 0.4 % of a core (measured).
 */
const sampleMs = 20;

export interface SystemStatsOptions {
  process: ProcessName;
  registry: Registry;
  publisher: Publisher;
  /**
   * Our gauges (without their prefix) that show what is waiting here. Each is read once a second,
   * so none may be slow.
   */
  levels?: readonly string[];
}

export interface SystemStats {
  stop(): void;
}

/**
 * Publishes until stopped. While Redis is away nothing is measured; the next rates are then
 * averages over the whole gap.
 */
export function startSystemStats({ process: name, registry, publisher, levels = [] }: SystemStatsOptions): SystemStats {
  const instance = `${name}-${process.pid}-${randomBytes(4).toString("hex")}`;
  const measure = createMeter();
  let totals = new Map<string, number>();
  let version = 0;
  let isMeasuring = false;
  const tell = async () => {
    const { elapsedS, ...used } = measure();
    const before = totals;
    totals = await readCounters(registry);
    const stats: ProcessStats = {
      process: name,
      pid: process.pid,
      instance,
      uptime_s: Math.floor(process.uptime()),
      ...used,
      // a counter that first appears has grown from 0, except in the very first sample
      rates: before.size === 0 ? {} : growth(before, totals, elapsedS),
      levels: await readLevels(registry, levels),
      silent_ms: 0,
    };
    publisher.publish("system_stats", systemChannel, { processes: [stats], version: ++version });
  };
  const timer = setInterval(() => {
    if (isMeasuring || !publisher.isConnected()) return;
    isMeasuring = true;
    void tell().finally(() => {
      isMeasuring = false;
    });
  }, intervalMs);
  timer.unref();
  return {
    stop() {
      clearInterval(timer);
      measure.stop();
    },
  };
}

interface Meter {
  /** Usage since the last call. */
  (): Pick<ProcessStats, "cpu" | "rss_bytes" | "heap_bytes" | "loop_delay_p50_ms" | "loop_delay_p99_ms"> & { elapsedS: number };
  stop(): void;
}

function createMeter(): Meter {
  const delay = monitorEventLoopDelay({ resolution: sampleMs });
  delay.enable();
  let cpu = process.cpuUsage();
  let atMs = performance.now();
  const delayMs = (percentile: number) => Math.max(0, round(delay.percentile(percentile) / 1e6 - sampleMs));
  const measure = () => {
    const now = performance.now();
    const elapsedS = (now - atMs) / 1_000;
    const used = process.cpuUsage(cpu);
    const { rss, heapUsed } = process.memoryUsage();
    const taken = {
      elapsedS,
      cpu: round((used.user + used.system) / 1e6 / elapsedS),
      rss_bytes: rss,
      heap_bytes: heapUsed,
      loop_delay_p50_ms: delayMs(50),
      loop_delay_p99_ms: delayMs(99),
    };
    delay.reset();
    cpu = process.cpuUsage();
    atMs = now;
    return taken;
  };
  return Object.assign(measure, { stop: () => void delay.disable() });
}

/** Our counters by short name, summed over all labels. */
async function readCounters(registry: Registry): Promise<Map<string, number>> {
  const totals = new Map<string, number>();
  for (const metric of registry.getMetricsAsArray() as unknown[]) {
    if (!(metric instanceof Counter)) continue;
    const { name, values } = await metric.get();
    if (!name.startsWith(ourMetricPrefix)) continue;
    const shortName = name.slice(ourMetricPrefix.length).replace(/_total$/, "");
    totals.set(
      shortName,
      values.reduce((sum, { value }) => sum + value, 0),
    );
  }
  return totals;
}

/** Growth per second of each counter. */
function growth(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, elapsedS: number): Record<string, number> {
  return Object.fromEntries([...after].map(([name, total]) => [name, Math.max(0, round((total - (before.get(name) ?? 0)) / elapsedS))]));
}

async function readLevels(registry: Registry, names: readonly string[]): Promise<Record<string, number>> {
  const levels: Record<string, number> = {};
  for (const name of names) {
    const sample = await registry.getSingleMetric(ourMetricPrefix + name)?.get();
    const value = sample?.values[0]?.value ?? Number.NaN;
    // the source is away: no level is better than a wrong one
    if (Number.isFinite(value)) levels[name] = value;
  }
  return levels;
}

const round = (value: number) => Math.round(value * 1_000) / 1_000;

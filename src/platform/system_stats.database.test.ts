import { afterEach, expect, test, vi } from "vitest";
import { testRedis } from "../../testing/engines.ts";
import type { ProcessStats, TopicUpdates } from "../contracts/topics.ts";
import { openPublisher, openSubscriber, type Publisher } from "./broadcast.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { startSystemStats } from "./system_stats.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

/** Two updates are a second apart. */
const heard = { timeout: 10_000 };

async function listen(): Promise<{ updates: TopicUpdates["system_stats"][]; publisher: Publisher; last(): ProcessStats | undefined }> {
  const { url, namespace } = await testRedis();
  const options = { redisUrl: url, namespace };
  const updates: TopicUpdates["system_stats"][] = [];
  const subscriber = openSubscriber({
    ...options,
    onUpdate: (_topic, _channel, update) => updates.push(update as TopicUpdates["system_stats"]),
    onReconnect: () => {},
  });
  subscriber.subscribe("system_stats", "all");
  const publisher = openPublisher(options);
  closing.push(publisher.close, subscriber.close);
  return { updates, publisher, last: () => updates.at(-1)?.processes[0] };
}

function start(metrics: Metrics, publisher: Publisher, levels: string[] = []) {
  const stats = startSystemStats({ process: "rpc", registry: metrics.registry, publisher, levels });
  closing.push(stats.stop);
  return stats;
}

test("a process tells its CPU, memory and event-loop delay, each time with a higher version", async () => {
  const { updates, publisher, last } = await listen();
  start(createMetrics("rpc"), publisher);
  await expect.poll(() => updates.length, heard).toBeGreaterThan(1);
  const stats = last() as ProcessStats;
  expect(stats).toMatchObject({ process: "rpc", pid: process.pid, silent_ms: 0, levels: {} });
  expect(stats.cpu).toBeGreaterThan(0);
  expect(stats.heap_bytes).toBeGreaterThan(1_000_000);
  expect(stats.rss_bytes).toBeGreaterThan(stats.heap_bytes);
  expect(stats.loop_delay_p99_ms).toBeGreaterThanOrEqual(stats.loop_delay_p50_ms);
  expect(updates[1]?.version).toBeGreaterThan(updates[0]?.version as number);
  expect(updates[1]?.processes[0]?.instance).toBe(updates[0]?.processes[0]?.instance);
});

test("a blocked event loop shows as delay", async () => {
  const { updates, publisher } = await listen();
  start(createMetrics("rpc"), publisher);
  await expect.poll(() => updates.length, heard).toBeGreaterThan(0);
  const until = performance.now() + 300;
  while (performance.now() < until);
  // an update from before the block may still be on its way
  const longest = () => Math.max(...updates.map(({ processes }) => processes[0]?.loop_delay_p99_ms ?? 0));
  await expect.poll(longest, heard).toBeGreaterThan(200);
});

test("rates are the growth of our own counters a second, all labels together; levels are the gauges that it was asked for", async () => {
  const { updates, publisher } = await listen();
  const metrics = createMetrics("rpc");
  const calls = metrics.counter("rpc_calls_total", "Calls", ["method"]);
  metrics.counter("quiet_total", "Never grows");
  metrics.gauge("queue_waiting", "Jobs", () => 7);
  metrics.gauge("queue_away", "Jobs", () => Promise.reject(new Error("away")));
  start(metrics, publisher, ["queue_waiting", "queue_away"]);
  await expect.poll(() => updates.length, heard).toBeGreaterThan(0);
  expect(updates[0]?.processes[0]?.rates).toEqual({}); // what grew before the first look is no rate
  const since = updates.length;
  calls.inc({ method: "a" }, 400);
  calls.inc({ method: "b" }, 600);
  await expect.poll(() => updates.length, heard).toBeGreaterThan(since + 1);
  const all = updates.slice(since).map((update) => update.processes[0] as ProcessStats);
  const peak = Math.max(...all.map(({ rates }) => rates.rpc_calls ?? 0));
  // on a busy machine, the second in which they came may have been a long one
  expect(peak).toBeGreaterThan(100);
  expect(peak).toBeLessThanOrEqual(1_100);
  expect(all.at(-1)).toMatchObject({ rates: { rpc_calls: 0, quiet: 0 }, levels: { queue_waiting: 7 } });
  expect(all.at(-1)?.levels).not.toHaveProperty("queue_away");
});

test("nothing is measured while Redis is away, and all goes on when it is back", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  closing.push(() => vi.useRealTimers());
  const metrics = createMetrics("rpc");
  const read = vi.fn(() => 1);
  metrics.gauge("queue_waiting", "Jobs", read);
  let isConnected = false;
  const published: unknown[] = [];
  const publisher: Publisher = {
    publish: (_topic, _channel, update) => void published.push(update),
    isConnected: () => isConnected,
    hasReaders: async () => true,
    close: () => {},
  };
  const stats = start(metrics, publisher, ["queue_waiting"]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect([read.mock.calls.length, published.length]).toEqual([0, 0]);
  isConnected = true;
  await vi.advanceTimersByTimeAsync(1_000);
  await vi.waitFor(() => expect(published.length).toBe(1));
  stats.stop();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(published.length).toBe(1);
});

test("/metrics has the same: CPU, memory, event-loop delay", async () => {
  const text = await createMetrics("rpc").registry.metrics();
  for (const name of [
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "nodejs_heap_size_used_bytes",
    "nodejs_eventloop_lag_p99_seconds",
  ]) {
    expect(text).toMatch(new RegExp(`^${name}{process="rpc"} [0-9.e-]+`, "m"));
  }
});

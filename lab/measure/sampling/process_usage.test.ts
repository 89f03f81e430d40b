// The sampler on made-up readings: what began before it, what came later, what was restarted.
import { expect, test } from "vitest";
import type { TreeUsage } from "./proc.ts";
import { openUsageMeter } from "./process_usage.ts";

/** Pids far above any real one, so that nothing real is touched. */
const [salesapi, salesdb, restarted] = [2 ** 30, 2 ** 30 + 1, 2 ** 30 + 2];

function openWorld() {
  const usages = new Map<number, TreeUsage>();
  const pids: Record<string, number | null> = { salesapi, salesdb, webapi: null, redis: 0 };
  const set = (pid: number, cpuMicros: number, memoryMib = 10, peakMib = 20): void =>
    void usages.set(pid, { cpuMicros, memoryMib, peakMib });
  set(salesapi, 1_000_000);
  set(salesdb, 500_000);
  const clock = { ms: 1_000 };
  const meter = openUsageMeter(() => pids, { read: (pid) => usages.get(pid) ?? null, nowMs: () => clock.ms });
  return { pids, set, usages, clock, meter };
}

test("CPU counts from the moment the meter began; what does not run has no entry", () => {
  const { set, meter } = openWorld();
  set(salesapi, 1_250_000, 30, 40);
  expect(meter.cpuMicros()).toEqual({ salesapi: 250_000, salesdb: 0 });
  expect(meter.peakRssMib()).toEqual({ salesapi: 40, salesdb: 20 });
});

test("a process that came later counts from its start, and so does one that was restarted", () => {
  const { pids, set, meter } = openWorld();
  pids.webapi = restarted;
  pids.salesapi = restarted;
  set(restarted, 70_000);
  expect(meter.cpuMicros()).toEqual({ salesapi: 70_000, webapi: 70_000, salesdb: 0 });
});

test("CPU is never negative: a session that ends takes its ticks along for a moment", () => {
  const { set, meter } = openWorld();
  set(salesdb, 400_000);
  expect(meter.cpuMicros().salesdb).toBe(0);
  expect(meter.sample().salesdb?.cpu).toBe(0);
});

test("a sample is the share of a core since the one before, and its memory now", () => {
  const { set, usages, clock, meter } = openWorld();
  clock.ms += 20;
  set(salesapi, 1_010_000, 33);
  usages.delete(salesdb);
  expect(meter.sample()).toEqual({ salesapi: { cpu: 0.5, memoryMib: 33 } });
  clock.ms += 100;
  set(salesapi, 1_110_000, 34);
  expect(meter.sample()).toEqual({ salesapi: { cpu: 1, memoryMib: 34 } });
});

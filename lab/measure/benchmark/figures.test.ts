// Figures of made-up rounds: ratios within a round, no figure of a run that broke a law, CPU scaled
// by the fixed work, and what keeps the rounds going.
import { expect, test } from "vitest";
import { cpuByProcess, figuresOf, peaksOf, wideFigures } from "./figures.ts";
import { measuredOf, runAt } from "./made_up_results.ts";
import { figureKinds } from "./results.ts";

const medians = (...args: Parameters<typeof measuredOf>): Record<string, number> =>
  Object.fromEntries(figuresOf(measuredOf(...args)).map(({ name, median }) => [name, median]));

test("a ratio is the median of the ratios of the rounds, not the ratio of the medians", () => {
  const found = medians([
    { batched: runAt(100), original: runAt(1) },
    { batched: runAt(50), original: runAt(10) },
    { batched: runAt(60), original: runAt(2) },
  ]);
  expect(found.batched_to_original).toBeCloseTo(30, 9);
  expect(found.batched_per_s).toBeCloseTo(60, 9);
});

test("a run that broke a law gives no figure", () => {
  const found = medians([{ batched: runAt(100, { lawsBroken: ["L3"] }), original: runAt(1) }]);
  expect(found).not.toHaveProperty("batched_to_original");
  expect(found).not.toHaveProperty("batched_per_s");
  expect(found.original_per_s).toBe(1);
});

test("an import's ratio is that of the times: 1.4 x a COPY takes longer", () => {
  expect(medians([{ import: runAt(100), copy: runAt(140) }]).import_to_copy).toBeCloseTo(1.4, 9);
});

test("a message has three receipts, so its rate counts threefold against bare HTTP", () => {
  expect(medians([{ single: runAt(1_000), http_single: runAt(6_000) }]).single_to_http_single).toBeCloseTo(0.5, 9);
});

test("CPU is that of the product, its simulator apart, scaled to the machine of the fixed work", () => {
  const slow = { cpuMicros: { salesapi: 10, salesdb: 2, simulator: 6 }, fixedWorkMs: 200 };
  const found = medians([{ batched: runAt(100, slow) }]);
  expect(found).toMatchObject({
    batched_cpu_us: 12,
    batched_cpu_us_scaled: 6,
    batched_simulator_cpu_us_scaled: 3,
    batched_postgres_cpu_us: 2,
  });
});

test("CPU against another subject is scaled in both", () => {
  const store = runAt(100, { cpuMicros: { client: 1, backend: 3, "rest of server": 1 }, fixedWorkMs: 50 });
  const found = medians([{ batched: runAt(100, { cpuMicros: { salesapi: 20, simulator: 9 }, fixedWorkMs: 100 }), store }]);
  expect(found.batched_cpu_to_store).toBeCloseTo(2, 9);
  expect(found.store_cpu_us).toBe(5);
});

test("the largest process stands beside its own memory in the small campaign", () => {
  const runs = {
    batched: runAt(1, { peakRssMib: { salesapi: 100, redis: 12 } }),
    single: runAt(1, { peakRssMib: { salesapi: 120, redis: 10 } }),
  };
  const rounds = [runs, { batched: runAt(1, { peakRssMib: { salesapi: 80 } }) }];
  expect(medians(rounds, { smallPeakRssMib: { salesapi: 80 } })).toMatchObject({ peak_rss_mib: 100, peak_rss_to_small: 1.25 });
  expect(peaksOf(measuredOf(rounds))).toEqual({ salesapi: 120, redis: 12 });
});

test("two of each worker stand beside one, turn by turn", () => {
  const turn = (twoMicros: number, lawsBroken: string[] = []) => ({ oneMicros: 10, twoMicros, lawsBroken });
  expect(medians([{}], { scaling: [turn(11), turn(12), turn(10), turn(90, ["L1"])] }).cpu_two_to_one).toBe(1.1);
});

test("each process has a median of its own", () => {
  const measured = measuredOf([1, 2, 9].map((micros) => ({ store: runAt(1, { cpuMicros: { backend: micros } }) })));
  expect(cpuByProcess(measured, "store").backend).toMatchObject({ median: 2, low: 1, high: 9 });
  expect(cpuByProcess(measured, "original")).toEqual({});
});

test("names are unique, and what was not measured has no figure", () => {
  const all = figuresOf(measuredOf([{ batched: runAt(1), original: runAt(1), store: runAt(1), import: runAt(1), copy: runAt(1) }]));
  const names = all.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(20);
  expect(new Set(names).size).toBe(names.length);
  expect(all.filter(({ kind }) => !figureKinds.includes(kind))).toEqual([]);
  expect(names.filter((name) => name.startsWith("single"))).toEqual([]);
  expect(figuresOf(measuredOf([{}]))).toEqual([]);
});

test("rounds are wanted until each ratio is within 10 %, however much the rates drift together", () => {
  const drifting = (count: number, noise: number) =>
    measuredOf(
      Array.from({ length: count }, (_, index) => ({
        batched: runAt(1_000 * (index + 1) * (1 + (index % 2 === 0 ? noise : 0))),
        original: runAt(10 * (index + 1)),
      })),
    );
  expect(wideFigures(drifting(8, 0.05))).toEqual([]);
  expect(wideFigures(drifting(5, 0.05)).map(({ name }) => name)).toEqual(["batched_to_original", "batched_cpu_to_original"]);
  expect(wideFigures(drifting(8, 0.5)).map(({ name }) => name)).toEqual(["batched_to_original"]);
});

test("without a ratio the rates keep the rounds going", () => {
  const alone = (rates: number[]) => measuredOf(rates.map((rate) => ({ batched: runAt(rate) })));
  expect(wideFigures(alone([1, 2, 3, 4, 5, 6, 7])).map(({ name }) => name)).toEqual(["batched_per_s"]);
  expect(wideFigures(alone([10, 10, 10, 10, 10, 10]))).toEqual([]);
});

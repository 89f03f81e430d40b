// Medians, ratios within a round, and no figure of a run that broke a law.
import { expect, test } from "vitest";
import type { BenchmarkRuns } from "./benchmark.ts";
import type { MeasuredRun, SubjectName } from "./measured_run.ts";
import { median, summarise } from "./summary.ts";

const run = (subject: SubjectName, round: number, perSecond: number, lawsBroken: string[] = []): MeasuredRun => ({
  ...{ subject, round, perSecond, lawsBroken, messages: 1_000, seconds: 1_000 / perSecond, wrongStates: 0, creditOff: 0 },
  ...{ cpuMicrosPerMessage: { salesapi: 5 }, walBytesPerMessage: 300, peakRssMib: { salesapi: 100 } },
});
const runsOf = (runs: MeasuredRun[]): BenchmarkRuns => ({
  runs,
  imports: [],
  bareHttp: [],
  unpipelined: null,
  latency: null,
  scaling: null,
  memory: null,
});

test("the median of an even number of values lies between the middle two, and nothing has none", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNull();
});

test("a ratio is the median of the ratios of the rounds, not the ratio of the medians", () => {
  const summary = summarise(
    runsOf([
      run("batched", 1, 100),
      run("original", 1, 1),
      run("batched", 2, 50),
      run("original", 2, 10),
      run("batched", 3, 60),
      run("original", 3, 2),
    ]),
  );
  expect(summary.batched_to_original).toBe(30);
  expect(summary.batched_per_s).toBe(60);
});

test("a run that broke a law gives no figure, and is counted", () => {
  const summary = summarise(runsOf([run("batched", 1, 100, ["L3"]), run("original", 1, 1)]));
  expect(summary).toMatchObject({ batched_per_s: null, batched_to_original: null, laws_broken: 1, original_per_s: 1 });
});

test("each process's memory stands beside that of the small campaign", () => {
  const runs = { ...runsOf([run("batched", 1, 100)]), memory: { messages: 100, peakRssMib: { salesapi: 79.6 } } };
  expect(summarise(runs)).toMatchObject({
    peak_rss_mib_by_process: { salesapi: 100 },
    small_peak_rss_mib_by_process: { salesapi: 80 },
    peak_rss_to_small: 1.26,
  });
});

test("what was not measured is null", () => {
  expect(summarise(runsOf([]))).toMatchObject({
    single_per_s: null,
    store_per_s: null,
    create_to_copy: null,
    peak_rss_mib: null,
    laws_broken: 0,
  });
});

// Two runs beside each other: which figures are compared, and which overlap.
import { expect, test } from "vitest";
import { compare, comparisonTable } from "./compare.ts";
import { madeUpResults, runAt } from "./made_up_results.ts";
import type { BenchmarkResults } from "./results.ts";

/** Eight rounds whose ratio is about `ratio`, at rates of a machine `speed` times as fast. */
function resultsAt({ ratio = 50, speed = 1, cpu = 20, others = {} }): BenchmarkResults {
  return madeUpResults(
    Array.from({ length: 8 }, (_, index) => {
      const noise = 1 + (index - 3.5) / 100;
      const fixedWorkMs = 100 / speed;
      return {
        batched: runAt(1_000 * ratio * speed * noise, {
          cpuMicros: { salesapi: (cpu * noise) / speed, simulator: 5 / speed },
          fixedWorkMs,
        }),
        original: runAt(1_000 * speed, { cpuMicros: { salesapi: 1_000 / speed }, fixedWorkMs }),
      };
    }),
    others,
  );
}

const apart = (one: BenchmarkResults, other: BenchmarkResults): string[] =>
  compare(one, other)
    .figures.filter(({ overlaps }) => !overlaps)
    .map(({ one: { name } }) => name);

test("a run overlaps with itself, and with one on a machine that is twice as fast", () => {
  expect(apart(resultsAt({}), resultsAt({}))).toEqual([]);
  const faster = compare(resultsAt({}), resultsAt({ speed: 2 }));
  expect(faster.figures.length).toBeGreaterThan(4);
  expect(faster.figures.filter(({ overlaps }) => !overlaps)).toEqual([]);
  for (const { ratio } of faster.figures.filter(({ one }) => one.median > 0)) expect(ratio).toBeCloseTo(1, 9);
});

test("only ratios and scaled CPU are compared, and rates never", () => {
  const kinds = compare(resultsAt({}), resultsAt({ speed: 3 })).figures.map(({ one: { kind } }) => kind);
  expect(new Set(kinds)).toEqual(new Set(["ratio", "cpu"]));
});

test("what changed is apart, and nothing else", () => {
  expect(apart(resultsAt({}), resultsAt({ ratio: 60 }))).toEqual(["batched_to_original"]);
  expect(apart(resultsAt({}), resultsAt({ cpu: 30 }))).toEqual(["batched_cpu_to_original", "batched_cpu_us_scaled"]);
});

test("in either order the same are apart, and the ratio is the inverse", () => {
  const [one, other] = [resultsAt({}), resultsAt({ ratio: 60, cpu: 40 })];
  expect(apart(one, other)).toEqual(apart(other, one));
  const ratios = (a: BenchmarkResults, b: BenchmarkResults) => compare(a, b).figures.filter((found) => found.one.median > 0);
  for (const [index, { ratio }] of ratios(one, other).entries()) expect(ratio * (ratios(other, one)[index]?.ratio ?? 0)).toBeCloseTo(1, 9);
});

test("a figure of one run alone is named, and no figure at all is nothing to compare", () => {
  const alone = madeUpResults([{ batched: runAt(1), store: runAt(2) }]);
  expect(compare(resultsAt({}), alone).missing).toEqual(
    expect.arrayContaining(["batched_to_original", "batched_to_store", "store_cpu_us_scaled"]),
  );
  expect(compare(madeUpResults([{ disk_sync: runAt(1) }]), resultsAt({})).figures).toEqual([]);
});

test("runs of other sizes or programs are said to differ", () => {
  const one = resultsAt({});
  expect(compare(one, resultsAt({})).differences).toEqual([]);
  const other = resultsAt({ others: { level: "full", versions: { ...one.versions, node: "v24.0.0", commit: "another" } } });
  expect(compare(one, other).differences).toEqual(["level: quick and full", "node: v20.0.0 and v24.0.0"]);
  const longer = madeUpResults([{ batched: runAt(1, { messages: 7 }), original: runAt(1) }]);
  expect(compare(one, longer).differences).toEqual(["messages per run: 1000 batched, 1000 original and 1000 original, 7 batched"]);
});

test("the table has each figure of its kind, with both intervals and the verdict", () => {
  const comparison = compare(resultsAt({}), resultsAt({ ratio: 60 }));
  const [row] = comparisonTable(comparison, "ratio").rows;
  expect(row).toEqual([
    ...["bodies of 100 against the original's way", "50.0", "48.7 to 51.3", "60.0", "58.5 to 61.5", "1.20"],
    { verdict: "apart", tone: "broke" },
  ]);
});

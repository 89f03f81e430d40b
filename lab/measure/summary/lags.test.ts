import { describe, expect, test } from "vitest";
import { lagsBetween, percentilesOf, percentilesOfHistogram } from "./lags.ts";

describe("lags between what came and what was done", () => {
  test("the n-th that came is the n-th that was done", () => {
    const came = [
      { atMs: 0, total: 2 },
      { atMs: 10, total: 5 },
    ];
    const done = [
      { atMs: 5, total: 1 },
      { atMs: 20, total: 4 },
      { atMs: 40, total: 5 },
    ];
    expect(lagsBetween(came, done)).toEqual([
      { ms: 5, weight: 1 },
      { ms: 20, weight: 1 },
      { ms: 10, weight: 2 },
      { ms: 30, weight: 1 },
    ]);
  });

  test("what was never done is left out, and nothing is done before it came", () => {
    expect(lagsBetween([{ atMs: 10, total: 5 }], [{ atMs: 4, total: 3 }])).toEqual([{ ms: 0, weight: 3 }]);
    expect(lagsBetween([], [{ atMs: 4, total: 3 }])).toEqual([]);
  });

  test("percentiles weigh each lag by its number", () => {
    const lags = [
      { ms: 100, weight: 1 },
      { ms: 1, weight: 90 },
      { ms: 10, weight: 9 },
    ];
    expect(percentilesOf(lags)).toEqual({ p50: 1, p95: 10, p99: 10 });
    expect(percentilesOf([])).toBeNull();
  });
});

describe("percentiles of a histogram", () => {
  test("lie within the bucket that holds them", () => {
    const buckets = [
      { le: 0.01, count: 50 },
      { le: 0.02, count: 100 },
      { le: Number.POSITIVE_INFINITY, count: 100 },
    ];
    const found = percentilesOfHistogram(buckets);
    expect(found?.p50).toBeCloseTo(10, 9);
    expect(found?.p95).toBeCloseTo(19, 9);
  });

  test("above the last finite bound are that bound; an empty one has none", () => {
    const beyond = [
      { le: 10, count: 0 },
      { le: Number.POSITIVE_INFINITY, count: 4 },
    ];
    expect(percentilesOfHistogram(beyond)?.p50).toBe(10_000);
    expect(percentilesOfHistogram([{ le: 1, count: 0 }])).toBeNull();
  });
});

// Intervals of medians: they contain what they should as often as they say, whatever the values are
// spread like.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../../testing/random.ts";
import { coveragesOf, coverageWanted, isWithin, median, medianInterval, overlap } from "./median.ts";

const values = fc.array(fc.double({ min: 1e-3, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 60 });

describe("a median", () => {
  test("of an even number of values lies between the middle two, and nothing has none", () => {
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNull();
    expect(medianInterval([])).toBeNull();
  });
});

describe("the coverage of the k-th smallest to the k-th largest", () => {
  test("is that of the tables of the sign test", () => {
    // 1 - 2 P(Binomial(n, 1/2) < k)
    expect(coveragesOf(1)).toEqual([0]);
    expect(coveragesOf(3)).toEqual([0.75, 0]);
    expect(coveragesOf(5)[0]).toBe(0.9375);
    expect(coveragesOf(6)[0]).toBe(0.96875);
    expect(coveragesOf(8)[0]).toBe(0.9921875);
    expect(coveragesOf(8)[1]).toBeCloseTo(0.9297, 4);
    expect(coveragesOf(20)[5]).toBeCloseTo(0.9586, 4);
  });

  test("falls with every k, for any number of values", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), (count) => {
        const coverages = coveragesOf(count);
        expect(coverages).toHaveLength(Math.ceil(count / 2));
        for (const [index, coverage] of coverages.entries()) expect(coverage).toBeLessThanOrEqual(coverages[index - 1] ?? 1);
      }),
    );
  });
});

describe("an interval", () => {
  test("of fewer than six values is their range, and says how little that is worth", () => {
    expect(medianInterval([3])).toEqual({ median: 3, low: 3, high: 3, count: 1, coverage: 0 });
    expect(medianInterval([3, 1, 2])).toEqual({ median: 2, low: 1, high: 3, count: 3, coverage: 0.75 });
    expect(medianInterval([5, 3, 1, 2, 4])).toMatchObject({ low: 1, high: 5, coverage: 0.9375 });
  });

  test("lies between the interval that is too wide and the one that is too narrow", () => {
    // eight values: 1 to 8 covers 99.2 %, 2 to 7 covers 93.0 %
    const { low, high, coverage } = medianInterval([1, 2, 3, 4, 5, 6, 7, 8]) as NonNullable<ReturnType<typeof medianInterval>>;
    expect(coverage).toBe(coverageWanted);
    expect(low).toBeGreaterThan(1);
    expect(low).toBeLessThan(2);
    expect(high).toBeCloseTo(9 - low, 12);
  });

  test("contains its median, lies within the values, and does not care for their order or unit", () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0.01, max: 100, noNaN: true }), (found, unit) => {
        const interval = medianInterval(found) as NonNullable<ReturnType<typeof medianInterval>>;
        expect(interval.low).toBeLessThanOrEqual(interval.median);
        expect(interval.high).toBeGreaterThanOrEqual(interval.median);
        expect(interval.low).toBeGreaterThanOrEqual(Math.min(...found));
        expect(interval.high).toBeLessThanOrEqual(Math.max(...found));
        expect(medianInterval(found.toReversed())).toEqual(interval);
        const other = medianInterval(found.map((value) => value * unit)) as typeof interval;
        for (const name of ["median", "low", "high"] as const) expect(other[name] / (interval[name] * unit)).toBeCloseTo(1, 9);
      }),
    );
  });

  test("a single outlier moves it no further than to the next value", () => {
    const steady = [10, 10.1, 10.2, 10.3, 10.4, 10.5, 10.6, 10.7, 10.8];
    const disturbed = [...steady, 1_000];
    expect((medianInterval(disturbed) as { high: number }).high).toBeLessThanOrEqual(10.8);
  });

  const spreads: Record<string, { draw(uniform: () => number): number; median: number }> = {
    uniform: { draw: (uniform) => uniform(), median: 0.5 },
    "skewed, as times are": { draw: (uniform) => -Math.log(1 - uniform()), median: Math.log(2) },
    "log-normal": { draw: (uniform) => Math.exp(Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())), median: 1 },
    "now and then ten times as long": { draw: (uniform) => (uniform() < 0.1 ? 10 : 1) * (1 + uniform()), median: 1 + 5 / 9 },
  };

  test.each(Object.keys(spreads))("contains the true median as often as it says: %s", (name) => {
    const { draw, median: truth } = spreads[name] as (typeof spreads)[string];
    const uniform = createRandom(41);
    for (const count of [3, 5, 6, 7, 9, 14, 30]) {
      const trials = 3_000;
      let found = 0;
      let coverage = 0;
      for (let trial = 0; trial < trials; trial += 1) {
        const interval = medianInterval(Array.from({ length: count }, () => draw(uniform))) as NonNullable<
          ReturnType<typeof medianInterval>
        >;
        coverage = interval.coverage;
        if (interval.low <= truth && truth <= interval.high) found += 1;
      }
      // three standard errors of 3,000 trials, and one percent for the interpolation
      expect(found / trials).toBeGreaterThan(coverage - 3 * Math.sqrt((coverage * (1 - coverage)) / trials) - 0.01);
      expect(found / trials).toBeLessThan(coverage + 3 * Math.sqrt((coverage * (1 - coverage)) / trials) + 0.02);
    }
  });
});

test("within a share of the median is both ends, and never with too few values", () => {
  const known = { median: 10, low: 9.1, high: 10.9, count: 8, coverage: 0.95 };
  expect(isWithin(known, 0.1)).toBe(true);
  expect(isWithin({ ...known, high: 11.1 }, 0.1)).toBe(false);
  expect(isWithin({ ...known, low: 8.9 }, 0.1)).toBe(false);
  expect(isWithin({ ...known, coverage: 0.9375 }, 0.1)).toBe(false);
});

test("intervals overlap when they share a point, in either order", () => {
  const one = { low: 1, high: 2 };
  for (const [other, expected] of [
    [{ low: 2, high: 3 }, true],
    [{ low: 2.01, high: 3 }, false],
    [{ low: 0, high: 5 }, true],
    [{ low: 1.2, high: 1.3 }, true],
  ] as const) {
    expect(overlap(one, other)).toBe(expected);
    expect(overlap(other, one)).toBe(expected);
  }
});

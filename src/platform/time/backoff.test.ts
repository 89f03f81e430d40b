import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs, spreadBackoffMs } from "./backoff.ts";

const backoff = { firstMs: 200, maxMs: 30_000 };

test("the first wait is the first, each later one twice as long, none longer than the longest", () => {
  expect([1, 2, 3, 7, 8, 9, 1e9].map((attempt) => backoffMs(backoff, attempt))).toEqual([200, 400, 800, 12_800, 25_600, 30_000, 30_000]);
  expect([1, 2, 3].map((attempt) => backoffMs({ firstMs: 50, maxMs: 5_000, factor: 3 }, attempt))).toEqual([50, 150, 450]);
  expect([1, 99].map((attempt) => backoffMs({ firstMs: 100, maxMs: 100 }, attempt))).toEqual([100, 100]);
});

test.each([0, -3])("attempt %s counts as the first", (attempt) => {
  expect(backoffMs(backoff, attempt)).toBe(200);
});

test("it never shrinks with the attempts, and its spread stays within its upper half", () => {
  const cases = fc.record({
    attempt: fc.integer({ min: 1, max: 5_000 }),
    chance: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  });
  fc.assert(
    fc.property(cases, ({ attempt, chance }) => {
      const wholeMs = backoffMs(backoff, attempt);
      expect(backoffMs(backoff, attempt + 1)).toBeGreaterThanOrEqual(wholeMs);
      const spreadMs = spreadBackoffMs(backoff, attempt, () => chance);
      expect(spreadMs).toBeGreaterThanOrEqual(wholeMs / 2);
      expect(spreadMs).toBeLessThanOrEqual(wholeMs);
    }),
  );
});

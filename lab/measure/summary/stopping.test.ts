// When the rounds of a benchmark end.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Progress, whyStop } from "./stopping.ts";

const midway: Progress = { rounds: 3, roundsMax: 100, passedMs: 60_000, longestRoundMs: 10_000, budgetMs: 120_000, wide: 4 };

test("rounds go on while a ratio is not known and another one fits", () => {
  expect(whyStop(midway)).toBeNull();
  expect(whyStop({ ...midway, passedMs: 110_000 })).toBeNull();
});

test("they end when every ratio is known, when the time is over, or after as many as were asked for", () => {
  expect(whyStop({ ...midway, wide: 0 })).toBe("intervals");
  expect(whyStop({ ...midway, passedMs: 110_001 })).toBe("time");
  expect(whyStop({ ...midway, roundsMax: 3 })).toBe("rounds");
});

test("the first one always runs, and with it every benchmark has a round", () => {
  const any = fc.record({
    ...{ rounds: fc.nat(20), roundsMax: fc.integer({ min: 1, max: 20 }), wide: fc.nat(5) },
    ...{ passedMs: fc.nat(200_000), longestRoundMs: fc.nat(200_000), budgetMs: fc.nat(200_000) },
  });
  fc.assert(
    fc.property(any, (progress) => {
      const reason = whyStop(progress);
      if (progress.rounds === 0) expect(reason).toBeNull();
      else if (reason === null) {
        // no round starts that is one too many, for nothing, or ends too late
        expect(progress.rounds).toBeLessThan(progress.roundsMax);
        expect(progress.wide).toBeGreaterThan(0);
        expect(progress.passedMs + progress.longestRoundMs).toBeLessThanOrEqual(progress.budgetMs);
      }
    }),
  );
});

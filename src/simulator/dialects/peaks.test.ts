// The most that an account has shown: in any second, wherever it begins.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createPeaks } from "./peaks.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const arrivals = fc.array(fc.record({ afterMs: fc.nat(700), parts: fc.integer({ min: 1, max: 3 }) }), { maxLength: 60 });

test("the busiest second is that of the definition, over all seconds that end with an arrival", () => {
  fc.assert(
    fc.property(arrivals, (steps) => {
      let nowMs = 0;
      const peaks = createPeaks(() => nowMs);
      const seen: { atMs: number; parts: number }[] = [];
      for (const { afterMs, parts } of steps) {
        nowMs += afterMs;
        seen.push({ atMs: nowMs, parts });
        peaks.begin("smpp:oulu", parts)();
      }
      const inSecondOf = (endMs: number) =>
        seen.filter(({ atMs }) => atMs > endMs - 1_000 && atMs <= endMs).reduce((sum, { parts }) => sum + parts, 0);
      const most = Math.max(0, ...seen.map(({ atMs }) => inSecondOf(atMs)));
      expect(peaks.read()["smpp:oulu"]?.parts_per_second_most ?? 0).toBe(most);
    }),
    { seed },
  );
});

test("what is in flight counts until its end, binds until they are gone; accounts apart", () => {
  const peaks = createPeaks();
  const ends = [peaks.begin("a", 2), peaks.begin("a", 1), peaks.begin("b", 1)];
  peaks.bind("a");
  peaks.bind("a");
  peaks.unbind("a");
  for (const end of ends.slice(0, 2)) end();
  expect(peaks.read()).toMatchObject({
    a: { in_flight: 0, in_flight_most: 3, binds: 1, binds_most: 2 },
    b: { in_flight: 1, in_flight_most: 1, binds: 0 },
  });
});

test("thousands of arrivals in one second are counted, and forgotten in the next", () => {
  let nowMs = 0;
  const peaks = createPeaks(() => nowMs);
  for (let second = 0; second < 3; second++) {
    for (let no = 0; no < 6_000; no++) peaks.begin("a", 1)();
    nowMs += 1_000;
  }
  expect(peaks.read().a?.parts_per_second_most).toBe(6_000);
});

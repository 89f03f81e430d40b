import fc from "fast-check";
import { expect, test } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { createEventWheel, tickMs } from "./event_wheel.ts";

const hour = 3_600_000;

test("steps come out by time, those of one moment in the order they were put in, none before its time", () => {
  const dueTimes = fc.array(fc.integer({ min: -1_000, max: 100 * hour }), { maxLength: 300 });
  fc.assert(
    fc.property(dueTimes, fc.integer({ min: 1, max: 50 }), (dues, most) => {
      const wheel = createEventWheel(0);
      dues.forEach((dueMs, what) => {
        wheel.put(dueMs, 1, what);
      });
      const taken: number[] = [];
      const early: number[] = [];
      for (let nowMs = 0; wheel.size() > 0; nowMs += hour) {
        const each = (_owner: number, what: number): void => {
          taken.push(what);
          if ((dues[what] as number) > nowMs) early.push(what);
        };
        while (wheel.take(nowMs, most, each) === most);
      }
      expect(early).toEqual([]);
      const tick = (what: number): number => Math.max(0, Math.ceil((dues[what] as number) / tickMs));
      const expected = dues.map((_, what) => what).sort((a, b) => tick(a) - tick(b) || a - b);
      expect(taken).toEqual(expected);
    }),
    { numRuns: randomRuns(8) },
  );
});

test("a step put while another is taken, and due already, comes in the same turn", () => {
  const wheel = createEventWheel(0);
  const taken: number[] = [];
  wheel.put(100, 1, 1);
  wheel.take(200, 10, (_owner, what) => {
    taken.push(what);
    if (what < 3) wheel.put(100, 1, what + 1);
  });
  expect(taken).toEqual([1, 2, 3]);
});

test("a clock that goes back delays, and loses nothing", () => {
  const wheel = createEventWheel(0);
  const taken: number[] = [];
  wheel.put(hour, 1, 1);
  wheel.take(hour / 2, 10, (_owner, what) => taken.push(what));
  wheel.take(0, 10, (_owner, what) => taken.push(what));
  wheel.put(0, 1, 2);
  wheel.take(hour, 10, (_owner, what) => taken.push(what));
  expect(taken).toEqual([2, 1]);
});

test("a million steps take less than 40 bytes each", () => {
  const wheel = createEventWheel(0);
  const before = process.memoryUsage().arrayBuffers;
  for (let step = 0; step < 1_000_000; step++) wheel.put(step % (72 * hour), 1, step);
  expect(wheel.size()).toBe(1_000_000);
  expect((process.memoryUsage().arrayBuffers - before) / 1_000_000).toBeLessThan(40);
});

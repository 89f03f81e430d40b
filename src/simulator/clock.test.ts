import fc from "fast-check";
import { expect, test } from "vitest";
import { createClock, type SimulatorClock, steadyTimeOf } from "./clock.ts";

test("the steady clock counts on from process to process, whatever the time of day is", () => {
  const [one, other] = [createClock(), createClock()];
  expect(Math.abs(other.steadyMs() - one.steadyMs())).toBeLessThan(1_000);
  expect(Math.abs(one.steadyMs() - Number(process.hrtime.bigint()) / 1e6)).toBeLessThan(1_000);
  expect(one.boot).toBeGreaterThan(0);
  if (process.platform === "linux") expect(one.boot).toBe(other.boot);
});

const ms = fc.integer({ min: 0, max: 10_000_000 });
const shift = fc.integer({ min: -7_200_000, max: 7_200_000 });

test("what began in this boot began when the steady clock says so, however the wall clock was set before or after", () => {
  fc.assert(
    fc.property(ms, ms, shift, shift, (began, passed, shiftThen, shiftNow) => {
      const clock: SimulatorClock = { wallMs: () => 1e12 + began + passed + shiftNow, steadyMs: () => began + passed, boot: 7 };
      expect(steadyTimeOf({ atMs: 1e12 + began + shiftThen, steadyAtMs: began, boot: 7 }, clock)).toBe(began);
    }),
  );
});

test("what began in another boot began as long ago as the time of day says, and never later than now", () => {
  fc.assert(
    fc.property(ms, shift, (steady, ago) => {
      const clock: SimulatorClock = { wallMs: () => 1e12, steadyMs: () => steady, boot: 7 };
      const beganMs = steadyTimeOf({ atMs: 1e12 - ago, steadyAtMs: 123, boot: 8 }, clock);
      expect(beganMs).toBe(steady - Math.max(0, ago));
    }),
  );
});

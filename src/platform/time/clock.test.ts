import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";
import { timerMaxMs } from "./sleep.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("steady time passes, however the wall clock is set", () => {
  const before = systemClock.steadyMs();
  vi.setSystemTime(5_000);
  vi.advanceTimersByTime(1_000);
  expect(systemClock.steadyMs() - before).toBeCloseTo(1_000);
  expect(systemClock.wallMs()).toBe(6_000);
});

test("a call is made once, after its time, unless it was called off", () => {
  const made: string[] = [];
  systemClock.after(100, () => made.push("made"));
  systemClock.after(100, () => made.push("called off"))();
  systemClock.after(-5, () => made.push("at once"));
  vi.advanceTimersByTime(99);
  expect(made).toEqual(["at once"]);
  vi.advanceTimersByTime(1_000);
  expect(made).toEqual(["at once", "made"]);
});

test("a wait longer than a timer can hold ends when the timer does, not at once", () => {
  let isMade = false;
  systemClock.after(timerMaxMs * 2, () => {
    isMade = true;
  });
  vi.advanceTimersByTime(timerMaxMs - 1);
  expect(isMade).toBe(false);
  vi.advanceTimersByTime(1);
  expect(isMade).toBe(true);
});

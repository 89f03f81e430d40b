import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createThrottle } from "./throttle.ts";

let acted: number[] = [];
const act = () => acted.push(Date.now());
beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  acted = [];
});
afterEach(() => void vi.useRealTimers());

test("the first request is met at once, all others of an interval together at its end", () => {
  const throttle = createThrottle(act, 100);
  for (let request = 0; request < 50; request++) throttle.ask();
  expect(acted).toEqual([0]);
  vi.advanceTimersByTime(1_000);
  expect(acted).toEqual([0, 100]);
});

test("under a steady stream it acts once an interval, and the last request is not forgotten", () => {
  const throttle = createThrottle(act, 100);
  for (let atMs = 0; atMs < 1_000; atMs += 10) {
    throttle.ask();
    vi.advanceTimersByTime(10);
  }
  vi.advanceTimersByTime(1_000);
  expect(acted).toEqual([0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1_000]);
});

test("after a quiet interval the next request is met at once again", () => {
  const onQuiet = vi.fn();
  const throttle = createThrottle(act, 100, onQuiet);
  throttle.ask();
  throttle.ask();
  vi.advanceTimersByTime(199);
  expect(onQuiet).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onQuiet).toHaveBeenCalledOnce();
  expect(vi.getTimerCount()).toBe(0);
  throttle.ask();
  expect(acted).toEqual([0, 100, 200]);
});

test("what it does may ask for it again", () => {
  const throttle = createThrottle(() => {
    act();
    if (acted.length < 3) throttle.ask();
  }, 100);
  throttle.ask();
  vi.advanceTimersByTime(1_000);
  expect(acted).toEqual([0, 100, 200]);
});

test("closed, it does what waits and nothing after it; cancelled, it forgets", () => {
  const closed = createThrottle(act, 100);
  closed.close();
  closed.ask();
  expect(acted).toEqual([]); // nothing waited
  const waiting = createThrottle(act, 100);
  waiting.ask();
  waiting.ask();
  vi.advanceTimersByTime(30);
  waiting.close();
  waiting.ask();
  expect(acted).toEqual([0, 30]);
  const cancelled = createThrottle(act, 100);
  cancelled.ask();
  cancelled.ask();
  cancelled.cancel();
  vi.advanceTimersByTime(1_000);
  expect(acted).toEqual([0, 30, 30]);
});

test.each([0, -1])("at an interval of %s every request is met at once", (intervalMs) => {
  const onQuiet = vi.fn();
  const throttle = createThrottle(act, intervalMs, onQuiet);
  for (let request = 0; request < 10; request++) throttle.ask();
  expect(acted).toHaveLength(10);
  expect(onQuiet).toHaveBeenCalledTimes(10);
  expect(vi.getTimerCount()).toBe(0);
});

test("the wall clock may be set without any effect", () => {
  const throttle = createThrottle(() => acted.push(0), 100);
  throttle.ask();
  throttle.ask();
  vi.setSystemTime(-86_400_000);
  vi.advanceTimersByTime(100);
  expect(acted).toHaveLength(2);
});

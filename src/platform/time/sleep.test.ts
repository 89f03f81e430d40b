import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { nextTurn } from "./next_turn.ts";
import { sleep, timerMaxMs } from "./sleep.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function watch(sleeping: Promise<void>): { isOver: boolean } {
  const state = { isOver: false };
  void sleeping.then(() => {
    state.isOver = true;
  });
  return state;
}

test("it lasts as long as asked, whatever the wall clock is set to meanwhile", async () => {
  const slept = watch(sleep(1_000));
  vi.setSystemTime(Date.now() + 3_600_000);
  await vi.advanceTimersByTimeAsync(999);
  expect(slept.isOver).toBe(false);
  vi.setSystemTime(Date.now() - 7_200_000);
  await vi.advanceTimersByTimeAsync(1);
  expect(slept.isOver).toBe(true);
});

test.each([0, -5, Number.NaN])("%s gives way once, and no longer", async (ms) => {
  const slept = watch(sleep(ms));
  await Promise.resolve();
  expect(slept.isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(0);
  expect(slept.isOver).toBe(true);
});

test("more than a timer can hold is not less: it does not end at once", async () => {
  const slept = watch(sleep(timerMaxMs + 1_000));
  await vi.advanceTimersByTimeAsync(timerMaxMs + 999);
  expect(slept.isOver).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(slept.isOver).toBe(true);
});

test("a signal ends it without an error, also one that aborted before, and leaves nothing behind", async () => {
  const controller = new AbortController();
  const removed = vi.spyOn(controller.signal, "removeEventListener");
  const slept = watch(sleep(Number.POSITIVE_INFINITY, controller.signal));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(slept.isOver).toBe(false);
  controller.abort();
  await vi.advanceTimersByTimeAsync(0);
  expect(slept.isOver).toBe(true);
  expect(removed).toHaveBeenCalledOnce();
  await sleep(1_000, controller.signal);
  expect(vi.getTimerCount()).toBe(0);
});

test("a signal that never aborts keeps no listener of a sleep that is over", async () => {
  const { signal } = new AbortController();
  const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")];
  const slept = watch(sleep(10, signal));
  await vi.advanceTimersByTimeAsync(10);
  expect(slept.isOver).toBe(true);
  expect(removed).toHaveBeenCalledTimes(added.mock.calls.length);
});

test("the next turn comes after what was due", async () => {
  vi.useRealTimers();
  const order: string[] = [];
  setImmediate(() => order.push("due"));
  await nextTurn();
  expect(order).toEqual(["due"]);
});

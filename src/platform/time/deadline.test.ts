import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { deadlineIn, succeedsWithin, within } from "./deadline.ts";
import { timerMaxMs } from "./sleep.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const late = () => new Error("late");
const afterMs = <T>(ms: number, value: T) => new Promise<T>((resolve) => setTimeout(() => resolve(value), ms));
const never = new Promise<never>(() => {});

describe("a deadline", () => {
  test("counts down on the monotonic clock: a step of the wall clock neither brings it nearer nor delays it", () => {
    const deadline = deadlineIn(1_000);
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(deadline.isOver()).toBe(false);
    vi.advanceTimersByTime(400);
    expect(deadline.leftMs()).toBeCloseTo(600);
    vi.setSystemTime(0);
    vi.advanceTimersByTime(600);
    expect(deadline.isOver()).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(deadline.leftMs()).toBe(0);
  });

  test.each([0, -1])("%s ms from now has passed", (limitMs) => {
    expect(deadlineIn(limitMs).isOver()).toBe(true);
    expect(deadlineIn(limitMs).leftMs()).toBe(0);
  });

  test("in infinity it never passes", () => {
    const deadline = deadlineIn(Number.POSITIVE_INFINITY);
    vi.advanceTimersByTime(timerMaxMs);
    expect(deadline.isOver()).toBe(false);
    expect(deadline.leftMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("work within a limit", () => {
  test("passes its result and its error on, and leaves no timer", async () => {
    await expect(within(1_000, Promise.resolve(7), late)).resolves.toBe(7);
    await expect(within(1_000, Promise.reject(new Error("its own")), late)).rejects.toThrow("its own");
    expect(vi.getTimerCount()).toBe(0);
  });

  test("that ends in its last millisecond is in time; a millisecond later it is late", async () => {
    const inTime = within(100, afterMs(99, "done"), late);
    const tooLate = expect(within(100, afterMs(101, "done"), late)).rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(100);
    await expect(inTime).resolves.toBe("done");
    await tooLate;
  });

  test.each([0, -50])("a limit of %s leaves time only for what has settled already", async (limitMs) => {
    await expect(within(limitMs, Promise.resolve("ready"), late)).resolves.toBe("ready");
    const given = expect(within(limitMs, never, late)).rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(0);
    await given;
  });

  test("what it throws after its deadline is nobody's", async () => {
    const thrown = vi.fn();
    process.once("unhandledRejection", thrown);
    const failing = afterMs(20, null).then(() => Promise.reject(new Error("much too late")));
    const given = expect(within(10, failing, late)).rejects.toThrow("late");
    await vi.advanceTimersByTimeAsync(30);
    await given;
    process.off("unhandledRejection", thrown);
    expect(thrown).not.toHaveBeenCalled();
  });

  test("has all the time it needs when the limit is infinite, or longer than a timer can hold", async () => {
    for (const limitMs of [Number.POSITIVE_INFINITY, timerMaxMs + 1]) {
      const done = within(limitMs, afterMs(86_400_000, "done"), late);
      await vi.advanceTimersByTimeAsync(86_400_000);
      await expect(done).resolves.toBe("done");
    }
  });

  test("as a yes or no: no for a failure and for silence", async () => {
    expect(await succeedsWithin(10, Promise.resolve(0))).toBe(true);
    expect(await succeedsWithin(10, Promise.reject(new Error("refused")))).toBe(false);
    const silent = succeedsWithin(10, never);
    await vi.advanceTimersByTimeAsync(10);
    expect(await silent).toBe(false);
  });
});

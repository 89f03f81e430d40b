import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { waitUntil } from "./wait_until.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a condition that holds is not waited for", async () => {
  expect(await waitUntil(() => true, 0)).toBe(true);
  expect(vi.getTimerCount()).toBe(0);
});

test("it is asked again until it holds", async () => {
  let asked = 0;
  const waiting = waitUntil(async () => ++asked === 4, 1_000, 10);
  await vi.advanceTimersByTimeAsync(30);
  expect(await waiting).toBe(true);
});

test("it is asked a last time at the limit, which a long pause does not overrun", async () => {
  let asked = 0;
  const waiting = waitUntil(() => ++asked < 0, 250, 100);
  await vi.advanceTimersByTimeAsync(250);
  expect(await waiting).toBe(false);
  expect(asked).toBe(4); // after 0, 100, 200 and 250 ms
});

test.each([0, -10])("a limit of %s asks once", async (limitMs) => {
  let asked = 0;
  expect(await waitUntil(() => ++asked < 0, limitMs)).toBe(false);
  expect(asked).toBe(1);
});

test("what the condition throws ends the wait", async () => {
  await expect(waitUntil(() => Promise.reject(new Error("broken")), 1_000)).rejects.toThrow("broken");
});

import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { readRetryAfter, retryAfterS } from "./retry_after.ts";

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 9, 21, 7, 28, 0) }));
afterEach(() => void vi.useRealTimers());

test.each([
  ["0", 0],
  ["1", 1_000],
  [" 120 ", 60_000],
  ["1.5", 1_500],
  ["99999999999999999999", 60_000],
  ["Wed, 21 Oct 2026 07:28:07 GMT", 7_000],
  ["Wednesday, 21-Oct-26 07:28:07 GMT", 7_000],
  ["Wed, 21 Oct 2026 09:00:00 GMT", 60_000],
  ["Wed, 21 Oct 2015 07:28:00 GMT", 0],
])("%j asks for a wait of %s ms, at most a minute", (header, expectedMs) => {
  expect(readRetryAfter(header, 60_000)).toBe(expectedMs);
  expect(readRetryAfter([header, "5"], 60_000)).toBe(expectedMs);
});

test.each([null, undefined, "", " ", "soon", "-5", "+5", "1e3", "0x10", "NaN", "Infinity", "5 s", "2026-10-21"])(
  "%j asks for nothing",
  (header) => {
    expect(readRetryAfter(header, 60_000)).toBe(null);
  },
);

test.each([
  [-5, 1],
  [0, 1],
  [1, 1],
  [1_000, 1],
  [1_001, 2],
  [60_000, 60],
])("a wait of %s ms is written as %s s", (waitMs, expectedS) => {
  expect(retryAfterS(waitMs)).toBe(expectedS);
});

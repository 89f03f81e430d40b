import { expect, test } from "vitest";
import { createTokenBucket } from "./token_bucket.ts";

test("over a long time no more passes than the limit, and one second's worth at once", () => {
  let nowMs = 0;
  const bucket = createTokenBucket(100, () => nowMs);
  let passed = 0;
  for (; nowMs < 60_000; nowMs += 10) if (bucket.take(10) === 0) passed += 10;
  expect(passed).toBeGreaterThanOrEqual(60 * 100 - 10);
  expect(passed).toBeLessThanOrEqual(61 * 100);
});

test("whoever waits as long as told gets through", () => {
  let nowMs = 0;
  const bucket = createTokenBucket(10, () => nowMs);
  expect(bucket.take(10)).toBe(0);
  const waitS = bucket.take(10);
  expect(waitS).toBe(1);
  nowMs += waitS * 1_000;
  expect(bucket.take(10)).toBe(0);
});

test("a body larger than a second's worth passes too, and is paid for afterwards", () => {
  let nowMs = 0;
  const bucket = createTokenBucket(10, () => nowMs);
  expect(bucket.take(50)).toBe(0);
  expect(bucket.take(1)).toBe(5);
  nowMs += 5_000;
  expect(bucket.take(1)).toBe(0);
});

test("without a limit everything passes", () => {
  const bucket = createTokenBucket(0, () => 0);
  expect(bucket.take(1e9)).toBe(0);
});

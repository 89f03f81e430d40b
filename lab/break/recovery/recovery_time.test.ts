import { expect, test } from "vitest";
import { type FlowSample, quantile, recoveryOf } from "./recovery_time.ts";

/** A sample each 100 ms of a flow of `rateAt` messages a second, from 0 to 20 s. */
function flowOf(rateAt: (atMs: number) => number): FlowSample[] {
  const samples: FlowSample[] = [{ atMs: 0, total: 0 }];
  for (let atMs = 100; atMs <= 20_000; atMs += 100) {
    samples.push({ atMs, total: (samples.at(-1)?.total ?? 0) + rateAt(atMs) / 10 });
  }
  return samples;
}

test("a flow that never falls has recovered at once", () => {
  const samples = flowOf(() => 500);
  expect(recoveryOf(samples, 5_000, 4_000)).toMatchObject({ before: 500, dip: 1, recoveredMs: 0, behindMs: 0 });
});

test("a flow that stands still for 3 s is back after 3 s, less the slack of 0.3 s", () => {
  const { dip, recoveredMs, behindMs } = recoveryOf(
    flowOf((atMs) => (atMs > 5_000 && atMs <= 8_000 ? 0 : 500)),
    5_000,
    4_000,
  );
  expect(dip).toBe(0);
  expect(behindMs).toBeCloseTo(3_000);
  expect(recoveredMs).toBeGreaterThanOrEqual(2_600);
  expect(recoveredMs).toBeLessThanOrEqual(3_000);
});

test("a short burst after a fall does not count as back", () => {
  const rateAt = (atMs: number) => (atMs <= 5_000 || atMs > 9_000 ? 500 : atMs > 6_000 && atMs <= 6_500 ? 500 : 0);
  expect(recoveryOf(flowOf(rateAt), 5_000, 4_000).recoveredMs).toBeGreaterThan(3_500);
});

test("a flow that stays at 80 % does not come back", () => {
  const samples = flowOf((atMs) => (atMs <= 5_000 ? 500 : 400));
  expect(recoveryOf(samples, 5_000, 4_000).recoveredMs).toBeNull();
});

test("quantiles are values that were measured", () => {
  expect(quantile([5, 1, 4, 2, 3], 0.5)).toBe(3);
  expect(quantile([5, 1, 4, 2, 3], 0.95)).toBe(5);
});

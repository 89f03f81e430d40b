// The quick part of verify:crash: one crash in each kind of step, on one cluster; and that every
// point of the design has its trial.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type FailpointName, failpointNames, failpoints } from "../../../src/contracts/failpoints.ts";
import { experiments } from "./crash_experiments.ts";
import { crashAt } from "./crash_kill.ts";
import { type CrashLab, labOf, startCrashLab } from "./crash_lab.ts";
import { impossible, outcomes } from "./crash_points.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const seed = Number(process.env.TEST_SEED ?? 1);
let lab: CrashLab;
beforeAll(async () => {
  lab = await startCrashLab(seed, [40, 80]);
});
afterAll(async () => {
  await lab?.stop();
});

test("each crash point is tried, or is listed with the reason why it cannot exist", () => {
  const points = Array.from({ length: 41 }, (_, index) => `C${String(index + 1).padStart(2, "0")}`);
  expect(Object.keys(outcomes)).toEqual(points);
  const tried = new Set<string>([
    ...failpointNames.map((name) => failpoints[name].point),
    ...experiments.map(({ point }) => point),
    ...Object.keys(impossible),
  ]);
  expect(points.filter((point) => !tried.has(point))).toEqual([]);
});

const quick: readonly [FailpointName, number][] = [
  ["intent_committed", 2],
  ["receipts_uncommitted", 3],
  ["verdict_journaled", 1],
  ["settle_uncommitted", 1],
  ["release_committed", 1],
];

test.each(quick)("killed at %s, hit %i: the campaigns end as if nothing had happened", async (name, hit) => {
  const row = await crashAt(labOf(lab, seed, name), name, hit);
  expect(row).toMatchObject({ verdict: "held", hitsSeen: hit, reasons: [] });
});

// The quick part of verify:crash and verify:faults, on one cluster: a process that is killed
// between two steps, a link that loses replies, operators who contradict each other. (More of both:
// verify.proof.test.ts; that the lists are whole: crash_points.test.ts, cells.test.ts.)
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { FailpointName } from "../../../src/contracts/failpoints.ts";
import { runScenario } from "../stage/run_scenario.ts";
import { matrixCells } from "./cells.ts";
import { crashAt } from "./crash_kill.ts";
import { type CrashLab, labOf, startCrashLab } from "./crash_lab.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const seed = Number(process.env.TEST_SEED ?? 1);
let lab: CrashLab;
beforeAll(async () => {
  // no crash of these is within an import, so its lease may be the product's, on a busy machine too
  lab = await startCrashLab(seed, [40, 80], {});
});
afterAll(async () => {
  await lab?.stop();
});

const points: readonly [FailpointName, number][] = [
  ["intent_committed", 2],
  ["settle_uncommitted", 1],
];

test.each(points)("killed at %s, hit %i: the campaigns end as if nothing had happened", async (name, hit) => {
  const row = await crashAt(labOf(lab, seed, name), name, hit);
  expect(row).toMatchObject({ verdict: "held", hitsSeen: hit, reasons: [] });
});

test.each(["link-sales_worker-simulator-drop-replies", "operators-two-runs"])("%s holds, and touched something", async (name) => {
  const cell = (await matrixCells()).find((one) => one.name === name);
  if (cell === undefined) throw new Error(`there is no cell ${name}`);
  const { reasons, faultTouches, messagesTouched } = await runScenario(cell, { seed, cluster: lab.cluster });
  expect(reasons).toEqual([]);
  expect([faultTouches > 0, messagesTouched > 0]).toEqual([true, true]);
});

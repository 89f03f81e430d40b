// verify:crash and verify:faults in small: a crash in each kind of step, a link that loses replies,
// operators who contradict each other, all processes at once, an engine. (That the lists are whole:
// crash_points.test.ts, cells.test.ts.)
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { FailpointName } from "../../../src/contracts/failpoints.ts";
import { crashAt } from "./crash_kill.ts";
import { type CrashLab, labOf, startCrashLab } from "./crash_lab.ts";
import { verifyFaults } from "./faults.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const seed = Number(process.env.TEST_SEED ?? 1);

describe("a crash", () => {
  let lab: CrashLab;
  beforeAll(async () => {
    lab = await startCrashLab(seed, [40, 80]);
  });
  afterAll(async () => {
    await lab?.stop();
  });

  const points: readonly [FailpointName, number][] = [
    ["intent_committed", 2],
    ["settle_uncommitted", 1],
    ["receipts_uncommitted", 3],
    ["verdict_journaled", 1],
    ["release_committed", 1],
  ];
  test.each(points)("killed at %s, hit %i: the campaigns end as if nothing had happened", async (name, hit) => {
    const row = await crashAt(labOf(lab, seed, name), name, hit);
    expect(row).toMatchObject({ verdict: "held", hitsSeen: hit, reasons: [] });
  });
});

test("cells of each kind hold one after another on one cluster, and touched something", async () => {
  const cells = ["link-sales_worker-simulator-drop-replies", "operators-two-runs", "process-all-kill", "postgres-salesdb-stop"];
  const verdicts = await verifyFaults({ seed, only: cells });
  expect(verdicts.map(({ scenario, reasons }) => ({ scenario, reasons }))).toEqual(cells.map((scenario) => ({ scenario, reasons: [] })));
  for (const { faultTouches, messagesTouched } of verdicts) expect([faultTouches > 0, messagesTouched > 0]).toEqual([true, true]);
});

// More of verify:crash and verify:faults than verify.system.test.ts has time for: a crash in the
// other kinds of step, all processes at once, an engine.
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
    ["receipts_uncommitted", 3],
    ["verdict_journaled", 1],
    ["release_committed", 1],
  ];
  test.each(points)("killed at %s, hit %i: the campaigns end as if nothing had happened", async (name, hit) => {
    const row = await crashAt(labOf(lab, seed, name), name, hit);
    expect(row).toMatchObject({ verdict: "held", hitsSeen: hit, reasons: [] });
  });
});

test("cells of other kinds hold one after another on one cluster, and touched something", async () => {
  const cells = ["process-all-kill", "postgres-salesdb-stop"];
  const verdicts = await verifyFaults({ seed, only: cells });
  expect(verdicts.map(({ scenario, reasons }) => ({ scenario, reasons }))).toEqual(cells.map((scenario) => ({ scenario, reasons: [] })));
  for (const { faultTouches, messagesTouched } of verdicts) expect([faultTouches > 0, messagesTouched > 0]).toEqual([true, true]);
});

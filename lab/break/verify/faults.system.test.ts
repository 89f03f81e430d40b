// The quick part of `npm run verify:faults`: a few cells of the matrix on one cluster, each of
// another kind.
import { expect, test } from "vitest";
import { linkNames } from "../../../testing/links/links.ts";
import { matrixCells } from "./cells.ts";
import { verifyFaults } from "./faults.ts";

const quick = ["link-sales_worker-simulator-drop-replies", "process-all-kill", "postgres-salesdb-stop", "operators-two-runs"];

test("the matrix has every link by every mode, and no name twice", async () => {
  const names = (await matrixCells()).map(({ name }) => name);
  expect(linkNames).toHaveLength(16);
  for (const link of linkNames) expect(names.filter((name) => name.startsWith(`link-${link}-`))).toHaveLength(5);
  expect(new Set(names).size).toBe(names.length);
});

// real processes, on a machine that may be busy with other tests
test("cells of every kind hold, and touched something", { timeout: 240_000 }, async () => {
  const verdicts = await verifyFaults({ seed: Number(process.env.TEST_SEED ?? 1), only: quick });
  expect(verdicts.map(({ scenario, reasons }) => ({ scenario, reasons }))).toEqual(quick.map((scenario) => ({ scenario, reasons: [] })));
  for (const { faultTouches, messagesTouched } of verdicts) expect([faultTouches > 0, messagesTouched > 0]).toEqual([true, true]);
});

// A campaign runs only while its carrier takes it: live, or tested with its test phones alone; and
// only through the carrier that was shown.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstPricing } from "../../../testing/prices.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { expectAnything, run } from "./commands.ts";

let rows: SalesRows;
beforeAll(async () => {
  rows = await openSalesRows("salesapi");
});
afterAll(() => rows.close());

const credit = {
  reserveCredit: async () => ({ existed: false, credit: undefined }),
  releaseCredit: async () => ({ releasedMilli: 0n, settledMilli: 0n }),
};

/** A campaign of two that is ready, through a carrier that is made for it; null: the simulator. */
async function seed(made: { state: string; testPhones?: readonly number[]; isSimulated?: boolean | null } | null) {
  const name = `c${randomUUID().slice(0, 8)}`;
  const [carrier] =
    made === null
      ? []
      : await rows.owner<{ id: string }[]>`
    insert into carrier ${rows.owner({
      name,
      settings: rows.owner.json({ protocol: "smpp", window: 10 }),
      sealed_secret: Buffer.from([0]),
      state: made.state,
      test_phones: (made.testPhones ?? []).map(String),
      is_simulated: made.isSimulated ?? null,
    })} returning id`;
  const workspaceId = randomUUID();
  const bulksmsId = await rows.insertCampaign({
    workspace_id: workspaceId,
    status: "ready",
    hold_id: null,
    contacts: 2,
    pending: 2,
    parts: 2,
    cost_milli: 200,
    carrier_id: carrier?.id ?? null,
  });
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
    select ${bulksmsId}, n, 358400 + n, 1, 100 from generate_series(1, 2) n`;
  return { name, workspaceId, bulksmsId };
}

/** @param code of the refusal; null: it runs */
async function expectRun(running: Promise<unknown>, bulksmsId: string, code: string | null): Promise<void> {
  if (code === null) await expect(running).resolves.toMatchObject({ status: "running" });
  else await expect(running).rejects.toMatchObject({ code });
  const [after] = await rows.owner`select status, hold_id from bulksms where id = ${bulksmsId}`;
  expect(after).toMatchObject(code === null ? { status: "running" } : { status: "ready", hold_id: null });
}

test.each([
  ["live", [], true],
  ["test_only", [358401, 358402, 358403], true],
  ["test_only", [358401], false],
  ["test_only", [], false],
  ["paused", [358401, 358402], false],
  ["removed", [358401, 358402], false],
])("through a carrier that is %s with test phones %j: %j", async (state, testPhones, runs) => {
  const { workspaceId, bulksmsId } = await seed({ state, testPhones });
  const running = run({ sql: rows.sql, credit }, { workspaceId, bulksmsId }, { pricing: firstPricing });
  await expectRun(running, bulksmsId, runs ? null : "carrier_not_live");
});

/** Null: it has not answered yet, and counts as real. */
test.each([
  [true, true, true],
  [true, false, true],
  [false, false, true],
  [null, false, true],
  [null, true, false],
])("a carrier that is simulated: %j, and was shown as simulated: %j, runs: %j", async (isSimulated, simulated, runs) => {
  const { name, workspaceId, bulksmsId } = await seed({ state: "live", isSimulated });
  const ways = [{ sql: rows.sql, credit }, { workspaceId, bulksmsId }, { pricing: firstPricing }] as const;
  await expectRun(run(...ways, { ...expectAnything, carrier: { name: "another", simulated: false } }), bulksmsId, "carrier_changed");
  await expectRun(run(...ways, { ...expectAnything, carrier: { name, simulated } }), bulksmsId, runs ? null : "carrier_changed");
});

test("what was shown as simulated does not run for real", async () => {
  const { name, workspaceId, bulksmsId } = await seed({ state: "live", isSimulated: false });
  const expected = { ...expectAnything, carrier: { name, simulated: true } };
  const running = run({ sql: rows.sql, credit }, { workspaceId, bulksmsId }, { pricing: firstPricing }, expected);
  await expectRun(running, bulksmsId, "carrier_changed");
});

test.each([
  ["simulator", true],
  ["telia", false],
])("the built-in simulator runs when %s was shown: %j", async (name, runs) => {
  const { workspaceId, bulksmsId } = await seed(null);
  const expected = { ...expectAnything, carrier: { name, simulated: true } };
  const running = run({ sql: rows.sql, credit }, { workspaceId, bulksmsId }, { pricing: firstPricing }, expected);
  await expectRun(running, bulksmsId, runs ? null : "carrier_changed");
});

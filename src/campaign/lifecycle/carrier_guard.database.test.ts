// A campaign runs only while its carrier takes it: live, or tested with its test phones alone.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { firstPricing } from "../../../testing/prices.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { run } from "./commands.ts";

let rows: SalesRows;
beforeAll(async () => {
  rows = await openSalesRows("salesapi");
});
afterAll(() => rows.close());

const credit = {
  reserveCredit: async () => ({ existed: false, credit: undefined }),
  releaseCredit: async () => ({ releasedMilli: 0n, settledMilli: 0n }),
};

test.each([
  ["live", [], true],
  ["test_only", [358401, 358402, 358403], true],
  ["test_only", [358401], false],
  ["test_only", [], false],
  ["paused", [358401, 358402], false],
  ["removed", [358401, 358402], false],
])("through a carrier that is %s with test phones %j: %j", async (state, testPhones, runs) => {
  const [carrier] = await rows.owner<{ id: string }[]>`
    insert into carrier ${rows.owner({
      name: `c${randomUUID().slice(0, 8)}`,
      settings: rows.owner.json({ protocol: "smpp", window: 10 }),
      sealed_secret: Buffer.from([0]),
      state,
      test_phones: testPhones.map(String),
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
    carrier_id: carrier?.id,
  });
  await rows.owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli)
    select ${bulksmsId}, n, 358400 + n, 1, 100 from generate_series(1, 2) n`;
  const running = run({ sql: rows.sql, credit }, { workspaceId, bulksmsId }, { pricing: firstPricing });
  if (runs) await expect(running).resolves.toMatchObject({ status: "running" });
  else await expect(running).rejects.toMatchObject({ code: "carrier_not_live" });
  const [after] = await rows.owner`select status, hold_id from bulksms where id = ${bulksmsId}`;
  expect(after).toMatchObject(runs ? { status: "running" } : { status: "ready", hold_id: null });
});

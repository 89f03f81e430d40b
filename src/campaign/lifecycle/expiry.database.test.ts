import { afterAll, beforeAll, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { expireMessages } from "./expiry.ts";

let rows: SalesRows;
beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
});
afterAll(async () => {
  await rows?.close();
});

/**
 * A campaign with a deadline of 100 s whose chunk was submitted `submittedAgoS` ago; one message
 * per state.
 */
async function seed(submittedAgoS: number): Promise<string> {
  const id = await rows.insertCampaign({ contacts: 5, parts: 5, pending: 1, unknown: 1, queued: 1, sent: 1, delivered: 1, parts_sent: 2 });
  await rows.owner`
    insert into bulksms_info (bulksms_id, row_no, msisdn, parts, status, sent_at)
    select ${id}, row_no, 358400000000 + row_no, 1, status::message_status, case when status in ('sent', 'delivered') then now() end
    from unnest(${["unknown", "queued", "sent", "delivered", "pending"]}::text[]) with ordinality as s (status, row_no)`;
  await rows.owner`
    insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to, submitted_at)
    values (${id}, 1, 1, 5, 5, now() - ${submittedAgoS} * interval '1 s')`;
  return id;
}

const statusesOf = async (id: string) =>
  (await rows.owner<{ status: string }[]>`select status from bulksms_info where bulksms_id = ${id} order by row_no`).map(
    ({ status }) => status,
  );
const asBefore = ["unknown", "queued", "sent", "delivered", "pending"];

it("waits for the deadline and the receipt horizon after it", async () => {
  const id = await seed(150);
  expect(await expireMessages(rows.sql, id, 60)).toEqual({ messages: 0, campaign: null });
  expect(await statusesOf(id)).toEqual(asBefore);
  expect(await expireMessages(rows.sql, id, 40)).toMatchObject({ messages: 3 });
});

it("ends what was submitted and has no end, and neither what has nor what was never submitted", async () => {
  const id = await seed(200);
  const { campaign } = await expireMessages(rows.sql, id, 0);
  expect(await statusesOf(id)).toEqual(["expired", "expired", "expired", "delivered", "pending"]);
  expect(campaign?.counts).toMatchObject({ pending: 1, unknown: 0, queued: 0, sent: 0, expired: 3, delivered: 1 });
  const [outbox] = await rows.owner`select count(*)::int as rows from credit_outbox where bulksms_id = ${id}`;
  expect(outbox?.rows).toBe(0);
});

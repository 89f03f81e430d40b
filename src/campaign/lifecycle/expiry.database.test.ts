import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
async function seed(submittedAgoS: number, more: object = {}): Promise<string> {
  const counters = { contacts: 5, parts: 5, pending: 1, unknown: 1, queued: 1, sent: 1, delivered: 1, parts_sent: 2 };
  const id = await rows.insertCampaign({ ...counters, ...more });
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

/** A carrier with these settings. @returns its id */
async function insertCarrier(settings: object): Promise<string> {
  const [carrier] = await rows.owner<{ id: string }[]>`
    insert into carrier (name, settings, sealed_secret, state)
    values (${`c${randomUUID().slice(0, 8)}`}, ${rows.owner.json({ protocol: "smpp", window: 10, ...settings })}, '\\x00', 'live') returning id`;
  return carrier?.id as string;
}

describe("through a carrier without receipts", () => {
  it("ends what was sent at its deadline where no receipt comes from, charged and counted as unconfirmed", async () => {
    const id = await seed(150, { carrier_id: await insertCarrier({ receipts: "none" }) });
    const { campaign, messages } = await expireMessages(rows.sql, id, 1_000_000);
    expect(messages).toBe(1);
    expect(await statusesOf(id)).toEqual(["unknown", "queued", "expired", "delivered", "pending"]);
    expect(campaign).toMatchObject({ counts: { sent: 0, expired: 1, unknown: 1, queued: 1 }, unconfirmed: 1, partsSent: 2n });
    const [row] =
      await rows.owner`select error_code, sent_at is not null as charged from bulksms_info where bulksms_id = ${id} and row_no = 3`;
    expect(row).toEqual({ error_code: "unconfirmed", charged: true });
  });

  it("waits for the deadline too, and for the receipt horizon where receipts come from", async () => {
    const silent = await insertCarrier({ receipts: "none" });
    expect((await expireMessages(rows.sql, await seed(50, { carrier_id: silent }), 0)).messages).toBe(0);
    for (const settings of [{ receipts: "session" }, { receipts: "session", countries_without_receipts: ["IN"] }]) {
      const id = await seed(150, { carrier_id: await insertCarrier(settings) });
      expect((await expireMessages(rows.sql, id, 60)).messages, JSON.stringify(settings)).toBe(0);
      expect((await expireMessages(rows.sql, id, 0)).campaign).toMatchObject({ counts: { expired: 3 }, unconfirmed: 0 });
    }
  });

  it("judges each message by its country, in every chunk", async () => {
    const chunks = 250;
    const carrierId = await insertCarrier({ receipts: "session", countries_without_receipts: ["IN", "CN"] });
    const id = await rows.insertCampaign({ contacts: 2 * chunks, parts: 2 * chunks, sent: 2 * chunks, carrier_id: carrierId });
    await rows.owner`
      insert into bulksms_info (bulksms_id, row_no, msisdn, parts, status, sent_at)
      select ${id}, n, case when n % 2 = 0 and n > ${chunks}::int then 919800000000 else 358400000000 end + n, 1, 'sent', now()
      from generate_series(1, ${2 * chunks}::int) n`;
    await rows.owner`
      insert into bulksms_chunk (bulksms_id, chunk_no, first_row, last_row, intent_to, submitted_at)
      select ${id}, n, n * 2 - 1, n * 2, n * 2, now() - interval '150 s' from generate_series(1, ${chunks}::int) n`;
    const { campaign } = await expireMessages(rows.sql, id, 60);
    expect(campaign).toMatchObject({ counts: { sent: 2 * chunks - 125, expired: 125 }, unconfirmed: 125 });
    const [row] = await rows.owner`
      select count(*)::int as others from bulksms_info where bulksms_id = ${id} and status = 'expired' and (msisdn < 919800000000 or error_code <> 'unconfirmed')`;
    expect(row).toEqual({ others: 0 });
  });
});

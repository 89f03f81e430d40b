import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { makeReceipt } from "../../../testing/test_carrier.ts";
import { type BulksmsStatus, type MessageStatus, messageStatuses, type ReceiptStatus, receiptStatuses } from "../../contracts/states.ts";
import type { Sql, TransactionSql } from "../../platform/postgres.ts";
import { isCharged, isFinal, isImplied, receive } from "../lifecycle/message_state.ts";
import { toColumns } from "./receipt_parse.ts";
import { commitReceipts } from "./receipts.ts";

let rows: SalesRows;
let owner: Sql;
let sql: Sql;

beforeAll(async () => {
  rows = await openSalesRows("salesapi");
  ({ owner, sql } = rows);
});
afterAll(async () => {
  await rows?.close();
});

/** A campaign whose rows from 1 on have these states; row n has 1 + n % 3 parts. */
async function seed(statuses: readonly MessageStatus[], status: BulksmsStatus = "running"): Promise<string> {
  const counters = Object.fromEntries(messageStatuses.map((name) => [name, statuses.filter((each) => each === name).length]));
  const partsOf = statuses.map((_, index) => 1 + ((index + 1) % 3));
  const sent = statuses.reduce((sum, each, index) => sum + (isCharged(each) ? (partsOf[index] as number) : 0), 0);
  const id = await rows.insertCampaign({
    status,
    contacts: statuses.length,
    parts: partsOf.reduce((a, b) => a + b, 0),
    parts_sent: sent,
    charged_milli: 100 * sent,
    ...counters,
  });
  await owner`
    insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status, sent_at, done_at)
    select ${id}, row_no, 358400000000 + row_no, 1 + row_no % 3, 100 * (1 + row_no % 3), status,
      case when status in ('sent', 'undelivered', 'delivered') then now() end, case when status >= 'failed' then now() end
    from unnest(${statuses as MessageStatus[]}::message_status[]) with ordinality as s (status, row_no)`;
  return id;
}

const readRows = (id: string) => owner<{ status: MessageStatus; isCharged: boolean; parts: number }[]>`
  select status, sent_at is not null as "isCharged", parts from bulksms_info where bulksms_id = ${id} order by row_no`;

const readAnomalies = (id: string) => owner<{ receiptId: string; kind: string; messageStatus: string | null }[]>`
  select receipt_id as "receiptId", kind, message_status as "messageStatus" from receipt_anomaly where bulksms_id = ${id} order by receipt_id`;

async function readTotals(id: string) {
  const [campaign] = await owner`select * from bulksms where id = ${id}`;
  const [outbox] = await owner`select count(*)::int as rows, coalesce(sum(parts), 0)::int as parts, coalesce(sum(amount), 0)::int as amount
    from credit_outbox where bulksms_id = ${id}`;
  return { campaign: campaign as Record<string, unknown>, outbox: outbox as { rows: number; parts: number; amount: number } };
}

/** A batch of one body. */
const checked = (receipts: unknown[]) => [toColumns(() => receipts)];

describe("a batch of receipts", () => {
  it("moves rows up, counts them, and charges what was sent in one outbox row", async () => {
    const id = await seed(["queued", "queued", "queued", "pending", "unknown"]);
    const committed = await commitReceipts(
      sql,
      checked([
        makeReceipt(id, 1, "sent"),
        makeReceipt(id, 2, "delivered"),
        makeReceipt(id, 3, "failed", { error_code: "flooding_filter" }),
        makeReceipt(id, 4, "queued"),
        makeReceipt(id, 5, "undelivered", { error_code: "barred" }),
      ]),
    );
    const { campaign, outbox } = await readTotals(id);
    expect(campaign).toMatchObject({ pending: 0, unknown: 0, queued: 1, sent: 1, failed: 1, delivered: 1, undelivered: 1, parts_sent: 8n });
    expect(outbox).toEqual({ rows: 1, parts: 8, amount: 800 });
    expect(committed.hasCharge).toBe(true);
    expect(committed.changed[0]?.counts).toMatchObject({ queued: 1, sent: 1, delivered: 1 });
    const codes = await owner`select error_code from bulksms_info where bulksms_id = ${id} order by row_no`;
    expect(codes.map((row) => row.error_code)).toEqual([null, null, "flooding_filter", null, "barred"]);
  });

  it("changes nothing when it comes twice, and writes no second outbox row", async () => {
    const id = await seed(["queued", "queued"]);
    const batch = checked([makeReceipt(id, 1, "sent"), makeReceipt(id, 2, "sent"), makeReceipt(id, 1, "delivered")]);
    await commitReceipts(sql, batch);
    const before = await readTotals(id);
    for (let time = 0; time < 5; time++) await commitReceipts(sql, batch);
    const after = await readTotals(id);
    expect(after).toEqual(before);
    expect(after.outbox).toEqual({ rows: 1, parts: 5, amount: 500 });
    expect(await readAnomalies(id)).toEqual([]);
  });

  it("charges once when sent, delivered and the duplicate sent come in separate batches", async () => {
    const id = await seed(["queued"]);
    for (const status of ["sent", "delivered", "sent", "delivered", "queued"]) {
      await commitReceipts(sql, checked([makeReceipt(id, 1, status)]));
    }
    const { campaign, outbox } = await readTotals(id);
    expect(campaign).toMatchObject({ delivered: 1, parts_sent: 2n });
    expect(outbox).toEqual({ rows: 1, parts: 2, amount: 200 });
  });

  it("charges a delivered that overtook its sent", async () => {
    const id = await seed(["pending"]);
    await commitReceipts(sql, checked([makeReceipt(id, 1, "delivered"), makeReceipt(id, 1, "sent"), makeReceipt(id, 1, "queued")]));
    expect((await readTotals(id)).outbox).toMatchObject({ rows: 1, parts: 2 });
    expect(await readAnomalies(id)).toEqual([]);
  });

  it("has the same end as its receipts one by one, in any order and number, with counters that equal the rows", async () => {
    const anyBatch = fc.record({
      statuses: fc.array(fc.constantFrom(...messageStatuses), { minLength: 1, maxLength: 6 }),
      receipts: fc.array(fc.tuple(fc.nat(5), fc.constantFrom(...receiptStatuses)), { minLength: 1, maxLength: 20 }),
      cuts: fc.array(fc.nat(20), { maxLength: 3 }),
    });
    await fc.assert(
      fc.asyncProperty(anyBatch, async ({ statuses, receipts, cuts }) => {
        const id = await seed(statuses);
        const given = receipts.map(([row, status]) => ({ row: row % statuses.length, status }));
        const expected = statuses.slice();
        for (const { row, status } of given) expected[row] = receive(expected[row] as MessageStatus, status);
        const raw = given.map(({ row, status }) => makeReceipt(id, row + 1, status));
        const borders = [0, ...cuts.map((cut) => cut % raw.length).sort((a, b) => a - b), raw.length];
        for (let index = 1; index < borders.length; index++) {
          const slice = raw.slice(borders[index - 1], borders[index]);
          if (slice.length > 0) await commitReceipts(sql, checked(slice));
        }
        const rows = await readRows(id);
        expect(rows.map(({ status }) => status)).toEqual(expected);
        const { campaign, outbox } = await readTotals(id);
        for (const name of messageStatuses) expect(campaign[name], name).toBe(expected.filter((each) => each === name).length);
        const charged = rows.reduce((sum, row) => sum + (row.isCharged ? row.parts : 0), 0);
        expect(Number(campaign.parts_sent)).toBe(charged);
        const chargedBefore = statuses.reduce((sum, each, index) => sum + (isCharged(each) ? 1 + ((index + 1) % 3) : 0), 0);
        expect(outbox.parts).toBe(charged - chargedBefore);
        // no receipt is lost: it is implied by the row, above it and not final, or kept
        const kept = new Set((await readAnomalies(id)).map(({ receiptId }) => receiptId));
        for (const [index, { row, status }] of given.entries()) {
          const end = expected[row] as MessageStatus;
          const isSettled = !isFinal(end) || isImplied(end, status as ReceiptStatus);
          expect(kept.has((raw[index] as { id: string }).id), `${status} on ${statuses[row]} -> ${end}`).toBe(!isSettled);
        }
      }),
      { numRuns: randomRuns(60) },
    );
  });

  it("takes no message out of its end, not even to a higher state", async () => {
    const ends: MessageStatus[] = ["failed", "undelivered", "expired", "canceled"];
    const id = await seed(ends);
    await commitReceipts(sql, checked(ends.map((_, index) => makeReceipt(id, index + 1, "delivered"))));
    expect((await readRows(id)).map(({ status }) => status)).toEqual(ends);
    expect((await readTotals(id)).outbox.rows).toBe(0);
  });

  it("keeps a contradiction with the state that refused it, also when both came in one batch", async () => {
    const id = await seed(["delivered", "queued"]);
    const first = makeReceipt(id, 1, "failed");
    const second = makeReceipt(id, 2, "sent");
    await commitReceipts(sql, checked([first, makeReceipt(id, 2, "failed"), second]));
    expect(await readAnomalies(id)).toEqual([
      { receiptId: first.id, kind: "contradiction", messageStatus: "delivered" },
      { receiptId: second.id, kind: "contradiction", messageStatus: "failed" },
    ]);
  });

  it("keeps as late what comes after we ended the message ourselves, and does not charge it", async () => {
    const id = await seed(["expired", "canceled"]);
    await commitReceipts(sql, checked([makeReceipt(id, 1, "delivered"), makeReceipt(id, 2, "sent")]));
    expect((await readAnomalies(id)).map(({ kind }) => kind)).toEqual(["late", "late"]);
    expect((await readTotals(id)).outbox.rows).toBe(0);
  });

  it("keeps unknown references: another campaign, a row too high, two billion, leading zeros, no uuid", async () => {
    const id = await seed(["queued"]);
    const receipts = [
      makeReceipt(randomUUID(), 1, "sent"),
      makeReceipt(id, 2, "sent"),
      makeReceipt(id, 2_000_000_000, "sent"),
      { ...makeReceipt(id, 1, "sent"), reference: `${id}.01` },
      { ...makeReceipt(id, 1, "sent"), reference: `${id}.0` },
      { ...makeReceipt(id, 1, "sent"), reference: "4711" },
      { ...makeReceipt(id, 1, "sent"), reference: `${id}.99999999999` },
    ];
    await commitReceipts(sql, checked(receipts));
    const rows = await owner`select kind from receipt_anomaly where receipt_id = any (${receipts.map((receipt) => receipt.id)})`;
    expect(rows.map((row) => row.kind)).toEqual(receipts.map(() => "unknown_reference"));
    expect((await readTotals(id)).campaign).toMatchObject({ queued: 1 });
  });

  it("keeps an unknown row also when its transaction is run again", async () => {
    const id = await seed(["queued"]);
    const receipts = [makeReceipt(id, 1, "sent"), makeReceipt(id, 2, "sent")];
    let attempts = 0;
    const begin = (work: (transaction: TransactionSql) => Promise<unknown>) =>
      sql.begin(async (transaction) => {
        const result = await work(transaction);
        attempts += 1;
        if (attempts === 1) throw Object.assign(new Error("deadlock detected"), { code: "40P01" });
        return result;
      });
    await commitReceipts(Object.assign(Object.create(sql), { begin }) as Sql, checked(receipts));
    expect(attempts).toBe(2);
    expect(await readRows(id)).toMatchObject([{ status: "sent" }]);
    expect(await readAnomalies(id)).toMatchObject([{ receiptId: receipts[1]?.id, kind: "unknown_reference" }]);
  });

  it("takes nothing for a campaign that has never run", async () => {
    const id = await seed(["pending"], "ready");
    const receipt = makeReceipt(id, 1, "sent");
    await commitReceipts(sql, checked([receipt]));
    expect(await readAnomalies(id)).toEqual([{ receiptId: receipt.id, kind: "unknown_reference", messageStatus: null }]);
    expect((await readTotals(id)).campaign).toMatchObject({ pending: 1 });
  });

  it("covers rows further apart than one statement, and many error codes", async () => {
    const id = await seed(Array.from({ length: 600 }, () => "queued"));
    await owner`update bulksms set contacts = 1000000, queued = 1000000, parts = 3000000 where id = ${id}`;
    await owner`update bulksms_info set row_no = 999400 + row_no where bulksms_id = ${id} and row_no > 300`;
    const rowNos = [...Array.from({ length: 300 }, (_, index) => index + 1), ...Array.from({ length: 300 }, (_, index) => 999_701 + index)];
    await commitReceipts(sql, checked(rowNos.map((rowNo) => makeReceipt(id, rowNo, "undelivered", { error_code: `code ${rowNo}` }))));
    const rows = await owner`select count(*)::int as right from bulksms_info
      where bulksms_id = ${id} and status = 'undelivered' and error_code = 'code ' || row_no`;
    expect(rows[0]?.right).toBe(600);
    expect((await readTotals(id)).campaign).toMatchObject({ undelivered: 600, parts_sent: 1200n });
  });

  it("of several campaigns commits side by side with others of the same campaigns, without a deadlock", async () => {
    const ids = [await seed(Array(50).fill("queued")), await seed(Array(50).fill("queued")), await seed(Array(50).fill("queued"))];
    const batchOf = (order: string[], status: string) =>
      checked(order.flatMap((id) => Array.from({ length: 50 }, (_, index) => makeReceipt(id, index + 1, status))));
    const reversed = ids.toReversed();
    await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        commitReceipts(sql, batchOf(index % 2 === 0 ? ids : reversed, index % 3 === 0 ? "sent" : "delivered")),
      ),
    );
    for (const id of ids) {
      const { campaign, outbox } = await readTotals(id);
      expect(campaign).toMatchObject({ queued: 0, sent: 0, delivered: 50 });
      expect(outbox.parts).toBe(Number(campaign.parts_sent));
      expect(Number(campaign.parts_sent)).toBe(Number(campaign.parts));
    }
  });

  it("moves nothing while its charge cannot be written", async () => {
    const id = await seed(["queued"]);
    const gate = await holdOpen((transaction) => transaction`lock table credit_outbox in exclusive mode`);
    const committing = commitReceipts(sql, checked([makeReceipt(id, 1, "sent")]));
    await untilOneWaits();
    expect(await readRows(id)).toMatchObject([{ status: "queued", isCharged: false }]);
    await gate.close();
    await committing;
    expect(await readRows(id)).toMatchObject([{ status: "sent", isCharged: true }]);
    expect((await readTotals(id)).outbox.rows).toBe(1);
  });

  it("waits for the lock of its campaign before it locks a message", async () => {
    const id = await seed(["queued"]);
    const gate = await holdOpen((transaction) => transaction`select from bulksms where id = ${id} for no key update`);
    const committing = commitReceipts(sql, checked([makeReceipt(id, 1, "sent")]));
    await untilOneWaits();
    expect(await owner`select row_no from bulksms_info where bulksms_id = ${id} for update skip locked`).toHaveLength(1);
    await gate.close();
    await committing;
    expect(await readRows(id)).toMatchObject([{ status: "sent" }]);
  });
});

/** A transaction on another connection that keeps its locks until it is closed. */
async function holdOpen(lock: (transaction: TransactionSql) => Promise<unknown>): Promise<{ close(): Promise<void> }> {
  let isLocked = () => {};
  let letGo = () => {};
  const locked = new Promise<void>((resolve) => {
    isLocked = resolve;
  });
  const over = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  const holding = owner.begin(async (transaction) => {
    await lock(transaction);
    isLocked();
    await over;
  });
  await locked;
  return {
    async close() {
      letGo();
      await holding;
    },
  };
}

const untilOneWaits = () =>
  expect
    .poll(
      async () =>
        (await owner`select from pg_stat_activity where datname = current_database() and usename = 'salesapi' and wait_event_type = 'Lock'`)
          .length,
      { timeout: 10_000 },
    )
    .toBeGreaterThan(0);

import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import type { Jobs } from "../../contracts/jobs.ts";
import type { Sql } from "../../platform/postgres.ts";
import { confirmOutbox, countUnconfirmed, relayOutbox } from "./outbox.ts";

let rows: SalesRows;
let owner: Sql;
let sql: Sql;
type Settle = Jobs["general"]["settle_credit"];

beforeAll(async () => {
  rows = await openSalesRows("sales_worker");
  ({ owner, sql } = rows);
});
afterAll(async () => {
  await rows?.close();
});

async function seed(outboxRows: number): Promise<{ bulksmsId: string; holdId: string }> {
  await owner`update credit_outbox set confirmed_at = now() where confirmed_at is null`;
  const holdId = randomUUID();
  const bulksmsId = await rows.insertCampaign({ hold_id: holdId });
  await owner`insert into credit_outbox (bulksms_id, hold_id, parts, amount)
    select ${bulksmsId}, ${holdId}, n, n * 100 from generate_series(1, ${outboxRows}::int) n`;
  return { bulksmsId, holdId };
}

async function relay(waiting = 0): Promise<Settle[]> {
  const jobs: Settle[] = [];
  await relayOutbox(sql, { ring: (job) => jobs.push(job), waiting: async () => waiting });
  return jobs;
}
const idsOf = (jobs: Settle[]) => jobs.flatMap((job) => job.settles.map((settle) => settle.outbox_id));

describe("the outbox", () => {
  it("waits while general_worker has enough to do, and then goes as few large jobs", async () => {
    await seed(300);
    expect(await relay(8)).toEqual([]);
    expect(await relayOutbox(sql, { ring: () => {}, waiting: async () => 8 })).toEqual({ rows: 0, isShortOfRoom: true });
    const [untouched] = await owner<{ rows: number }[]>`
      select count(*)::int as rows from credit_outbox where confirmed_at is null and tries = 0 and next_try_at <= now()`;
    expect(untouched?.rows).toBe(300);
    expect((await relay(7)).map(({ settles }) => settles.length)).toEqual([300]);
  });

  it("is sent a hold a job, at most a thousand charges each, every row once by however many relays", async () => {
    const first = await seed(2_500);
    const other = randomUUID();
    await owner`update credit_outbox set hold_id = ${other} where bulksms_id = ${first.bulksmsId} and parts <= 10`;
    const jobs = (await Promise.all([relay(), relay(), relay()])).flat();
    expect(new Set(idsOf(jobs)).size).toBe(2_500);
    expect(idsOf(jobs)).toHaveLength(2_500);
    for (const job of jobs) expect(job.settles.length).toBeLessThanOrEqual(1_000);
    const amountOf = (holdId: string) =>
      jobs
        .filter((job) => job.hold_id === holdId)
        .reduce((sum, job) => sum + job.settles.reduce((part, { amount_milli }) => part + Number(amount_milli), 0), 0);
    expect(amountOf(other)).toBe(5_500);
    expect(amountOf(first.holdId)).toBe((2_500 * 2_501 * 100) / 2 - 5_500);
  });

  it("is sent again with a growing pause until it is confirmed, and never after", async () => {
    const { bulksmsId } = await seed(1);
    const pauses: number[] = [];
    for (let time = 0; time < 8; time++) {
      expect(await relay()).toHaveLength(1);
      expect(await relay()).toHaveLength(0);
      const [row] =
        await owner`select extract(epoch from next_try_at - now())::float8 as pause from credit_outbox where bulksms_id = ${bulksmsId}`;
      pauses.push(Math.round(row?.pause));
      await owner`update credit_outbox set next_try_at = now() where bulksms_id = ${bulksmsId}`;
    }
    expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
    const ids = idsOf(await relay());
    expect(await countUnconfirmed(sql)).toBe(1);
    expect(await confirmOutbox(sql, ids)).toEqual([bulksmsId]);
    expect(await confirmOutbox(sql, ids)).toEqual([]); // a repeat is no news
    expect(await relayOutbox(sql, { ring: () => {}, waiting: async () => 0 })).toEqual({ rows: 0, isShortOfRoom: false });
    await owner`update credit_outbox set next_try_at = now() where bulksms_id = ${bulksmsId}`;
    expect(await relay()).toHaveLength(0);
    expect(await countUnconfirmed(sql)).toBe(0);
  });

  it("ignores confirmations of rows that it does not have", async () => {
    expect(await confirmOutbox(sql, [randomUUID()])).toEqual([]);
  });
});

// The outbox: what was sent and is not charged yet. Relayed to general_worker as jobs, confirmed
// when the ledger has it. Called by jobs and the sweeper of sales_worker.
import { type Jobs, settlesPerJobMax } from "../../contracts/jobs.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { Sql } from "../../platform/postgres.ts";

type SettleJob = Jobs["general"]["settle_credit"];

/** Rows claimed by one statement; a relay goes on while it finds so many. */
const rowsPerClaimMax = 5_000;
/**
 * A row that is not confirmed is sent again after 1 s, 2 s, 4 s ... at most 30 s: the ledger takes
 * each id once, so a duplicated job is only work.
 */
const retryMinS = 1;
const retryMaxS = 30;

/**
 * With so many jobs waiting for general_worker nothing more is sent: the rows that come meanwhile
 * go as larger jobs, and none is repeated only because its job still stands in line. Without it a
 * slow ledger was buried under repeats, which made it slower still.
 */
const jobsWaitingMax = 8;

/** The way to general_worker. */
export interface SettleQueue {
  /** Never waits, never throws. */
  ring(job: SettleJob): void;
  /** Jobs that nobody has taken yet. */
  waiting(): Promise<number>;
}

interface ClaimedRow {
  id: string;
  holdId: string;
  amount: bigint;
}

export interface Relayed {
  /** Rows sent. */
  rows: number;
  /** The queue was full before all due rows were sent: ask again when a job of it is done. */
  isShortOfRoom: boolean;
}

/**
 * Sends every due outbox row as part of a settle_credit job, a hold a job, as long as there is room
 * in the queue. A crash between claim and send costs one retry.
 * @throws when the queue does not say how long it is.
 */
export async function relayOutbox(sql: Sql, queue: SettleQueue): Promise<Relayed> {
  let sent = 0;
  while ((await queue.waiting()) < jobsWaitingMax) {
    const rows = await claimDue(sql);
    if (rows.length > 0) reachFailpoint("outbox_claimed");
    for (const job of settleJobs(rows)) queue.ring(job);
    sent += rows.length;
    if (rows.length < rowsPerClaimMax) return { rows: sent, isShortOfRoom: false };
  }
  return { rows: sent, isShortOfRoom: true };
}

/** Claims due rows: two relays side by side share them (SKIP LOCKED). */
async function claimDue(sql: Sql): Promise<ClaimedRow[]> {
  return sql<ClaimedRow[]>`
    update credit_outbox o set tries = o.tries + 1,
      next_try_at = now() + least(${retryMaxS}::int, ${retryMinS}::int * power(2, least(o.tries, 10))) * interval '1 s'
    from (select id from credit_outbox where confirmed_at is null and next_try_at <= now() order by next_try_at
      limit ${rowsPerClaimMax} for update skip locked) due
    where o.id = due.id
    returning o.id, o.hold_id as "holdId", o.amount`;
}

/** Groups by hold, settlesPerJobMax a job. */
function settleJobs(rows: ClaimedRow[]): SettleJob[] {
  const byHold = new Map<string, ClaimedRow[]>();
  for (const row of rows) {
    const settles = byHold.get(row.holdId);
    if (settles === undefined) byHold.set(row.holdId, [row]);
    else settles.push(row);
  }
  const jobs: SettleJob[] = [];
  for (const [holdId, settles] of byHold) {
    for (let begin = 0; begin < settles.length; begin += settlesPerJobMax) {
      jobs.push({
        hold_id: holdId,
        settles: settles.slice(begin, begin + settlesPerJobMax).map(({ id, amount }) => ({ outbox_id: id, amount_milli: String(amount) })),
      });
    }
  }
  return jobs;
}

/**
 * Notes that these rows are in the ledger; a repeat changes nothing. @returns the campaigns of
 * newly confirmed rows.
 */
export async function confirmOutbox(sql: Sql, outboxIds: string[]): Promise<string[]> {
  const rows = await sql<{ bulksmsId: string }[]>`
    update credit_outbox set confirmed_at = now() where id = any (${outboxIds}::uuid[]) and confirmed_at is null
    returning bulksms_id as "bulksmsId"`;
  return [...new Set(rows.map(({ bulksmsId }) => bulksmsId))];
}

/** Rows that wait for their confirmation, for the metrics. */
export async function countUnconfirmed(sql: Sql): Promise<number> {
  const rows = await sql<{ rows: number }[]>`select count(*)::int as rows from credit_outbox where confirmed_at is null`;
  return rows[0]?.rows ?? 0;
}

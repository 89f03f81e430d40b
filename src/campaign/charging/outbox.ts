// The outbox: what was sent and is not charged yet. Relayed to general_worker as jobs, confirmed
// once the ledger has it. Called by jobs and the sweeper of sales_worker.
import { type Jobs, settlesPerJobMax } from "../../contracts/jobs.ts";
import { backoffInterval } from "../../platform/backoff_sql.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { Sql } from "../../platform/postgres.ts";
import { relayBackoff } from "../row_backoffs.ts";

type SettleJob = Jobs["general"]["settle_credit"];

/** Rows claimed by one statement; a relay continues as long as a claim comes back full. */
const rowsPerClaimMax = 5_000;

/**
 * While this many jobs wait for general_worker, nothing more is sent: rows that arrive meanwhile go
 * out later in larger jobs, and no row is repeated merely because its job is still queued. Without
 * this limit a slow ledger was buried under repeats, which slowed it down further (decision 014).
 */
const jobsWaitingMax = 8;

/** The queue to general_worker. */
export interface SettleQueue {
  /** Never waits, never throws. */
  ring(job: SettleJob): void;
  /** Number of jobs not taken yet. */
  waiting(): Promise<number>;
}

interface ClaimedRow {
  id: string;
  holdId: string;
  amount: bigint;
}

export interface Relayed {
  /** Number of rows sent. */
  rows: number;
  /** The queue was full before all due rows were sent: relay again when one of its jobs is done. */
  isShortOfRoom: boolean;
}

/**
 * Sends every due outbox row as part of a settle_credit job, one job per hold, as long as the queue
 * has room. A crash between claim and send costs one retry.
 * @throws if the queue does not report its length
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

/** Claims due rows; two concurrent relays share them (SKIP LOCKED). */
async function claimDue(sql: Sql): Promise<ClaimedRow[]> {
  return sql<ClaimedRow[]>`
    update credit_outbox o set tries = o.tries + 1,
      next_try_at = now() + ${backoffInterval(sql, relayBackoff, sql`o.tries`)}
    from (select id from credit_outbox where confirmed_at is null and next_try_at <= now() order by next_try_at
      limit ${rowsPerClaimMax} for update skip locked) due
    where o.id = due.id
    returning o.id, o.hold_id as "holdId", o.amount`;
}

/** Groups rows by hold, at most settlesPerJobMax per job. */
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
 * Records that these rows are in the ledger; a repeat changes nothing.
 * @returns the campaigns of newly confirmed rows
 */
export async function confirmOutbox(sql: Sql, outboxIds: string[]): Promise<string[]> {
  const rows = await sql<{ bulksmsId: string }[]>`
    update credit_outbox set confirmed_at = now() where id = any (${outboxIds}::uuid[]) and confirmed_at is null
    returning bulksms_id as "bulksmsId"`;
  return [...new Set(rows.map(({ bulksmsId }) => bulksmsId))];
}

/** Number of rows awaiting confirmation, for the metrics. */
export async function countUnconfirmed(sql: Sql): Promise<number> {
  const rows = await sql<{ rows: number }[]>`select count(*)::int as rows from credit_outbox where confirmed_at is null`;
  return rows[0]?.rows ?? 0;
}

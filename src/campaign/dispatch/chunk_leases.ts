// Rows of bulksms_chunk: lease, intent, release, done - one guarded statement each. Called by
// dispatch. (States: migrations/001.)
import { randomUUID } from "node:crypto";
import type { AnySql, TransactionSql } from "../../platform/postgres.ts";

/**
 * A chunk that this worker may submit while its lease is alive. `leaseOwner` is new for each lease;
 * `attempt` grows with each lease and with cancel.
 */
export interface LeasedChunk {
  bulksmsId: string;
  chunkNo: number;
  firstRow: number;
  lastRow: number;
  attempt: number;
  leaseOwner: string;
}

/**
 * Leases the first chunk of a running campaign that is unleased or whose lease has expired; null if
 * there is none. Locks that chunk, skipping those that others are taking at the moment.
 */
export async function leaseChunk(sql: AnySql, lease: { bulksmsId: string; leaseMs: number }): Promise<LeasedChunk | null> {
  const rows = await sql<LeasedChunk[]>`
    update bulksms_chunk c set state = 'leased', lease_owner = ${randomUUID()}, attempt = c.attempt + 1,
      lease_until = clock_timestamp() + ${lease.leaseMs}::int * interval '1 ms'
    where c.bulksms_id = ${lease.bulksmsId} and c.chunk_no = (
      select n.chunk_no from bulksms_chunk n
      where n.bulksms_id = ${lease.bulksmsId} and n.state <> 'done' and (n.state = 'open' or n.lease_until < clock_timestamp())
        and exists (select from bulksms b where b.id = ${lease.bulksmsId} and b.status = 'running')
      order by n.chunk_no limit 1 for update skip locked)
    returning c.bulksms_id as "bulksmsId", c.chunk_no as "chunkNo", c.first_row as "firstRow", c.last_row as "lastRow", c.attempt,
      c.lease_owner as "leaseOwner"`;
  return rows[0] ?? null;
}

export interface Intent {
  /**
   * The latest time at which the carrier may send these messages. The same on every resubmit,
   * because submitted_at is, unless `isUntouched`.
   */
  validUntil: Date;
  /** Whether rows of the chunk may now go to the carrier for the first time. */
  isFirst: boolean;
}

/**
 * Commits the intent before the socket is touched, for each submit attempt, provided that lease and
 * attempt are ours, the lease is alive and the campaign is running. Renews the lease. null: submit
 * nothing more. The campaign is read without a lock: a pause that commits after this statement
 * began meets at most this one body in flight. Cancel raises the attempt under the chunk's lock, so
 * an intent that waited for that lock finds another attempt. `isUntouched`: nothing of the chunk
 * ever reached the carrier, so the deadline of its rows starts anew; otherwise rows that waited for
 * a carrier that was down would reach it with their time already over.
 */
export async function intendSubmit(sql: AnySql, chunk: LeasedChunk, leaseMs: number, isUntouched = false): Promise<Intent | null> {
  const rows = await sql<Intent[]>`
    update bulksms_chunk c set lease_until = clock_timestamp() + ${leaseMs}::int * interval '1 ms', intent_to = c.last_row,
      submitted_at = case when c.intent_to < c.last_row or ${isUntouched} then now() else c.submitted_at end
    from bulksms b
    where b.id = c.bulksms_id and b.status = 'running'
      and c.bulksms_id = ${chunk.bulksmsId} and c.chunk_no = ${chunk.chunkNo}
      and c.state = 'leased' and c.lease_owner = ${chunk.leaseOwner} and c.attempt = ${chunk.attempt} and c.lease_until > clock_timestamp()
    returning new.submitted_at + b.deadline_s * interval '1 s' as "validUntil", old.intent_to < new.intent_to as "isFirst"`;
  return rows[0] ?? null;
}

/**
 * Returns the chunk before its lease ends, so that nobody waits for it. `takesIntentBack`: nothing
 * of it ever reached the carrier, so its rows are untouched again (a cancel may take them, and
 * their deadline has not started). Works also if a cancel has raised the attempt meanwhile: the
 * lease is still the same.
 */
export async function releaseChunk(sql: AnySql, chunk: LeasedChunk, takesIntentBack: boolean): Promise<void> {
  await sql`
    update bulksms_chunk c set state = 'open', lease_owner = null, lease_until = null,
      intent_to = case when ${takesIntentBack} then c.first_row - 1 else c.intent_to end,
      submitted_at = case when ${takesIntentBack} then null else c.submitted_at end
    where c.bulksms_id = ${chunk.bulksmsId} and c.chunk_no = ${chunk.chunkNo} and c.state = 'leased' and c.lease_owner = ${chunk.leaseOwner}`;
}

/** Locks the chunk: after its campaign, before its messages. */
export async function lockChunk(transaction: TransactionSql, chunk: LeasedChunk): Promise<void> {
  await transaction`
    select from bulksms_chunk where bulksms_id = ${chunk.bulksmsId} and chunk_no = ${chunk.chunkNo} for no key update`;
}

/**
 * Marks the chunk done; only its lease holder may, and only if none of its rows is pending. The
 * rows are named by value, not by c.first_row and c.last_row: an anti-join over the columns may be
 * planned as a scan of every message of the campaign, under the campaign's lock (for 5.6 million
 * messages: a second per chunk).
 * @returns whether it is done
 */
export async function finishChunk(transaction: TransactionSql, chunk: LeasedChunk): Promise<boolean> {
  const rows = await transaction`
    update bulksms_chunk c set state = 'done', lease_owner = null, lease_until = null
    where c.bulksms_id = ${chunk.bulksmsId} and c.chunk_no = ${chunk.chunkNo} and c.state = 'leased'
      and c.lease_owner = ${chunk.leaseOwner} and c.attempt = ${chunk.attempt}
      and not exists (select from bulksms_info where bulksms_id = ${chunk.bulksmsId}
        and row_no between ${chunk.firstRow} and ${chunk.lastRow} and status = 'pending')
    returning 1`;
  return rows.length > 0;
}

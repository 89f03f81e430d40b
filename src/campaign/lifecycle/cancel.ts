// The work behind the command cancel: ends the messages that were never submitted, chunk by chunk.
// Called by advance for a campaign in `canceling`, repeatedly until nothing is left; a crash
// between two transactions leaves chunks for the next pass.
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { crashBound, putInDoubt } from "../links/doubt.ts";
import { type Campaign, lockCampaign } from "./campaign_rows.ts";
import { type EndTarget, endMessages, rowsPerTransactionMax } from "./end_messages.ts";

/**
 * One pass over the chunks that are not done.
 * @returns the campaign after its last change; null if nothing changed
 */
export async function cancelChunks(sql: Sql, bulksmsId: string): Promise<Campaign | null> {
  const chunks = await sql<{ chunkNo: number }[]>`
    select chunk_no as "chunkNo" from bulksms_chunk where bulksms_id = ${bulksmsId} and state <> 'done' order by chunk_no`;
  let last: Campaign | null = null;
  for (const { chunkNo } of chunks) {
    let step: CanceledStep;
    do {
      step = await inTransaction(sql, (transaction) => cancelStep(transaction, bulksmsId, chunkNo));
      if (step.campaign !== null) reachFailpoint("cancel_step_committed");
      last = step.campaign ?? last;
    } while (step.hasMore);
  }
  return last;
}

interface CanceledStep {
  campaign: Campaign | null;
  hasMore: boolean;
}

interface ChunkRow {
  firstRow: number;
  lastRow: number;
  intentTo: number;
  isHeld: boolean;
  /** null: the simulator behind the own dialect, which repeats its verdict. */
  carrierId: string | null;
  window: number;
}

/**
 * Cancels at most 5,000 rows of one chunk. Raises the attempt, so that an intent waiting for this
 * lock fails. While a worker's lease is alive, only rows beyond its intent are taken. Once the
 * lease has expired or was given back, the remaining rows may be with the carrier: they become
 * `unknown`, and the chunk is done. Locks: campaign, chunk, messages. Exported for its test.
 */
export async function cancelStep(transaction: TransactionSql, bulksmsId: string, chunkNo: number): Promise<CanceledStep> {
  const [campaign, chunks] = await Promise.all([lockCampaign(transaction, bulksmsId), raiseAttempt(transaction, bulksmsId, chunkNo)]);
  const chunk = chunks[0];
  if (campaign?.status !== "canceling" || chunk === undefined) return { campaign: null, hasMore: false };
  const canceled = await endPending(transaction, bulksmsId, chunk.intentTo + 1, chunk.lastRow, "canceled");
  if (canceled.hasMore || chunk.isHeld) return canceled;
  const unknown =
    chunk.carrierId === null
      ? await endPending(transaction, bulksmsId, chunk.firstRow, chunk.intentTo, "unknown")
      : await leaveInDoubt(transaction, bulksmsId, chunk, chunk.carrierId);
  if (!unknown.hasMore) await closeChunk(transaction, bulksmsId, chunkNo);
  return { campaign: unknown.campaign ?? canceled.campaign, hasMore: unknown.hasMore };
}

async function raiseAttempt(transaction: TransactionSql, bulksmsId: string, chunkNo: number) {
  return transaction<ChunkRow[]>`
    update bulksms_chunk c set attempt = c.attempt + 1
    from bulksms b left join carrier r on r.id = b.carrier_id
    where c.bulksms_id = ${bulksmsId} and c.chunk_no = ${chunkNo} and c.state <> 'done' and b.id = c.bulksms_id and b.status = 'canceling'
    returning c.first_row as "firstRow", c.last_row as "lastRow", c.intent_to as "intentTo",
      c.state = 'leased' and c.lease_until > clock_timestamp() as "isHeld",
      b.carrier_id as "carrierId", coalesce((r.settings ->> 'window')::int, 0) as window`;
}

/** Nobody holds the link of these any more: an event of their own lists them. */
async function leaveInDoubt(
  transaction: TransactionSql,
  bulksmsId: string,
  { firstRow, intentTo, window }: ChunkRow,
  carrierId: string,
): Promise<CanceledStep> {
  const cause = { carrierId, slot: null, kind: "cancel" as const, bound: crashBound(window) };
  const [campaign = null] = await putInDoubt(transaction, cause, [{ bulksmsId, firstRow, lastRow: intentTo }]);
  return { campaign, hasMore: false };
}

/** Ends the next pending messages of a range at most 5,000 rows wide. */
async function endPending(
  transaction: TransactionSql,
  bulksmsId: string,
  firstRow: number,
  lastRow: number,
  to: EndTarget,
): Promise<CanceledStep> {
  const rows = await transaction<{ first: number | null }[]>`
    select min(row_no) as first from bulksms_info
    where bulksms_id = ${bulksmsId} and row_no between ${firstRow} and ${lastRow} and status = 'pending'`;
  const first = rows[0]?.first ?? null;
  if (first === null) return { campaign: null, hasMore: false };
  const last = Math.min(lastRow, first + rowsPerTransactionMax - 1);
  const { campaign } = await endMessages(transaction, { bulksmsId, firstRow: first, lastRow: last }, ["pending"], to);
  return { campaign, hasMore: last < lastRow };
}

async function closeChunk(transaction: TransactionSql, bulksmsId: string, chunkNo: number): Promise<void> {
  await transaction`
    update bulksms_chunk set state = 'done', lease_owner = null, lease_until = null where bulksms_id = ${bulksmsId} and chunk_no = ${chunkNo}`;
}

// The timeline of one message: every step with its time, the ledger entry of its charge, and its
// anomalies. Called by salesapi.
import type { MessageCharge, MessageTimelineAnswer, TimelineStep } from "../../contracts/campaign_reads.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { AppError } from "../../contracts/errors.ts";
import { type AnomalyKind, isMessageIn, shownStateOf } from "../../contracts/states.ts";
import { messageWords, stateName } from "../../contracts/words.ts";
import type { Sql } from "../../platform/postgres.ts";
import { type MessageRow, messageColumns, requireBulksms, toMessage } from "./campaign_reads.ts";

interface TimelineRow extends MessageRow {
  createdAt: Date;
  costMilli: number;
  heldAt: Date | null;
  chunkNo: number | null;
  attempts: number;
  submittedAt: Date | null;
}

interface OutboxRow {
  id: string;
  confirmedAt: Date | null;
}

/** Keeps the page bounded if a carrier runs wild about one message. */
const anomaliesShownMax = 100;

/** @throws AppError bulksms_not_found, message_not_found */
export async function readMessageTimeline(sql: Sql, workspaceId: string, bulksmsId: string, rowNo: number): Promise<MessageTimelineAnswer> {
  const rows = await sql<TimelineRow[]>`
    select ${messageColumns(sql)}, b.created_at as "createdAt", m.cost_milli as "costMilli", r.created_at as "heldAt", c.chunk_no as "chunkNo",
      coalesce(c.attempt, 0) as attempts, case when c.intent_to >= m.row_no then c.submitted_at end as "submittedAt"
    from bulksms b join bulksms_info m on m.bulksms_id = b.id
      left join bulksms_run r on r.hold_id = b.hold_id
      left join bulksms_chunk c on c.bulksms_id = b.id and m.row_no between c.first_row and c.last_row
    where b.id = ${bulksmsId} and b.workspace_id = ${workspaceId} and m.row_no = ${rowNo}`;
  const row = rows[0];
  if (row === undefined) {
    await requireBulksms(sql, workspaceId, bulksmsId);
    throw new AppError("message_not_found", "The campaign has no such row.");
  }
  const [outbox, anomalies] = await Promise.all([
    readOutbox(sql, bulksmsId, rowNo),
    sql<{ receiptId: string; kind: AnomalyKind; status: string; createdAt: Date }[]>`
      select receipt_id as "receiptId", kind, status, created_at as "createdAt" from receipt_anomaly
      where bulksms_id = ${bulksmsId} and row_no = ${rowNo} order by created_at limit ${anomaliesShownMax}`,
  ]);
  return {
    ...toMessage(row),
    way: stepsOf(row, outbox),
    charge: chargeOf(row, outbox),
    anomalies: anomalies.map(({ receiptId, kind, status, createdAt }) => ({
      receipt_id: receiptId,
      kind,
      status,
      at: createdAt.toISOString(),
    })),
  };
}

/**
 * The outbox row was written by the transaction that set sent_at, so both carry the time of that
 * transaction, to the microsecond.
 */
async function readOutbox(sql: Sql, bulksmsId: string, rowNo: number): Promise<OutboxRow | null> {
  const rows = await sql<OutboxRow[]>`
    select o.id, o.confirmed_at as "confirmedAt" from credit_outbox o join bulksms_info m on m.bulksms_id = o.bulksms_id and m.sent_at = o.created_at
    where o.bulksms_id = ${bulksmsId} and m.row_no = ${rowNo} order by o.confirmed_at nulls first limit 2`;
  return rows.length === 1 ? (rows[0] as OutboxRow) : rows.length === 2 ? { id: "", confirmedAt: rows[0]?.confirmedAt ?? null } : null;
}

function stepsOf(row: TimelineRow, outbox: OutboxRow | null): TimelineStep[] {
  const { errorCode, submittedAt, sentAt } = row;
  const why = errorCode === null ? "" : ` (${errorCode})`;
  return [
    step("imported", "salesapi", true, row.createdAt, `row ${row.rowNo} of the file, ${partsOf(row.parts)}`),
    step("held", "rpc", row.heldAt !== null, row.heldAt, "credit for all parts of the campaign is held before the first is sent"),
    step("leased", "sales_worker", row.attempts > 0, null, describeLease(row)),
    step("submitted", "sales_worker", submittedAt !== null, submittedAt, "the intent is on disk before the first byte goes to the carrier"),
    acceptedStep(row, why),
    step("sent", "carrier", sentAt !== null, sentAt, "a receipt says so, or one that implies it"),
    step("charged", "general_worker", outbox?.confirmedAt != null, outbox?.confirmedAt ?? null, "its parts are in the ledger, once"),
    doneStep(row, why),
  ];
}

function doneStep({ status, errorCode, doneAt }: TimelineRow, why: string): TimelineStep {
  const shown = shownStateOf(status, errorCode);
  if (shown !== status) return step("done", "sales_worker", true, doneAt, messageWords[shown]);
  return step("done", "carrier", doneAt !== null, doneAt, doneAt === null ? "no final state yet" : `${status}${why}`);
}

function acceptedStep({ status, errorCode, sentAt }: TimelineRow, why: string): TimelineStep {
  // a message that failed without being sent was refused either at once or later; the carrier's
  // code tells which
  if (status === "failed") return step("accepted", "carrier", false, null, `refused, or failed before it was sent${why}`);
  const isAccepted = isMessageIn("accepted", status) || sentAt !== null;
  return step("accepted", "carrier", isAccepted, null, errorCode === null || isAccepted ? "the carrier took it in its queue" : errorCode);
}

const describeLease = ({ chunkNo, attempts }: TimelineRow) =>
  chunkNo === null || attempts === 0
    ? "no worker has taken its chunk yet"
    : `chunk ${chunkNo}, leased ${attempts === 1 ? "once" : `${attempts} times`}`;

const partsOf = (parts: number) => (parts === 1 ? "1 part" : `${parts} parts`);

function step(name: TimelineStep["step"], process: string, reached: boolean, at: Date | null, description: string): TimelineStep {
  return { step: name, reached, at: reached ? (at?.toISOString() ?? null) : null, process, description };
}

function chargeOf(row: TimelineRow, outbox: OutboxRow | null): MessageCharge {
  const amount = formatCredits(BigInt(row.costMilli));
  const isCharged = row.sentAt !== null && outbox?.confirmedAt != null;
  const sum = `${amount} credits for ${partsOf(row.parts)}`;
  return {
    parts: row.parts,
    amount,
    is_charged: isCharged,
    transfer_id: outbox?.id || null,
    description: describeCharge(row, sum, isCharged),
  };
}

function describeCharge({ sentAt, status, errorCode, doneAt }: TimelineRow, sum: string, isCharged: boolean): string {
  if (isCharged)
    return `Charged because it was sent: ${sum}. What became of it afterwards (${stateName(shownStateOf(status, errorCode))}) changes nothing.`;
  if (sentAt !== null) return `Sent: ${sum}, on their way to the ledger.`;
  if (doneAt !== null) return `Not charged: it ended as ${status} without having been sent. Its held credit goes back.`;
  return `Not charged yet: a message costs when it is sent. It would be ${sum}.`;
}

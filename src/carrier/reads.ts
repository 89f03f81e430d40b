// What a user may ask the carrier: the fate of one message, and sums over one batch. All of it read from the journal's files.
import { decodeSegment, type JournalRow, segmentRows } from "../contracts/carrier_journal.ts";
import { AppError } from "../contracts/errors.ts";
import { rowNoMax } from "../contracts/receipts.ts";
import type { Journal } from "./journal.ts";

export interface MessageFate {
  reference: string;
  verdict: JournalRow["verdict"];
  /** rejected, accepted, sent, failed, undelivered or delivered: how far it has come in the network. */
  state: string;
  error_code: string | null;
  parts: number;
  accepted_at: string;
  valid_until: string;
  sent_at: string | null;
  ended_at: string | null;
  /** Statuses whose receipt was answered 2xx. */
  receipts_answered: string[];
  repeats: number;
  repeats_differing: number;
}

export interface BatchStatistics {
  accepted: number;
  rejected: number;
  sent: number;
  parts_sent: number;
  delivered: number;
  undelivered: number;
  failed: number;
  receipts_answered: number;
  repeats: number;
  repeats_differing: number;
}

/** @throws AppError message_not_found */
export async function messageFate(journal: Journal, reference: string): Promise<MessageFate> {
  const match = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9]\d{0,9})$/.exec(reference.toLowerCase());
  const rowNo = Number(match?.[2]);
  if (match === null || rowNo > rowNoMax) throw new AppError("message_not_found", "A reference reads <batch_id>.<row_no>.");
  const segmentNo = Math.floor(rowNo / segmentRows);
  await journal.commit();
  const rows = decodeSegment(await journal.segmentFile(match[1] as string, segmentNo), segmentNo);
  const row = rows.find((candidate) => candidate.rowNo === rowNo);
  if (row === undefined) throw new AppError("message_not_found", "The carrier has never had a message of this reference.");
  return {
    reference: `${match[1]}.${rowNo}`,
    verdict: row.verdict,
    state: row.end ?? (row.isSent ? "sent" : row.verdict),
    error_code: row.errorCode,
    parts: row.parts,
    accepted_at: instantText(row.acceptedAtMs),
    valid_until: instantText(row.validUntilMs),
    sent_at: row.sentAtMs === null ? null : instantText(row.sentAtMs),
    ended_at: row.endedAtMs === null ? null : instantText(row.endedAtMs),
    receipts_answered: row.answered,
    repeats: row.repeats,
    repeats_differing: row.repeatsDiffering,
  };
}

/** Sums over everything that the journal has of a batch; zeros when that is nothing. One segment in memory at a time. */
export async function batchStatistics(journal: Journal, batchId: string): Promise<BatchStatistics> {
  const sums: BatchStatistics = {
    accepted: 0,
    rejected: 0,
    sent: 0,
    parts_sent: 0,
    delivered: 0,
    undelivered: 0,
    failed: 0,
    receipts_answered: 0,
    repeats: 0,
    repeats_differing: 0,
  };
  await journal.commit();
  for (const segmentNo of await journal.segmentNos(batchId)) {
    for (const row of decodeSegment(await journal.segmentFile(batchId, segmentNo), segmentNo)) {
      sums[row.verdict] += 1;
      if (row.isSent) sums.sent += 1;
      if (row.isSent) sums.parts_sent += row.parts;
      if (row.end !== null) sums[row.end] += 1;
      sums.receipts_answered += row.answered.length;
      sums.repeats += row.repeats;
      sums.repeats_differing += row.repeatsDiffering;
    }
  }
  return sums;
}

function instantText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

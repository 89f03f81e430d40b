// What a user may ask the simulator: the fate of one message, and sums over one batch. All of it
// read from the journal's files.

import { AppError } from "../contracts/errors.ts";
import { uuidPattern } from "../contracts/ids.ts";
import { rowNoMax } from "../contracts/receipts.ts";
import type { BatchStatisticsAnswer, SimulatedMessageAnswer } from "../contracts/simulator_answers.ts";
import { journalEnds, journalErrorCodes, receiptStatusOf, segmentRows } from "../contracts/simulator_journal.ts";
import type { Journal } from "./journal.ts";
import { flag, Segment } from "./segment.ts";

export type BatchStatistics = Omit<BatchStatisticsAnswer, "batch_id">;

const referenceShape = new RegExp(`^(${uuidPattern})\\.([1-9]\\d{0,9})$`);

/** @throws AppError message_not_found */
export async function messageFate(journal: Journal, reference: string): Promise<SimulatedMessageAnswer> {
  const match = referenceShape.exec(reference.toLowerCase());
  const rowNo = Number(match?.[2]);
  if (match === null || rowNo > rowNoMax) throw new AppError("message_not_found", "A reference reads <batch_id>.<row_no>.");
  const segmentNo = Math.floor(rowNo / segmentRows);
  await journal.commit();
  const batchId = match[1] as string;
  const segment = new Segment(batchId, segmentNo);
  segment.load(await journal.segmentFile(batchId, segmentNo));
  const slot = segment.find(rowNo % segmentRows);
  if (slot === -1) throw new AppError("message_not_found", "The simulator has never had a message of this reference.");
  return fateOfSlot(segment, slot);
}

function fateOfSlot(segment: Segment, slot: number): SimulatedMessageAnswer {
  const { atMs, validUntilMs } = segment.submitOf(slot);
  const isSent = segment.is(slot, flag.sent);
  const verdict = segment.is(slot, flag.rejected) ? "rejected" : "accepted";
  const end = journalEnds[segment.ends[slot] as number] ?? null;
  const answered = [1, 2, 3].filter((receiptNo) => segment.isAnswered(slot, receiptNo));
  return {
    reference: `${segment.batchId}.${segment.rowNo(slot)}`,
    verdict,
    state: end ?? (isSent ? "sent" : verdict),
    error_code: journalErrorCodes[segment.codes[slot] as number] ?? null,
    parts: segment.parts[slot] as number,
    accepted_at: instantText(atMs),
    valid_until: instantText(validUntilMs),
    sent_at: isSent ? instantText(atMs + (segment.sentDeltas[slot] as number)) : null,
    ended_at: end === null ? null : instantText(atMs + (segment.endedDeltas[slot] as number)),
    receipts_answered: answered.map((receiptNo) => receiptStatusOf(receiptNo, isSent, end)).filter((status) => status !== null),
    repeats: segment.repeats[slot] as number,
    repeats_differing: segment.repeatsDiffering[slot] as number,
  };
}

/**
 * Sums over everything that the journal has of a batch; zeros when that is nothing. One segment in
 * memory at a time.
 */
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
    const segment = new Segment(batchId, segmentNo);
    segment.load(await journal.segmentFile(batchId, segmentNo));
    addSegment(sums, segment);
  }
  return sums;
}

function addSegment(sums: BatchStatistics, segment: Segment): void {
  for (let slot = 0; slot < segment.slots; slot++) {
    sums[segment.is(slot, flag.rejected) ? "rejected" : "accepted"] += 1;
    if (segment.is(slot, flag.sent)) {
      sums.sent += 1;
      sums.parts_sent += segment.parts[slot] as number;
    }
    const end = journalEnds[segment.ends[slot] as number] ?? null;
    if (end !== null) sums[end] += 1;
    for (let receiptNo = 1; receiptNo <= 3; receiptNo++) if (segment.isAnswered(slot, receiptNo)) sums.receipts_answered += 1;
    sums.repeats += segment.repeats[slot] as number;
    sums.repeats_differing += segment.repeatsDiffering[slot] as number;
  }
}

function instantText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

// A receipt as the JSON that goes out, made of what the segment knows: the same on every attempt.
import { journalEnds, journalErrorCodes, receiptStatusOf } from "../contracts/carrier_journal.ts";
import { delaysOf } from "./plan.ts";
import { carrierProfiles } from "./profiles.ts";
import { flag, type Segment } from "./segment.ts";

/** @param receiptNo 1 queued, 2 sent or failed, 3 the end; it must have happened */
export function receiptOf(segment: Segment, slot: number, receiptNo: number): { id: string; json: string } {
  const end = journalEnds[segment.ends[slot] as number] ?? null;
  const status = receiptStatusOf(receiptNo, segment.is(slot, flag.sent), end);
  if (status === null) throw new Error(`receipt ${receiptNo} of a message that has none`);
  const reference = `${segment.batchId}.${segment.rowNo(slot)}`;
  const id = `${reference}.${receiptNo}`;
  const code = status === "failed" || status === "undelivered" ? (journalErrorCodes[segment.codes[slot] as number] ?? null) : null;
  const error = code === null ? "" : `,"error_code":"${code}"`;
  return {
    id,
    json: `{"id":"${id}","reference":"${reference}","status":"${status}"${error},"at":"${instantText(timeOf(segment, slot, receiptNo))}"}`,
  };
}

function timeOf(segment: Segment, slot: number, receiptNo: number): number {
  const terms = segment.submitOf(slot);
  const { atMs } = terms;
  if (receiptNo === 3) return atMs + (segment.endedDeltas[slot] as number);
  if (receiptNo === 2) return atMs + ((segment.is(slot, flag.sent) ? segment.sentDeltas[slot] : segment.endedDeltas[slot]) as number);
  if (terms.speed === Number.POSITIVE_INFINITY) return atMs;
  return atMs + delaysOf(carrierProfiles[terms.profile], terms.stream, segment.rowNo(slot), segment.fate(slot)).queuedMs / terms.speed;
}

/** RFC 3339 in UTC. */
function instantText(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

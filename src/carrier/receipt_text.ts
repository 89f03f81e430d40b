// A receipt as the JSON that goes out, made of what the segment knows: the same on every attempt.
import { journalEnds, journalErrorCodes, receiptStatusOf } from "../contracts/carrier_journal.ts";
import { delaysOf } from "./plan.ts";
import { carrierProfiles } from "./profiles.ts";
import { flag, type Segment } from "./segment.ts";

/** Receipt 1 (queued), 2 (sent or failed) or 3 (the end) of a message in a slot; it must have happened. */
export type ReceiptOf = (segment: Segment, slot: number, receiptNo: number) => { id: string; json: string };

export function createReceiptText(): ReceiptOf {
  const instantText = createInstantText();
  return (segment, slot, receiptNo) => receiptOf(segment, slot, receiptNo, instantText(timeOf(segment, slot, receiptNo)));
}

function receiptOf(segment: Segment, slot: number, receiptNo: number, at: string): { id: string; json: string } {
  const end = journalEnds[segment.ends[slot] as number] ?? null;
  const status = receiptStatusOf(receiptNo, segment.is(slot, flag.sent), end);
  if (status === null) throw new Error(`receipt ${receiptNo} of a message that has none`);
  const reference = `${segment.batchId}.${segment.rowNo(slot)}`;
  const id = `${reference}.${receiptNo}`;
  const code = status === "failed" || status === "undelivered" ? (journalErrorCodes[segment.codes[slot] as number] ?? null) : null;
  const error = code === null ? "" : `,"error_code":"${code}"`;
  return { id, json: `{"id":"${id}","reference":"${reference}","status":"${status}"${error},"at":"${at}"}` };
}

function timeOf(segment: Segment, slot: number, receiptNo: number): number {
  const terms = segment.submitOf(slot);
  const { atMs } = terms;
  if (receiptNo === 3) return atMs + (segment.endedDeltas[slot] as number);
  if (receiptNo === 2) return atMs + ((segment.is(slot, flag.sent) ? segment.sentDeltas[slot] : segment.endedDeltas[slot]) as number);
  if (terms.speed === Number.POSITIVE_INFINITY) return atMs;
  return atMs + delaysOf(carrierProfiles[terms.profile], terms.stream, segment.rowNo(slot), segment.fate(slot)).queuedMs / terms.speed;
}

/** RFC 3339 in UTC. Formatting would be the dearest part of a receipt; most come in the same second as the one before. */
function createInstantText(): (timeMs: number) => string {
  const fractions = Array.from({ length: 1_000 }, (_, ms) => `.${String(ms).padStart(3, "0")}Z`);
  let lastSecond = Number.NaN;
  let lastText = "";
  return (timeMs) => {
    const second = Math.floor(timeMs / 1_000);
    if (second !== lastSecond) {
      lastSecond = second;
      lastText = new Date(second * 1_000).toISOString().slice(0, 19);
    }
    return lastText + fractions[Math.floor(timeMs) - second * 1_000];
  };
}

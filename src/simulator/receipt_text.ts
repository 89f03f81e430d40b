// A receipt as the JSON that goes out, made of what the segment knows: the same on every attempt.
import { journalEnds, journalErrorCodes, receiptStatusOf } from "../contracts/simulator_journal.ts";
import { isMessageIn } from "../contracts/states.ts";
import { delaysOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { flag, type Segment } from "./segment.ts";

/**
 * Receipt 1 (queued), 2 (sent or failed) or 3 (the end) of a message in a slot; it must have
 * happened.
 */
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
  const code = isMessageIn("explained", status) ? (journalErrorCodes[segment.codes[slot] as number] ?? null) : null;
  const error = code === null ? "" : `,"error_code":"${code}"`;
  return { id, json: `{"id":"${id}","reference":"${reference}","status":"${status}"${error},"at":"${at}"}` };
}

function timeOf(segment: Segment, slot: number, receiptNo: number): number {
  const terms = segment.submitOf(slot);
  const { atMs } = terms;
  if (receiptNo === 3) return atMs + (segment.endedDeltas[slot] as number);
  if (receiptNo === 2) return atMs + ((segment.is(slot, flag.sent) ? segment.sentDeltas[slot] : segment.endedDeltas[slot]) as number);
  if (terms.speed === Number.POSITIVE_INFINITY) return atMs;
  return atMs + delaysOf(simulatorProfiles[terms.profile], terms.stream, segment.rowNo(slot), segment.fate(slot)).queuedMs / terms.speed;
}

/** Seconds whose text is kept: those of the receipts that go out together. */
const secondsKept = 1_000;

/**
 * RFC 3339 in UTC. Formatting would be the dearest part of a receipt; most share their second with
 * others.
 */
function createInstantText(): (timeMs: number) => string {
  const fractions = Array.from({ length: 1_000 }, (_, ms) => `.${String(ms).padStart(3, "0")}Z`);
  const secondTexts = new Map<number, string>();
  return (timeMs) => {
    const second = Math.floor(timeMs / 1_000);
    let text = secondTexts.get(second);
    if (text === undefined) {
      if (secondTexts.size >= secondsKept) secondTexts.clear();
      text = new Date(second * 1_000).toISOString().slice(0, 19);
      secondTexts.set(second, text);
    }
    return text + (fractions[Math.floor(timeMs) - second * 1_000] as string);
  };
}

// The simulator's journal on disk: the format, and its reading as pure parsing of bytes. Written by
// simulator, read by simulator (resume) and by laws (the oracle). It may be read while the
// simulator writes: a block not yet whole is simply not there yet.
//
// Below the simulator's data folder, one append-only file per segment, and an empty marker for each
// segment that may have unfinished messages:
//   journal/<last two characters of batch_id>/<batch_id>.<segment_no>
//   open/<batch_id>.<segment_no>
//
// A segment holds the rows segment_no * 16,384 + 0 .. 16,383 of one batch. A file is the 8 bytes of
// a magic, then blocks: u32 payload bytes, u32 CRC-32 of the payload, payload. A block is what one
// commit appended: whole or not there. Reading stops at the first block that is cut short or fails
// its checksum: the torn tail of a crash, which the next opening truncates. A payload is a run of
// records, each a type byte and fixed fields, little endian (see `recordBytes`).
//
// Format 2 says of each verdict which number it was about, and of each submit when it came by a
// clock that nobody sets. Files of format 1 are read as well: they know neither. The first record
// appended to one makes it format 2 (`fileMagic` in place of its own): the magic names the least
// format that reads it all. Format 3 has records of the kind `details`: only the batches of
// accounts (simulator_accounts.ts) are of it.
import { crc32 } from "node:zlib";
import { uuidPattern } from "./ids.ts";
import type { CarrierErrorCode } from "./receipts.ts";
import type { ReceiptStatus } from "./states.ts";

/**
 * Rows of one segment: its file stays near 1 MB, quick to reload for a repeat, and memory holds
 * only segments at work.
 */
export const segmentRows = 16_384;
export const journalFolder = "journal";
export const openFolder = "open";
export const fileMagic = Buffer.from("bscj\u0002\0\0\0", "latin1");
/** Of files whose verdicts were all written before they named a number. */
export const fileMagicOfFormat1 = Buffer.from("bscj\u0001\0\0\0", "latin1");
export const blockHeaderBytes = 8;
/** Of the batches of accounts. */
export const fileMagicOfFormat3 = Buffer.from("bscj\u0003\0\0\0", "latin1");
/** No block is larger: one commit of one segment writes at most this many payload bytes at once. */
export const blockPayloadBytesMax = 64 * 1024 * 1024;

/**
 * Profiles and error codes by the number that stands for them on disk: append only, never reorder.
 */
export const journalProfiles = ["typical", "clean-list", "dirty-list", "new-year", "demo", "answered"] as const;
export type SimulatorProfileName = (typeof journalProfiles)[number];
export const journalErrorCodes = [
  null,
  "absent_subscriber",
  "memory_full",
  "unknown_subscriber",
  "barred",
  "network_failure",
  "expired_in_network",
  "no_sms_service",
  "sender_not_registered",
  "flooding_filter",
] as const satisfies readonly (CarrierErrorCode | null)[];
/** How a message ends in the simulated network. */
export const networkEnds = ["failed", "undelivered", "delivered"] as const;
export type NetworkEnd = (typeof networkEnds)[number];
/** A record has the index: append only. */
export const journalEnds = [null, ...networkEnds] as const;
export type JournalEnd = (typeof journalEnds)[number];

/**
 * Records. `row` is u16: row_no - segment_no * 16,384. `delta` is u32 ms since the submit's `at`.
 *
 *   submit    u8 profile, u8 is-max, u8 0, u32 seed, f64 speed, f64 at (ms), f64 valid_until (ms),
 *             f64 at (ms) by the steady clock, u32 boot: what the verdicts after it share
 *   accepted  u8 parts, u16 row, u32 u32 digest (low, high), u8 forced outcome (0: by chance),
 *             u32 number mark (`numberMark`)
 *   rejected  u8 parts, u16 row, u32 u32 digest, u8 error code, u32 number mark
 *   submit_1, accepted_1, rejected_1
 *             format 1: the same without steady clock and boot, without the mark
 *   sent      u16 row, u32 delta
 *   ended     u16 row, u32 delta, u8 end, u8 error code
 *   answered  u16 row, u8 receipt number (1 queued, 2 sent or failed, 3 the end): it got a 2xx, or
 *             the client of an account acknowledged it, or had not asked for it
 *   repeat    u16 row, u8 1 when it carried the same message, else 0
 *   gave_up   u16 row: its receipts are no longer retried
 *   lost      u16 row, u8 receipt number: the weather (contracts/simulator_weather.ts) lost it,
 *             it is never sent; or the receiver of an account's client refused it for good
 *   details   u16 row, u32 bytes, then so many bytes of JSON in UTF-8: format 3, an account's
 *             message (simulator_accounts.ts); a later one replaces it
 */
export const recordTypes = {
  submit_1: 1,
  accepted_1: 2,
  rejected_1: 3,
  sent: 4,
  ended: 5,
  answered: 6,
  repeat: 7,
  gave_up: 8,
  lost: 9,
  accepted: 10,
  rejected: 11,
  submit: 12,
  details: 13,
} as const;
/** Bytes of each record, its type byte counted; index = type. Of `details`: without its JSON. */
export const recordBytes = [0, 32, 13, 13, 7, 9, 4, 4, 3, 4, 17, 17, 44, 7] as const;

/**
 * The largest prime below 2^32: no change of one digit, and no exchange of two, keeps the
 * remainder.
 */
export const numberMarkModulus = 4_294_967_291;
/** A record of format 1 has none. */
export const noNumberMark = 0;

/**
 * Four bytes that stand for a number (E.164 with or without its plus): 1 + its remainder. It tells
 * numbers apart by accident, not by malice, and does not spell the number out.
 */
export function numberMark(msisdn: string): number {
  return 1 + (Number(msisdn) % numberMarkModulus);
}

/** Called for each record in the order written. `row` counts from the segment's first row. */
export interface JournalVisitor {
  submit(submit: JournalSubmit): void;
  /** `mark`: of its number, or noNumberMark. */
  accepted(row: number, parts: number, digestLow: number, digestHigh: number, forced: number, mark: number): void;
  rejected(row: number, parts: number, digestLow: number, digestHigh: number, code: number, mark: number): void;
  sent(row: number, deltaMs: number): void;
  ended(row: number, deltaMs: number, end: number, code: number): void;
  answered(row: number, receiptNo: number): void;
  repeat(row: number, isSame: boolean): void;
  gaveUp(row: number): void;
  lost(row: number, receiptNo: number): void;
  /** Left out: nobody reads the JSON. */
  details?(row: number, json: string): void;
}

export interface JournalSubmit {
  profile: SimulatorProfileName;
  seed: number;
  /** Infinity: no delays. */
  speed: number;
  /** Wall time. */
  atMs: number;
  validUntilMs: number;
  /** The same moment by the machine's steady clock, which counts from its boot. */
  steadyAtMs: number;
  /** Names that boot; noBoot in a record of format 1. */
  boot: number;
}

/** No boot has this name: whoever draws one draws from 1 on. */
export const noBoot = 0;

/** Path of a segment below the simulator's data folder, with `/`. */
export function segmentPath(batchId: string, segmentNo: number): string {
  return `${journalFolder}/${batchId.slice(-2)}/${batchId}.${segmentNo}`;
}

const segmentName = new RegExp(`^(${uuidPattern})\\.(\\d{1,6})$`);

/** Batch and segment of a file name in `journal/xx/` or `open/`; null when it is none. */
export function parseSegmentName(name: string): { batchId: string; segmentNo: number } | null {
  const match = segmentName.exec(name);
  return match === null ? null : { batchId: match[1] as string, segmentNo: Number(match[2]) };
}

/**
 * Reads the records of a segment's bytes. Answers how many bytes are whole: what follows is a torn
 * tail (or a block being written now). A file shorter than its magic is empty; another magic
 * throws.
 */
export function visitSegment(file: Buffer, visitor: JournalVisitor): number {
  if (file.length < fileMagic.length) return 0;
  const magic = file.subarray(0, fileMagic.length);
  if (![fileMagic, fileMagicOfFormat1, fileMagicOfFormat3].some((known) => magic.equals(known)))
    throw new Error("not a simulator journal of this version");
  let offset = fileMagic.length;
  while (offset + blockHeaderBytes <= file.length) {
    const payloadBytes = file.readUInt32LE(offset);
    const start = offset + blockHeaderBytes;
    const end = start + payloadBytes;
    // Zero bytes: a file that grew before its data reached the disk.
    if (payloadBytes === 0 || payloadBytes > blockPayloadBytesMax || end > file.length) break;
    if (crc32(file.subarray(start, end)) !== file.readUInt32LE(offset + 4)) break;
    visitPayload(file, start, end, visitor);
    offset = end;
  }
  return offset;
}

function visitPayload(file: Buffer, start: number, end: number, visitor: JournalVisitor): void {
  let at = start;
  while (at < end) {
    const type = file[at] as number;
    const bytes = recordBytes[type];
    if (bytes === undefined || bytes === 0 || at + bytes > end) throw new Error(`journal record of unknown type ${type}`);
    const next = at + bytes + (type === recordTypes.details ? file.readUInt32LE(at + 3) : 0);
    if (next > end) throw new Error("journal record beyond its block");
    visitRecord(file, at, type, visitor);
    if (type === recordTypes.details) visitor.details?.(file.readUInt16LE(at + 1), file.toString("utf8", at + bytes, next));
    at = next;
  }
}

function visitRecord(file: Buffer, at: number, type: number, visitor: JournalVisitor): void {
  const byte = (offset: number): number => file[at + offset] as number;
  switch (type) {
    case recordTypes.submit_1:
    case recordTypes.submit:
      visitor.submit({
        profile: journalProfiles[byte(1)] ?? "typical",
        seed: file.readUInt32LE(at + 4),
        speed: byte(2) === 1 ? Number.POSITIVE_INFINITY : file.readDoubleLE(at + 8),
        atMs: file.readDoubleLE(at + 16),
        validUntilMs: file.readDoubleLE(at + 24),
        steadyAtMs: type === recordTypes.submit ? file.readDoubleLE(at + 32) : 0,
        boot: type === recordTypes.submit ? file.readUInt32LE(at + 40) : noBoot,
      });
      break;
    case recordTypes.accepted_1:
    case recordTypes.accepted:
      visitor.accepted(
        file.readUInt16LE(at + 2),
        byte(1),
        file.readUInt32LE(at + 4),
        file.readUInt32LE(at + 8),
        byte(12),
        markAt(file, at, type),
      );
      break;
    case recordTypes.rejected_1:
    case recordTypes.rejected:
      visitor.rejected(
        file.readUInt16LE(at + 2),
        byte(1),
        file.readUInt32LE(at + 4),
        file.readUInt32LE(at + 8),
        byte(12),
        markAt(file, at, type),
      );
      break;
    case recordTypes.sent:
      visitor.sent(file.readUInt16LE(at + 1), file.readUInt32LE(at + 3));
      break;
    case recordTypes.ended:
      visitor.ended(file.readUInt16LE(at + 1), file.readUInt32LE(at + 3), byte(7), byte(8));
      break;
    case recordTypes.answered:
      visitor.answered(file.readUInt16LE(at + 1), byte(3));
      break;
    case recordTypes.repeat:
      visitor.repeat(file.readUInt16LE(at + 1), byte(3) === 1);
      break;
    case recordTypes.gave_up:
      visitor.gaveUp(file.readUInt16LE(at + 1));
      break;
    case recordTypes.lost:
      visitor.lost(file.readUInt16LE(at + 1), byte(3));
      break;
  }
}

function markAt(file: Buffer, at: number, type: number): number {
  return type === recordTypes.accepted || type === recordTypes.rejected ? file.readUInt32LE(at + 13) : noNumberMark;
}

/** What receipt 1, 2 or 3 of a message says; null when it has no such receipt (yet). */
export function receiptStatusOf(receiptNo: number, isSent: boolean, end: JournalEnd): ReceiptStatus | null {
  if (receiptNo === 1) return "queued";
  if (receiptNo === 2) return isSent ? "sent" : end === "failed" ? "failed" : null;
  return isSent && end !== "failed" ? end : null;
}

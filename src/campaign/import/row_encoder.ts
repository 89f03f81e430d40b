// Good rows as binary COPY data of `bulksms_info (bulksms_id, row_no, msisdn, parts, fields)`: half the bytes of text, no parsing on either end
// (https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS). Called by import_campaign.ts for each good row.
import type { GoodRow } from "./row_verdicts.ts";

/** Rows with consecutive numbers, ready for one COPY. */
export interface EncodedRows {
  /** Number of the first row; the others follow. */
  firstRow: number;
  count: number;
  /** With the format's header and trailer. */
  data: Buffer;
}

export interface RowEncoder {
  add(row: GoodRow): void;
  /** Rows since the last `take`. */
  readonly count: number;
  /** The rows added since the last call. */
  take(): EncodedRows;
}

const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const trailer = Buffer.from([0xff, 0xff]);
export const copyHeaderBytes = signature.length;
export const copyTrailerBytes = trailer.length;
/** Tuple header, uuid, row_no, msisdn, parts, each with its length, and the length of fields. */
const fixedRowBytes = 2 + (4 + 16) + (4 + 4) + (4 + 8) + (4 + 2) + 4;
const rowNoAt = 26;
const msisdnAt = 34;
const partsAt = 46;
const arrayHeaderBytes = 20;
const textOid = 25;
/** A UTF-16 unit is at most so many bytes of UTF-8. */
const bytesPerUnitMax = 3;

/**
 * An encoder for one campaign, whose rows are numbered from 1. Rows go straight into bytes: ten thousand objects kept until their COPY cost more
 * in garbage collection than all the writing.
 */
export function createRowEncoder(bulksmsId: string, rowsExpected: number): RowEncoder {
  const fixed = fixedBytes(bulksmsId);
  const bytesAtFirst = copyHeaderBytes + rowsExpected * fixedRowBytes + copyTrailerBytes;
  let nextRow = 1;
  let count = 0;
  let bytes: Buffer = Buffer.alloc(0);
  let at = 0;
  return {
    add({ msisdn, parts, fields }) {
      if (count === 0) {
        bytes = Buffer.allocUnsafeSlow(bytesAtFirst);
        at = signature.copy(bytes);
      }
      bytes = withRoom(bytes, at, fixedRowBytes + copyTrailerBytes + (fields === null ? 0 : fieldsBytesMax(fields)));
      for (let index = 0; index < fixedRowBytes; index++) bytes[at + index] = fixed[index] as number;
      writeInt32(bytes, at + rowNoAt, nextRow);
      writeInt32(bytes, at + msisdnAt, (msisdn / 0x100000000) | 0);
      writeInt32(bytes, at + msisdnAt + 4, msisdn | 0);
      bytes[at + partsAt] = parts >> 8;
      bytes[at + partsAt + 1] = parts;
      at += fixedRowBytes;
      // the fixed bytes end with the length of a null
      if (fields !== null) at = writeFields(bytes, at - 4, fields);
      nextRow++;
      count++;
    },
    get count() {
      return count;
    },
    take() {
      const end = at + trailer.copy(bytes, at);
      const taken = { firstRow: nextRow - count, count, data: bytes.subarray(0, end) };
      bytes = Buffer.alloc(0);
      at = 0;
      count = 0;
      return taken;
    },
  };
}

/** What all rows share: everything but row_no, msisdn and parts, with fields null. */
function fixedBytes(bulksmsId: string): Buffer {
  const fixed = Buffer.alloc(fixedRowBytes);
  let at = fixed.writeInt16BE(5);
  at = fixed.writeInt32BE(16, at);
  at += Buffer.from(bulksmsId.replaceAll("-", ""), "hex").copy(fixed, at);
  for (const length of [4, 8, 2]) at = fixed.writeInt32BE(length, at) + length;
  fixed.writeInt32BE(-1, at);
  return fixed;
}

function withRoom(bytes: Buffer, used: number, needed: number): Buffer {
  if (used + needed <= bytes.length) return bytes;
  const larger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, used + needed));
  bytes.copy(larger, 0, 0, used);
  return larger;
}

function fieldsBytesMax(fields: readonly string[]): number {
  let sum = arrayHeaderBytes;
  for (const value of fields) sum += 4 + bytesPerUnitMax * value.length;
  return sum;
}

/** A one-dimensional text[] behind its length: dimensions, has-nulls, element type, length, lower bound, then each value with its length. */
function writeFields(bytes: Buffer, from: number, fields: readonly string[]): number {
  let at = from + 4;
  for (const number of [1, 0, textOid, fields.length, 1]) at = writeInt32(bytes, at, number);
  for (const value of fields) {
    const length = writeText(bytes, at + 4, value);
    writeInt32(bytes, at, length);
    at += 4 + length;
  }
  writeInt32(bytes, from, at - from - 4);
  return at;
}

/** UTF-8 bytes written. Cells are short and mostly ASCII: a loop is done before `Buffer.write` has begun. */
function writeText(bytes: Buffer, at: number, value: string): number {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code >= 0x80) return bytes.write(value, at);
    bytes[at + index] = code;
  }
  return value.length;
}

/** Big-endian; returns the offset behind it. */
function writeInt32(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >> 24;
  bytes[at + 1] = value >> 16;
  bytes[at + 2] = value >> 8;
  bytes[at + 3] = value;
  return at + 4;
}

// Good rows as binary COPY data of `bulksms_info (bulksms_id, row_no, msisdn, parts, line,
// cost_milli, fields)`: half the bytes of text, no parsing on either end
// (https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS). Called by
// import_campaign.ts for each good row.
import type { GoodRow } from "../../contacts/csv/row_verdicts.ts";

/** Rows with consecutive numbers, ready for one COPY. */
export interface EncodedRows {
  /** Number of the first row; the others follow. */
  firstRow: number;
  count: number;
  /** With the format's header and trailer. */
  data: Buffer;
}

export interface RowEncoder {
  /** `line`: where the row begins in its file, counted from 1. */
  add(row: GoodRow, line: number, costMilli: number): void;
  /** Rows since the last `take`. */
  readonly count: number;
  /** Their bytes so far. */
  readonly bytes: number;
  /** The rows added since the last call. */
  take(): EncodedRows;
  /** Takes back the memory of rows that nobody reads any more, for the next ones. */
  reuse(rows: EncodedRows): void;
}

const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const trailer = Buffer.from([0xff, 0xff]);
export const copyHeaderBytes = signature.length;
export const copyTrailerBytes = trailer.length;
/** Tuple header, six columns each with its length, and the length of fields. */
const fixedRowBytes = 2 + (4 + 16) + (4 + 4) + (4 + 8) + (4 + 2) + (4 + 4) + (4 + 4) + 4;
const rowNoAt = 26;
const msisdnAt = 34;
const partsAt = 46;
const lineAt = 52;
const costAt = 60;
/** The length of fields: -1 for null. */
const fieldsAt = fixedRowBytes - 4;
const arrayHeaderBytes = 20;
const textOid = 25;
/** A UTF-16 unit is at most so many bytes of UTF-8. */
const bytesPerUnitMax = 3;

/**
 * An encoder for one campaign, whose rows are numbered from 1. Rows go straight into bytes:
 * thousands of objects kept until their COPY cost more in garbage collection than all the writing.
 * So would fresh memory for each COPY: its freeing is what starts the large collections.
 */
export function createRowEncoder(bulksmsId: string, rowsExpected: number): RowEncoder {
  const fixed = fixedWords(bulksmsId);
  const bytesAtFirst = copyHeaderBytes + rowsExpected * fixedRowBytes + copyTrailerBytes;
  const spare: Buffer[] = [];
  let nextRow = 1;
  let count = 0;
  let bytes: Buffer = Buffer.alloc(0);
  let view = viewOf(bytes);
  let at = 0;
  const writeTo = (buffer: Buffer): void => {
    bytes = buffer;
    view = viewOf(buffer);
  };
  return {
    add({ msisdn, parts, fields }, line, costMilli) {
      if (count === 0) {
        writeTo(spare.pop() ?? Buffer.allocUnsafeSlow(bytesAtFirst));
        at = signature.copy(bytes);
      }
      const needed = at + fixedRowBytes + copyTrailerBytes + (fields === null ? 0 : fieldsBytesMax(fields));
      if (needed > bytes.length) writeTo(largerCopy(bytes, at, needed));
      for (let index = 0; index < fixed.length; index++) view.setInt32(at + 4 * index, fixed[index] as number);
      view.setInt32(at + rowNoAt, nextRow);
      view.setInt32(at + msisdnAt, (msisdn / 0x100000000) | 0);
      view.setInt32(at + msisdnAt + 4, msisdn | 0);
      view.setInt16(at + partsAt, parts);
      view.setInt32(at + lineAt, line);
      view.setInt32(at + costAt, costMilli);
      view.setInt32(at + fieldsAt, -1);
      at += fixedRowBytes;
      if (fields !== null) at = writeFields(bytes, at - 4, fields);
      nextRow++;
      count++;
    },
    get count() {
      return count;
    },
    get bytes() {
      return count === 0 ? 0 : at;
    },
    take() {
      // rejects may be copied alone, and the buffer of the rows before them is still being read
      if (count === 0) return { firstRow: nextRow, count, data: Buffer.alloc(0) };
      const end = at + trailer.copy(bytes, at);
      const taken = { firstRow: nextRow - count, count, data: bytes.subarray(0, end) };
      count = 0;
      return taken;
    },
    reuse({ count: rows, data }) {
      if (rows > 0) spare.push(Buffer.from(data.buffer));
    },
  };
}

const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView => new DataView(buffer, byteOffset, length);

/**
 * What all rows share: the id and the lengths, as words of four bytes, which are written four times
 * as fast as bytes.
 */
function fixedWords(bulksmsId: string): Int32Array {
  const fixed = Buffer.alloc(fixedRowBytes);
  let at = fixed.writeInt16BE(7);
  at = fixed.writeInt32BE(16, at);
  at += Buffer.from(bulksmsId.replaceAll("-", ""), "hex").copy(fixed, at);
  for (const length of [4, 8, 2, 4, 4]) at = fixed.writeInt32BE(length, at) + length;
  return Int32Array.from({ length: Math.floor(fixedRowBytes / 4) }, (_, index) => fixed.readInt32BE(4 * index));
}

function largerCopy(bytes: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, needed));
  bytes.copy(larger, 0, 0, used);
  return larger;
}

function fieldsBytesMax(fields: readonly string[]): number {
  let sum = arrayHeaderBytes;
  for (const value of fields) sum += 4 + bytesPerUnitMax * value.length;
  return sum;
}

/**
 * A one-dimensional text[] behind its length: dimensions, has-nulls, element type, length, lower
 * bound, then each value with its length.
 */
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

/**
 * UTF-8 bytes written. Cells are short and mostly ASCII: a loop is done before `Buffer.write` has
 * begun.
 */
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

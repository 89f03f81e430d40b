// Good rows and rejects of an import into salesdb: encoded in memory first, then copied in one short transaction.
// Binary COPY (https://www.postgresql.org/docs/18/sql-copy.html#SQL-COPY-FILE-FORMATS): half the bytes of text, no parsing on either end.
import { finished } from "node:stream/promises";
import type { RejectReason } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { requireImportLease } from "./import_lease.ts";
import type { GoodRow } from "./row_verdicts.ts";

/** A reject's cell is kept up to here: enough to recognise it. */
const rejectValueCharactersMax = 200;

export interface Reject {
  line: number;
  reason: RejectReason;
  value: string;
}

/** Rows of one transaction. */
export interface RowBatch {
  /** Number of the first good row; the others follow. */
  firstRow: number;
  good: GoodRow[];
  rejects: Reject[];
}

/**
 * Copies one batch while the campaign is `importing` and the lease is ours: S1, locks the campaign FOR SHARE.
 * A batch whose COMMIT was answered into a broken connection is found in place and not copied twice.
 * @throws AppError import_lost.
 */
export async function copyRows(sql: Sql, lease: { bulksmsId: string; owner: string }, batch: RowBatch): Promise<void> {
  const rows = encodeRows(lease.bulksmsId, batch);
  const { rejects } = batch;
  await inTransaction(sql, async (transaction) => {
    const [, isDone] = await Promise.all([requireImportLease(transaction, lease), isInPlace(transaction, lease.bulksmsId, batch)]);
    if (isDone) return;
    if (batch.good.length > 0) await copyBinary(transaction, rows);
    if (rejects.length > 0) {
      await transaction`
        insert into bulksms_reject (bulksms_id, line, reason, value)
        select ${lease.bulksmsId}, * from unnest(${rejects.map(({ line }) => line)}::int[], ${rejects.map(({ reason }) => reason)}::text[],
          ${rejects.map(({ value }) => cutValue(value))}::text[])`;
    }
    reachFailpoint("rows_uncommitted");
  });
  reachFailpoint("rows_copied");
}

async function isInPlace(transaction: TransactionSql, bulksmsId: string, { firstRow, good, rejects }: RowBatch): Promise<boolean> {
  const [found] = await transaction<{ is_in_place: boolean }[]>`
    select exists (select from bulksms_info where bulksms_id = ${bulksmsId} and row_no = ${good.length > 0 ? firstRow : -1})
      or exists (select from bulksms_reject where bulksms_id = ${bulksmsId} and line = ${rejects[0]?.line ?? -1}) as is_in_place`;
  return found?.is_in_place === true;
}

/** The whole buffer goes out at once: the transaction never waits for the one who uploads. */
async function copyBinary(transaction: TransactionSql, rows: Buffer): Promise<void> {
  const stream = await transaction`copy bulksms_info (bulksms_id, row_no, msisdn, parts, fields) from stdin (format binary)`.writable();
  stream.end(rows);
  await finished(stream);
}

function cutValue(value: string): string {
  return value.length <= rejectValueCharactersMax
    ? value
    : [...value.slice(0, rejectValueCharactersMax + 1)].slice(0, rejectValueCharactersMax).join("");
}

const signature = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1");
const trailerBytes = 2;
/** Tuple header, uuid, row_no, msisdn, parts, each with its length, and the length of fields. */
const fixedRowBytes = 2 + (4 + 16) + (4 + 4) + (4 + 8) + (4 + 2) + 4;
const arrayHeaderBytes = 20;
const textOid = 25;

/** Rows as binary COPY data of `bulksms_info (bulksms_id, row_no, msisdn, parts, fields)`. */
export function encodeRows(bulksmsId: string, { firstRow, good }: Pick<RowBatch, "firstRow" | "good">): Buffer {
  const id = Buffer.from(bulksmsId.replaceAll("-", ""), "hex");
  const buffer = Buffer.allocUnsafe(
    signature.length + trailerBytes + good.reduce((sum, row) => sum + fixedRowBytes + fieldsBytes(row.fields), 0),
  );
  let at = signature.copy(buffer);
  for (const [index, { msisdn, parts, fields }] of good.entries()) {
    at = buffer.writeInt16BE(5, at);
    at = buffer.writeInt32BE(16, at);
    at += id.copy(buffer, at);
    at = buffer.writeInt32BE(4, at);
    at = buffer.writeInt32BE(firstRow + index, at);
    at = buffer.writeInt32BE(8, at);
    at = buffer.writeUInt32BE(Math.floor(msisdn / 0x100000000), at);
    at = buffer.writeUInt32BE(msisdn >>> 0, at);
    at = buffer.writeInt32BE(2, at);
    at = buffer.writeInt16BE(parts, at);
    at = fields === null ? buffer.writeInt32BE(-1, at) : writeFields(buffer, at, fields);
  }
  buffer.writeInt16BE(-1, at);
  return buffer;
}

function fieldsBytes(fields: readonly string[] | null): number {
  return fields === null ? 0 : arrayHeaderBytes + fields.reduce((sum, value) => sum + 4 + Buffer.byteLength(value), 0);
}

/** A one-dimensional text[]: dimensions, has-nulls, element type, length, lower bound, then each value with its length. */
function writeFields(buffer: Buffer, from: number, fields: readonly string[]): number {
  let at = buffer.writeInt32BE(fieldsBytes(fields), from);
  for (const number of [1, 0, textOid, fields.length, 1]) at = buffer.writeInt32BE(number, at);
  for (const value of fields) {
    const length = buffer.write(value, at + 4);
    buffer.writeInt32BE(length, at);
    at += 4 + length;
  }
  return at;
}

// The raw set-based store: what one connection to the same server can do when nothing is asked but
// the rows. COPY, a pass to sent, a pass to delivered. It knows no receipts, no charges, no
// campaigns; what a whole system reaches of it is our goal P2. Its COPY alone is the reference of
// an import (P4).
import { randomUUID } from "node:crypto";
import { finished } from "node:stream/promises";
import { copyHeaderBytes, copyTrailerBytes, createRowEncoder } from "../../../src/campaign/import/row_encoder.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { msisdnOf } from "./contact_files.ts";

/** Rows of one statement: larger ones were not faster. */
const batchRows = 1_000;
/** Rows encoded into one buffer, before the clock runs. */
const encodedRows = 50_000;

/** The shape of our own table (src/campaign/migrations). */
const schema = `
  create type message_status as enum
    ('pending', 'unknown', 'queued', 'sent', 'failed', 'undelivered', 'delivered', 'expired', 'canceled');
  create table bulksms_info (
    bulksms_id uuid not null,
    row_no int not null,
    msisdn bigint not null,
    parts smallint not null check (parts between 1 and 255),
    status message_status not null default 'pending',
    fields text[],
    error_code text,
    sent_at timestamptz,
    done_at timestamptz,
    line int,
    primary key (bulksms_id, row_no)
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_insert_scale_factor = 0.5);`;

export interface StoreReference {
  /** Seconds of a bare COPY of this many rows. */
  copy(rows: number): Promise<number>;
  /** Seconds of the whole life of this many messages. */
  life(rows: number): Promise<number>;
  close(): Promise<void>;
}

/** Creates a database of its own on the server. */
export async function openStoreReference(ownerUrl: string): Promise<StoreReference> {
  const database = `store_${randomUUID().replaceAll("-", "")}`;
  const owner = openPostgres(ownerUrl, { applicationName: "benchmark", connections: 1 });
  await owner`create database ${owner(database)}`;
  const url = new URL(ownerUrl);
  url.pathname = `/${database}`;
  const sql = openPostgres(url.href, { applicationName: "benchmark store", connections: 1 });
  await sql.unsafe(schema);
  const prepare = async (rows: number): Promise<{ id: string; buffers: Buffer[] }> => {
    const id = randomUUID();
    const buffers = encodeAll(id, rows);
    await sql`truncate bulksms_info`;
    await sql`checkpoint`;
    return { id, buffers };
  };
  return {
    async copy(rows) {
      const { buffers } = await prepare(rows);
      return await timed(() => copyAll(sql, buffers));
    },
    async life(rows) {
      const { id, buffers } = await prepare(rows);
      return await timed(async () => {
        await copyAll(sql, buffers);
        await pass(
          rows,
          (rowNos) => sql`
          update bulksms_info set status = 'sent', sent_at = now()
          where bulksms_id = ${id} and row_no = any (${rowNos}::int[]) and status < 'sent'`,
        );
        await pass(
          rows,
          (rowNos) => sql`
          update bulksms_info set status = 'delivered', done_at = now()
          where bulksms_id = ${id} and row_no = any (${rowNos}::int[]) and status < 'failed'`,
        );
      });
    },
    async close() {
      await sql.end({ timeout: 1 });
      await owner`drop database if exists ${owner(database)} with (force)`;
      await owner.end({ timeout: 1 });
    },
  };
}

/** Pieces of one binary COPY, encoded before the clock runs. */
function encodeAll(bulksmsId: string, rows: number): Buffer[] {
  const pieces: Buffer[] = [];
  const encoder = createRowEncoder(bulksmsId, encodedRows);
  for (let first = 0; first < rows; first += encodedRows) {
    const end = Math.min(rows, first + encodedRows);
    for (let index = first; index < end; index++) encoder.add({ msisdn: msisdnOf(index), parts: 1, fields: null }, index + 2);
    const { data } = encoder.take();
    // the format's header stands only before the first row, its trailer after the last
    pieces.push(data.subarray(first === 0 ? 0 : copyHeaderBytes, data.length - (end === rows ? 0 : copyTrailerBytes)));
  }
  return pieces;
}

async function copyAll(sql: Sql, pieces: readonly Buffer[]): Promise<void> {
  const stream = await sql`copy bulksms_info (bulksms_id, row_no, msisdn, parts, line, fields) from stdin (format binary)`.writable();
  for (const piece of pieces) if (!stream.write(piece)) await new Promise((resolve) => stream.once("drain", resolve));
  stream.end();
  await finished(stream);
}

/** Every row once, in batches, each durable before the next. */
async function pass(rows: number, update: (rowNos: string) => Promise<unknown>): Promise<void> {
  for (let first = 1; first <= rows; first += batchRows) {
    const count = Math.min(batchRows, rows - first + 1);
    await update(`{${Array.from({ length: count }, (_, index) => first + index).join(",")}}`);
  }
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return (performance.now() - startedAt) / 1_000;
}

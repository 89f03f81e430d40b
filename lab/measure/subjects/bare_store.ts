// The bare store: what one connection to a server like ours can do when nothing is asked but the
// rows. COPY, a pass to sent, a pass to delivered. It knows no receipts, no charges, no campaigns.
// Its COPY alone is the reference of an import.
import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { finished } from "node:stream/promises";
import { copyHeaderBytes, copyTrailerBytes, createRowEncoder } from "../../../src/campaign/import/row_encoder.ts";
import { firstFinalStatus, messageStatuses } from "../../../src/contracts/states.ts";
import { startPostgresServer } from "../../../src/local/engines/postgres_server.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { msisdnOf } from "./contact_files.ts";

/** Rows of one statement: larger ones were not faster. */
const batchRows = 1_000;
/** Rows encoded into one buffer, before the clock runs. */
const encodedRows = 50_000;

/**
 * The shape of our own table, as all its migrations leave it (compared by
 * bare_store.database.test.ts), without what ties it to others.
 */
export const schema = `
  create type message_status as enum (${messageStatuses.map((status) => `'${status}'`).join(", ")});
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
    cost_milli int,
    primary key (bulksms_id, row_no)
  ) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.2, autovacuum_vacuum_insert_scale_factor = 0.5);`;

/** Rows that are encoded and wait for the clock. */
export interface Prepared {
  rows: number;
  id: string;
  buffers: readonly Buffer[];
  /** The session of Postgres that will do the work. */
  backendPid: number;
}

export interface BareStore {
  /** Of its owner. */
  url: string;
  /** The server with all its sessions. */
  serverPid: number;
  /** Empties the table and encodes this many rows. */
  prepare(rows: number): Promise<Prepared>;
  /** A bare COPY. */
  copy(prepared: Prepared): Promise<void>;
  /** The whole life: COPY and both passes. */
  live(prepared: Prepared): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a server of its own, with the settings of ours. */
export async function startBareStore(): Promise<BareStore> {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-store-"));
  chmodSync(folder, 0o711);
  const server = await startPostgresServer({
    folder,
    mark: randomUUID(),
    preferredPort: 0,
    password: randomUUID(),
    databases: ["store"],
  });
  const url = server.url("store");
  const sql = openPostgres(url, { applicationName: "bare store", connections: 1 });
  await sql.unsafe(schema);
  return {
    url,
    serverPid: server.pid,
    async prepare(rows) {
      const id = randomUUID();
      const buffers = encodeAll(id, rows);
      await sql`truncate bulksms_info`;
      // a connection that idled for a minute was closed, so the session may be a new one
      const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
      return { rows, id, buffers, backendPid: backend?.pid ?? 0 };
    },
    copy: ({ buffers }) => copyAll(sql, buffers),
    async live({ rows, id, buffers }) {
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
        where bulksms_id = ${id} and row_no = any (${rowNos}::int[]) and status < ${firstFinalStatus}`,
      );
    },
    async stop() {
      await sql.end({ timeout: 1 });
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Pieces of one binary COPY. */
function encodeAll(bulksmsId: string, rows: number): Buffer[] {
  const pieces: Buffer[] = [];
  const encoder = createRowEncoder(bulksmsId, encodedRows);
  for (let first = 0; first < rows; first += encodedRows) {
    const end = Math.min(rows, first + encodedRows);
    for (let index = first; index < end; index++) encoder.add({ msisdn: msisdnOf(index), parts: 1, fields: null }, index + 2, 100);
    const { data } = encoder.take();
    // the format's header stands only before the first row, its trailer after the last
    pieces.push(data.subarray(first === 0 ? 0 : copyHeaderBytes, data.length - (end === rows ? 0 : copyTrailerBytes)));
  }
  return pieces;
}

async function copyAll(sql: Sql, pieces: readonly Buffer[]): Promise<void> {
  const stream =
    await sql`copy bulksms_info (bulksms_id, row_no, msisdn, parts, line, cost_milli, fields) from stdin (format binary)`.writable();
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

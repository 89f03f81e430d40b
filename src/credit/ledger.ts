// Reads the ledger in pages, newest first. Called by webapi.
import { AppError } from "../contracts/errors.ts";
import { isUuid } from "../contracts/ids.ts";
import type { AnySql } from "../platform/postgres.ts";

export interface LedgerEntry {
  transferId: string;
  kind: "top_up" | "hold" | "settle" | "release";
  holdId: string | null;
  debit: "outside" | "available" | "held";
  credit: "available" | "held" | "spent";
  amountMilli: bigint;
  /** RFC 3339 with microseconds: a Date would round them, and the cursor would skip rows. */
  createdAt: string;
}

/**
 * Up to `rowsMax` entries below the cursor, and the cursor of the next page (null on the last one).
 * Transactions that were open while a page was read may add entries above its cursor; reading from
 * the first page again shows them.
 * @throws AppError request_invalid for a cursor that we did not issue
 */
export async function readLedger(
  sql: AnySql,
  workspaceId: string,
  page: { cursor: string | null; rowsMax: number },
): Promise<{ entries: LedgerEntry[]; nextCursor: string | null }> {
  const after = page.cursor === null ? null : parseCursor(page.cursor);
  const entries = await sql<LedgerEntry[]>`
    select transfer_id as "transferId", kind, hold_id as "holdId", debit, credit, amount as "amountMilli",
      to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as "createdAt"
    from credit_ledger
    where workspace_id = ${workspaceId}
      and ${after === null ? sql`true` : sql`created_at <= ${after.createdAt}::text::timestamptz and (created_at < ${after.createdAt}::text::timestamptz or transfer_id > ${after.transferId})`}
    order by created_at desc, transfer_id
    limit ${page.rowsMax + 1}`;
  const shown = entries.slice(0, page.rowsMax);
  const last = entries.length > page.rowsMax ? shown.at(-1) : undefined;
  return {
    entries: shown,
    nextCursor: last === undefined ? null : Buffer.from(`${last.createdAt} ${last.transferId}`).toString("base64url"),
  };
}

function parseCursor(cursor: string): { createdAt: string; transferId: string } {
  const match = /^([1-9]\d{3}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z) ([0-9a-f-]{36})$/.exec(Buffer.from(cursor, "base64url").toString());
  const [, createdAt, transferId] = match ?? [];
  if (createdAt === undefined || transferId === undefined || !isInstant(createdAt) || !isUuid(transferId)) {
    throw new AppError("request_invalid", "The cursor is not one that an earlier page gave.");
  }
  return { createdAt, transferId };
}

/**
 * Rejects dates such as 30 February, which Date.parse reads as a day in March and Postgres refuses.
 */
function isInstant(text: string): boolean {
  const time = new Date(text);
  return !Number.isNaN(time.getTime()) && time.toISOString().slice(0, 19) === text.slice(0, 19);
}

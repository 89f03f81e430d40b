// Good rows and rejects of an import into salesdb: encoded in memory first (row_encoder.ts), then
// copied in one short transaction.
import { finished } from "node:stream/promises";
import type { RejectReason } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { queueForImport, requireImportLease } from "./import_lease.ts";
import type { KeptCells } from "./kept_cells.ts";
import type { EncodedRows } from "./row_encoder.ts";

export interface Reject {
  line: number;
  reason: RejectReason;
  /** The cell, cut to what bulksms_reject.value holds. */
  value: string;
  /** Null for who only counts. */
  cells: KeptCells | null;
}

/** Rows of one transaction. */
export interface RowBatch {
  good: EncodedRows;
  rejects: Reject[];
}

/**
 * Copies one batch while the campaign is `importing` and the lease is ours: S1, locks the campaign
 * FOR SHARE. A batch whose COMMIT was answered into a broken connection is found in place and not
 * copied twice.
 * @throws AppError import_lost.
 */
export async function copyRows(sql: Sql, lease: { bulksmsId: string; owner: string }, batch: RowBatch): Promise<void> {
  const { good, rejects } = batch;
  await inTransaction(sql, async (transaction) => {
    const [, , isDone] = await Promise.all([
      queueForImport(transaction, lease.bulksmsId, "shared"),
      requireImportLease(transaction, lease),
      isInPlace(transaction, lease.bulksmsId, batch),
    ]);
    if (isDone) return;
    if (good.count > 0) await copyBinary(transaction, good.data);
    if (rejects.length > 0) {
      await transaction`
        insert into bulksms_reject (bulksms_id, line, reason, value, cells, is_cut)
        select ${lease.bulksmsId}, line, reason, value, cells::text[], is_cut::boolean
        from unnest(${rejects.map(({ line }) => line)}::int[], ${rejects.map(({ reason }) => reason)}::text[],
          ${rejects.map(({ value }) => value)}::text[], ${rejects.map(({ cells }) => cells?.literal ?? null)}::text[],
          ${rejects.map(({ cells }) => String(cells?.isCut ?? false))}::text[]) as r (line, reason, value, cells, is_cut)`;
    }
    reachFailpoint("rows_uncommitted");
  });
  reachFailpoint("rows_copied");
}

async function isInPlace(transaction: TransactionSql, bulksmsId: string, { good, rejects }: RowBatch): Promise<boolean> {
  const [found] = await transaction<{ is_in_place: boolean }[]>`
    select exists (select from bulksms_info where bulksms_id = ${bulksmsId} and row_no = ${good.count > 0 ? good.firstRow : -1})
      or exists (select from bulksms_reject where bulksms_id = ${bulksmsId} and line = ${rejects[0]?.line ?? -1}) as is_in_place`;
  return found?.is_in_place === true;
}

/** The whole buffer goes out at once: the transaction never waits for the one who uploads. */
async function copyBinary(transaction: TransactionSql, rows: Buffer): Promise<void> {
  const stream =
    await transaction`copy bulksms_info (bulksms_id, row_no, msisdn, parts, line, cost_milli, fields) from stdin (format binary)`.writable();
  stream.end(rows);
  await finished(stream);
}

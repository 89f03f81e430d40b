// Who imports a campaign, and until when. An import whose lease has passed is dead: its rows are
// purged, its key is free again. A lease that has passed cannot be renewed, so its owner can
// neither copy rows nor close the import any more.
import { randomUUID } from "node:crypto";
import { AppError, type ErrorCode } from "../../contracts/errors.ts";
import { type AnySql, inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";

export interface ImportLease {
  bulksmsId: string;
  owner: string;
}

/**
 * Row locks have no queue: COPYs that overlap would keep whoever cancels out until the file ends.
 * So each stands in this queue first, and a cancel waits for those alone that have begun.
 */
export async function queueForImport(transaction: TransactionSql, bulksmsId: string, mode: "shared" | "alone"): Promise<void> {
  const key = transaction`hashtextextended(${bulksmsId}::text, 0)`;
  if (mode === "shared") await transaction`select pg_advisory_xact_lock_shared(${key})`;
  else await transaction`select pg_advisory_xact_lock(${key})`;
}

/**
 * Locks the campaign FOR SHARE while it is importing under our lease. @throws AppError import_lost.
 */
export async function requireImportLease(transaction: TransactionSql, { bulksmsId, owner }: ImportLease): Promise<void> {
  const [found] = await transaction`
    select from bulksms
    where id = ${bulksmsId} and status = 'importing' and import_lease_owner = ${owner} and import_lease_until > clock_timestamp()
    for share`;
  if (found === undefined) throw importLost();
}

/** @throws AppError import_lost. */
export async function renewImportLease(sql: AnySql, { bulksmsId, owner }: ImportLease, leaseMs: number): Promise<void> {
  const renewed = await sql`
    update bulksms set import_lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
    where id = ${bulksmsId} and status = 'importing' and import_lease_owner = ${owner} and import_lease_until > clock_timestamp()`;
  if (renewed.count === 0) throw importLost();
}

/** Whoever finds the import next may take it over. */
export async function endImportLease(sql: AnySql, { bulksmsId, owner }: ImportLease): Promise<void> {
  await sql`
    update bulksms set import_lease_until = clock_timestamp()
    where id = ${bulksmsId} and status = 'importing' and import_lease_owner = ${owner}`;
}

/**
 * Takes over an import whose lease has passed, to purge it; false when someone else was quicker.
 */
export async function takeDeadImport(sql: Sql, { bulksmsId, owner }: ImportLease, leaseMs: number): Promise<boolean> {
  const taken = await sql`
    update bulksms set import_lease_owner = ${owner}, import_lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
    where id = ${bulksmsId} and status = 'importing' and import_lease_until < clock_timestamp()`;
  return taken.count === 1;
}

/**
 * Takes an import away from whoever works on it, for a reason that stays with it; null when the
 * campaign is not importing. The one who worked on it can neither copy rows nor close it any more.
 */
export async function takeImport(
  sql: Sql,
  { workspaceId, bulksmsId }: { workspaceId: string; bulksmsId: string },
  { leaseMs, lastError }: { leaseMs: number; lastError: ErrorCode },
): Promise<ImportLease | null> {
  const owner = randomUUID();
  return inTransaction(sql, async (transaction) => {
    await queueForImport(transaction, bulksmsId, "alone");
    const taken = await transaction`
      update bulksms set import_lease_owner = ${owner}, import_lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms', last_error = ${lastError}
      where id = ${bulksmsId} and workspace_id = ${workspaceId} and status = 'importing'`;
    return taken.count === 0 ? null : { bulksmsId, owner };
  });
}

/**
 * Why an import does not end well, as soon as it is known: if its purge is cut short too, the
 * reason stays.
 */
export async function markImport(sql: Sql, { bulksmsId, owner }: ImportLease, lastError: string): Promise<void> {
  await sql`
    update bulksms set last_error = ${lastError}
    where id = ${bulksmsId} and status = 'importing' and import_lease_owner = ${owner} and import_lease_until > clock_timestamp()`;
}

/**
 * Whoever took the import away from us: canceled by a person, or given up because we were silent.
 */
export async function whyImportIsLost(sql: Sql, { bulksmsId }: ImportLease): Promise<AppError> {
  const [found] = await sql<{ lastError: string | null }[]>`select last_error as "lastError" from bulksms where id = ${bulksmsId}`;
  if (found?.lastError !== "import_canceled") return importLost();
  return new AppError("import_canceled", "The campaign was canceled while its file was read; nothing of it is kept.");
}

export function importLost(): AppError {
  return new AppError("import_lost", "The import was silent for too long and was given up; upload again.");
}

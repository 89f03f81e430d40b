// Who imports a campaign, and until when. An import whose lease has passed is dead: its rows are
// purged, its key is free again. A lease that has passed cannot be renewed, so its owner can
// neither copy rows nor close the import any more.
import { AppError } from "../../contracts/errors.ts";
import type { AnySql, Sql, TransactionSql } from "../../platform/postgres.ts";

export interface ImportLease {
  bulksmsId: string;
  owner: string;
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

/**
 * Takes over an import whose lease has passed, to purge it; false when someone else was quicker.
 */
export async function takeDeadImport(sql: Sql, { bulksmsId, owner }: ImportLease, leaseMs: number): Promise<boolean> {
  const taken = await sql`
    update bulksms set import_lease_owner = ${owner}, import_lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
    where id = ${bulksmsId} and status = 'importing' and import_lease_until < clock_timestamp()`;
  return taken.count === 1;
}

export function importLost(): AppError {
  return new AppError("import_lost", "The import was silent for too long and was given up; upload again.");
}

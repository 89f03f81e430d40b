// The end of an import that came to nothing: its rows go in short transactions, then the campaign
// is `import_failed`, empty, and its Idempotency-Key is free. `importing` therefore means: rows may
// exist; `import_failed`: none do. Called by import_campaign.ts for a refused file, and by the
// sweeper for the dead.
import { randomUUID } from "node:crypto";
import { isAppError } from "../../contracts/errors.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { endImportLease, type ImportLease, markImport, renewImportLease, requireImportLease, takeDeadImport } from "./import_lease.ts";

/**
 * A purge holds its locks for this many rows at most. Nobody reads them; a million are gone within
 * seconds.
 */
const purgeRowsMax = 25_000;
/**
 * A process that is to end purges for this long at most. The rest is the sweeper's, and at once:
 * the lease is given back.
 */
const purgeWhenStoppingMsDefault = 3_000;

interface PurgeOptions {
  leaseMs: number;
  lastError: string;
  /** The process is to end. */
  signal?: AbortSignal | undefined;
  /** For tests, whose purges are short. */
  purgeWhenStoppingMs?: number | undefined;
}

/**
 * Purges what our import has copied and leaves the campaign `import_failed` with the error's code.
 * Its effect: none that a client can see.
 * @throws AppError import_lost when someone else purges it already.
 */
export async function abandonImport(sql: Sql, lease: ImportLease, options: PurgeOptions): Promise<void> {
  await markImport(sql, lease, options.lastError);
  const { signal, purgeWhenStoppingMs = purgeWhenStoppingMsDefault } = options;
  let stoppingAtMs: number | null = null;
  for (let hasMore = true; hasMore; ) {
    if (signal?.aborted) stoppingAtMs ??= performance.now();
    if (stoppingAtMs !== null && performance.now() - stoppingAtMs > purgeWhenStoppingMs) {
      await endImportLease(sql, lease);
      return;
    }
    await renewImportLease(sql, lease, options.leaseMs);
    hasMore = await inTransaction(sql, async (transaction) => {
      await requireImportLease(transaction, lease);
      // up to a bound, not `in (select ...)`: joined before the first ANALYZE that may be a nested
      // loop of minutes
      const rows = await transaction`
        delete from bulksms_info where bulksms_id = ${lease.bulksmsId} and row_no <=
          (select max(row_no) from (select row_no from bulksms_info where bulksms_id = ${lease.bulksmsId} order by row_no limit ${purgeRowsMax}) next)`;
      const rejects = await transaction`
        delete from bulksms_reject where bulksms_id = ${lease.bulksmsId} and line <=
          (select max(line) from (select line from bulksms_reject where bulksms_id = ${lease.bulksmsId} order by line limit ${purgeRowsMax - rows.count}) next)`;
      return rows.count + rejects.count === purgeRowsMax;
    });
  }
  await inTransaction(sql, async (transaction) => {
    await transaction`
      update bulksms set status = 'import_failed', status_at = clock_timestamp(), ended_at = clock_timestamp(), last_error = ${options.lastError}, version = version + 1,
        import_lease_owner = null, import_lease_until = null
      where id = ${lease.bulksmsId} and status = 'importing' and import_lease_owner = ${lease.owner}`;
    await transaction`delete from idempotency_key where bulksms_id = ${lease.bulksmsId} and response is null`;
  });
}

/**
 * Repairs an import whose process died (C02): takes it over by its passed lease and purges it.
 * False when it is not dead, or someone else purges it. Needs delete on bulksms_info,
 * bulksms_reject and idempotency_key, update on bulksms.
 */
export async function purgeDeadImport(sql: Sql, bulksmsId: string, { leaseMs }: { leaseMs: number }): Promise<boolean> {
  const lease = { bulksmsId, owner: randomUUID() };
  if (!(await takeDeadImport(sql, lease, leaseMs))) return false;
  try {
    const [found] = await sql<{ lastError: string | null }[]>`select last_error as "lastError" from bulksms where id = ${bulksmsId}`;
    await abandonImport(sql, lease, { leaseMs, lastError: found?.lastError ?? "import_lost" });
    return true;
  } catch (error) {
    // slower than its lease: the next pass, or whoever took it over, goes on
    if (isAppError(error, "import_lost")) return false;
    throw error;
  }
}

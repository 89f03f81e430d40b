// The snapshots that the laws take of a possibly running system, in a fixed order, so that each law
// has the order it needs: journal so far, ds, salesdb, ds again, journal to its end. What is in an
// earlier snapshot must show in a later one that depends on it.
import { AppError } from "../contracts/errors.ts";
import { campaignSets } from "../contracts/states.ts";
import type { Sql, TransactionSql } from "../platform/postgres.ts";
import { statusIn } from "../platform/state_sql.ts";

/** Limit for one statement of the audit: enough for ten million messages, with room to spare. */
const statementTimeoutMs = 300_000;
/** Rows per fetch of a cursor: a few hundred kilobytes. */
export const cursorRows = 2_000;

/** Restricts the audit to one workspace or one campaign; with neither, everything is checked. */
export interface Scope {
  workspaceId?: string;
  bulksmsId?: string;
}

export interface Snapshots {
  scope: Scope;
  /** One snapshot each (repeatable read, read only). */
  dsBefore: TransactionSql;
  salesdb: TransactionSql;
  dsAfter: TransactionSql;
  /**
   * In the salesdb snapshot, some campaign of the scope was between reserving and its end, or an
   * outbox row was unconfirmed.
   */
  isInFlight: boolean;
}

/**
 * Opens the snapshots in order, passes them to `work`, and closes them. Writes nothing.
 * @throws AppError bulksms_not_found or workspace_not_found if the scope names something that does
 * not exist (a typo must not look like "held"); the database's error if it does not answer
 */
export async function withSnapshots<T>(
  databases: { ds: Sql; salesdb: Sql },
  scope: Scope,
  work: (snapshots: Snapshots) => Promise<T>,
): Promise<T> {
  const { ds, salesdb } = databases;
  const result = await inSnapshot(ds, (dsBefore) =>
    inSnapshot(salesdb, (sales) =>
      inSnapshot(ds, async (dsAfter) => {
        const resolved = await resolveScope({ dsBefore, salesdb: sales }, scope);
        const isInFlight = await hasWorkInFlight(sales, resolved);
        return work({ scope: resolved, dsBefore, salesdb: sales, dsAfter, isInFlight });
      }),
    ),
  );
  return result;
}

/** A condition on a column, or none: `where true ${onWorkspace(sql, "workspace_id", scope)}`. */
export function onlyWorkspace(sql: TransactionSql, column: string, scope: Scope) {
  return scope.workspaceId === undefined ? sql`` : sql`and ${sql(column)} = ${scope.workspaceId}`;
}

/** A condition on the campaign table named or aliased `table`. */
export function onlyCampaigns(sql: TransactionSql, table: string, scope: Scope) {
  const workspace = scope.workspaceId === undefined ? sql`` : sql`and ${sql(table)}.workspace_id = ${scope.workspaceId}`;
  return scope.bulksmsId === undefined ? workspace : sql`${workspace} and ${sql(table)}.id = ${scope.bulksmsId}`;
}

async function inSnapshot<T>(sql: Sql, work: (transaction: TransactionSql) => Promise<T>): Promise<T> {
  return (await sql.begin("isolation level repeatable read read only", async (transaction) => {
    // the role's limits are meant for quick reads; a snapshot has to wait for the others
    await transaction.unsafe(
      `set local statement_timeout = ${statementTimeoutMs}; set local idle_in_transaction_session_timeout = ${statementTimeoutMs}`,
    );
    // the first statement that reads takes the snapshot, so read now
    await transaction`select 1 from pg_class limit 1`;
    return work(transaction);
  })) as T;
}

/**
 * A campaign's credit belongs to its workspace: if only a campaign is given, its workspace is
 * looked up.
 */
async function resolveScope({ dsBefore, salesdb }: Pick<Snapshots, "dsBefore" | "salesdb">, scope: Scope): Promise<Scope> {
  if (scope.workspaceId !== undefined) {
    const [workspace] = await dsBefore`select 1 from workspace where id = ${scope.workspaceId}`;
    if (workspace === undefined) throw new AppError("workspace_not_found", "There is no such workspace.");
  }
  if (scope.bulksmsId === undefined) return scope;
  const [found] = await salesdb<{ workspaceId: string }[]>`
    select workspace_id as "workspaceId" from bulksms where id = ${scope.bulksmsId} ${onlyWorkspace(salesdb, "workspace_id", scope)}`;
  if (found === undefined) throw new AppError("bulksms_not_found", "There is no such campaign.");
  return { ...scope, workspaceId: found.workspaceId };
}

async function hasWorkInFlight(sql: TransactionSql, scope: Scope): Promise<boolean> {
  const [found] = await sql<{ inFlight: boolean }[]>`
    select exists (
      select from bulksms b
      where ${statusIn(sql, "b.status", campaignSets.holding)} ${onlyCampaigns(sql, "b", scope)}
    ) or exists (
      select from credit_outbox o join bulksms b on b.id = o.bulksms_id where o.confirmed_at is null ${onlyCampaigns(sql, "b", scope)}
    ) as "inFlight"`;
  return found?.inFlight ?? false;
}

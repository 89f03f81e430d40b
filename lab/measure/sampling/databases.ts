// The databases of one subject as a benchmark sees them: equal beginnings, bytes of WAL between two
// moments, and the counters of their work.
import { setTimeout as pause } from "node:timers/promises";
import { openPostgres } from "../../../src/platform/postgres.ts";

/**
 * Of all of a subject's servers together, since they were started. Pages are of 8 KiB: `hit` in
 * shared buffers, `read` into them, `written` from them by whoever did it.
 */
export interface DatabaseWork {
  walBytes: number;
  pagesHit: number;
  pagesRead: number;
  pagesWritten: number;
  rowUpdates: number;
  /** Of them: those that touched no index (heap-only tuples). */
  hotUpdates: number;
}

export interface Databases {
  /**
   * Every server's dirty pages are on disk: what a run leaves is not written in the next one's
   * time.
   */
  settleDown(): Promise<void>;
  /** Exact at any moment. */
  walBytes(): Promise<number>;
  /**
   * After a checkpoint, so that every page that was changed before has been written. Other sessions
   * add to these counters only when they have been idle for `countersLagMs`.
   */
  work(): Promise<DatabaseWork>;
  close(): Promise<void>;
}

/**
 * A session hands in its counters at the end of a transaction, but not twice within a second; the
 * rest after 10 s of idleness (PGSTAT_IDLE_INTERVAL in PostgreSQL's pgstat.c).
 */
const countersLagMs = 10_500;

/** Resolves when every session that is idle since `sinceMs` (performance.now) has counted. */
export async function untilCounted(sinceMs: number): Promise<void> {
  await pause(Math.max(0, sinceMs + countersLagMs - performance.now()));
}

/** @param ownerUrls one a server, of a superuser and the database whose tables count */
export function openDatabases(ownerUrls: readonly string[]): Databases {
  const servers = ownerUrls.map((url) => openPostgres(url, { applicationName: "benchmark", connections: 1 }));
  const checkpoint = async (): Promise<void> => void (await Promise.all(servers.map((sql) => sql`checkpoint`)));
  return {
    settleDown: checkpoint,
    async walBytes() {
      const positions = await Promise.all(
        servers.map((sql) => sql<{ bytes: string }[]>`select (pg_current_wal_insert_lsn() - '0/0')::text as bytes`),
      );
      return positions.reduce((sum, [row]) => sum + Number(row?.bytes), 0);
    },
    async work() {
      await checkpoint();
      const rows = (
        await Promise.all(
          servers.map(
            (sql) => sql<Record<keyof DatabaseWork, string>[]>`
        select (pg_current_wal_insert_lsn() - '0/0')::text as "walBytes",
          (select sum(hits) from pg_stat_io where object = 'relation')::text as "pagesHit",
          (select sum(read_bytes) / 8192 from pg_stat_io where object = 'relation')::bigint::text as "pagesRead",
          (select sum(write_bytes) / 8192 from pg_stat_io where object = 'relation')::bigint::text as "pagesWritten",
          (select coalesce(sum(n_tup_upd), 0) from pg_stat_user_tables)::text as "rowUpdates",
          (select coalesce(sum(n_tup_hot_upd), 0) from pg_stat_user_tables)::text as "hotUpdates"`,
          ),
        )
      ).flat();
      const sum = (name: keyof DatabaseWork): number => rows.reduce((total, row) => total + Number(row[name]), 0);
      return {
        walBytes: sum("walBytes"),
        pagesHit: sum("pagesHit"),
        pagesRead: sum("pagesRead"),
        pagesWritten: sum("pagesWritten"),
        rowUpdates: sum("rowUpdates"),
        hotUpdates: sum("hotUpdates"),
      };
    },
    async close() {
      await Promise.all(servers.map((sql) => sql.end({ timeout: 1 })));
    },
  };
}

/** Per message, between two moments. */
export interface WorkPerMessage extends Omit<DatabaseWork, "hotUpdates"> {
  /** Share of the row updates, from 0 to 1; null when there were none. */
  hotShare: number | null;
}

export function workBetween(before: DatabaseWork, after: DatabaseWork, messages: number): WorkPerMessage {
  const each = (name: keyof DatabaseWork): number => (after[name] - before[name]) / messages;
  return {
    walBytes: each("walBytes"),
    pagesHit: each("pagesHit"),
    pagesRead: each("pagesRead"),
    pagesWritten: each("pagesWritten"),
    rowUpdates: each("rowUpdates"),
    hotShare: each("rowUpdates") === 0 ? null : each("hotUpdates") / each("rowUpdates"),
  };
}

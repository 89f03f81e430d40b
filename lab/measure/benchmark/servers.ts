// Postgres servers as a benchmark handles them: equal beginnings, and the bytes of WAL between two
// moments.
import { openPostgres } from "../../../src/platform/postgres.ts";

export interface Servers {
  /**
   * Every server's dirty pages are on disk: what a run leaves is not written in the next one's
   * time.
   */
  settleDown(): Promise<void>;
  /** Bytes of WAL so far, of all servers together. */
  walBytes(): Promise<number>;
  close(): Promise<void>;
}

/** @param ownerUrls one a server, of a superuser */
export function openServers(ownerUrls: readonly string[]): Servers {
  const servers = ownerUrls.map((url) => openPostgres(url, { applicationName: "benchmark", connections: 1 }));
  return {
    async settleDown() {
      await Promise.all(servers.map((sql) => sql`checkpoint`));
    },
    async walBytes() {
      const positions = await Promise.all(
        servers.map((sql) => sql<{ bytes: string }[]>`select (pg_current_wal_insert_lsn() - '0/0')::text as bytes`),
      );
      return positions.reduce((sum, [row]) => sum + Number(row?.bytes), 0);
    },
    async close() {
      await Promise.all(servers.map((sql) => sql.end({ timeout: 1 })));
    },
  };
}

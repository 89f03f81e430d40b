// L13: Redis is wiped, five seconds pass, and nothing has changed in any database. It takes those
// seconds, so it is only for clusters that end with their run; the matrix wipes Redis in cells of
// its own.
import { checkLaws } from "../../../../src/laws/check_laws.ts";
import { createFinding } from "../../../../src/laws/law.ts";
import { openPostgres } from "../../../../src/platform/postgres.ts";
import { openRedis } from "../../../../src/platform/redis.ts";
import { sleep } from "../../../../src/platform/time/sleep.ts";
import { lawSourcesOf } from "../../../../testing/campaigns.ts";
import type { LabCluster } from "../../lab_cluster.ts";
import type { OpenWitness } from "../scenario.ts";

const settleMs = 5_000;
/** Everything that a wipe could change, with all rows. */
const tables = {
  ds: ["workspace", "credit_hold", "credit_ledger", "settle_refused"],
  salesdb: ["bulksms", "bulksms_run", "bulksms_chunk", "bulksms_info", "credit_outbox", "receipt_anomaly"],
} as const;
/** Excluded: the sweeper's schedule is not part of a campaign's state. */
const clockColumns = ["next_ring_at", "ring_count", "next_try_at", "tries"];

export const wipedRedis: OpenWitness = async ({ cluster, isShared }) => {
  if (isShared) return null;
  return {
    async conclude() {
      const startedMs = performance.now();
      const finding = createFinding();
      const before = await readStates(cluster);
      const keys = await wipe(cluster);
      await sleep(settleMs);
      const after = await readStates(cluster);
      for (const [table, state] of before) {
        finding.compared(state.rows);
        if (after.get(table)?.digest !== state.digest)
          finding.broken(table, `its ${state.rows} rows changed when Redis lost ${keys} keys (now ${after.get(table)?.rows} rows)`);
      }
      const report = await checkLaws(lawSourcesOf(cluster));
      for (const law of report.laws.filter(({ verdict }) => verdict === "broken"))
        finding.broken(law.law, `broken after the wipe: ${law.broken[0]?.row} ${law.broken[0]?.description}`);
      return {
        law: "L13",
        title: "Redis wiped, and 5 s later no row of any table has changed",
        form: "settled",
        ...finding.result(),
        durationMs: Math.round(performance.now() - startedMs),
      };
    },
    close: async () => {},
  };
};

/**
 * Of each table, its number of rows and a sum of their hashes, which does not depend on the order.
 */
async function readStates(cluster: LabCluster): Promise<Map<string, { rows: number; digest: string }>> {
  const states = new Map<string, { rows: number; digest: string }>();
  const urls = { ds: cluster.settings.BULKSMS_CHECK_DS_URL, salesdb: cluster.settings.BULKSMS_CHECK_SALESDB_URL };
  for (const database of ["ds", "salesdb"] as const) {
    const sql = openPostgres(urls[database] ?? "", { applicationName: "bulksms lab", connections: 1 });
    try {
      for (const table of tables[database]) {
        const [state] = await sql<{ rows: number; digest: string }[]>`
          select count(*)::int as rows, coalesce(sum(hashtextextended((to_jsonb(t) - ${clockColumns}::text[])::text, 0)), 0)::text as digest from ${sql(table)} t`;
        states.set(`${database} ${table}`, state ?? { rows: 0, digest: "" });
      }
    } finally {
      await sql.end({ timeout: 1 });
    }
  }
  return states;
}

async function wipe(cluster: LabCluster): Promise<number> {
  const redis = openRedis(cluster.settings.BULKSMS_REDIS_URL ?? "", { connectionName: "lab", isBlocking: true });
  try {
    const keys = await redis.dbsize();
    await redis.flushall();
    return keys;
  } finally {
    redis.disconnect();
  }
}

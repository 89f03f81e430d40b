// Samples the flows of a running cluster from its two databases: messages submitted, parts sent,
// credit charged. Opened by measure_recovery.ts.
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import type { Cluster } from "../../../testing/cluster.ts";
import { firstPartMilli } from "../../../testing/prices.ts";
import type { FlowSample } from "./recovery_time.ts";

/** In the order of a message's life. */
export const flowNames = ["submitted", "sent", "charged"] as const;
export type FlowName = (typeof flowNames)[number];

export interface Flows {
  samples: Readonly<Record<FlowName, readonly FlowSample[]>>;
  /** Of the last sample. */
  totals(): Record<FlowName, number>;
  stop(): Promise<void>;
}

/** Often enough to resolve a tenth of a second; two small reads. */
const intervalMs = 100;

/**
 * Samples all campaigns of the cluster together until stopped. While a database is away there are
 * no samples of it.
 */
export function watchFlows(cluster: Cluster): Flows {
  const ds = openPostgres(cluster.settings.BULKSMS_CHECK_DS_URL ?? "", { applicationName: "lab flows", connections: 1 });
  const salesdb = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "lab flows", connections: 1 });
  const samples: Record<FlowName, FlowSample[]> = { submitted: [], sent: [], charged: [] };
  let isStopping = false;
  const add = (name: FlowName, total: number) => samples[name].push({ atMs: performance.now(), total });
  const sampling = (async () => {
    while (!isStopping) {
      await Promise.allSettled([
        readMessages(salesdb).then(({ submitted, sent }) => {
          add("submitted", submitted);
          add("sent", sent);
        }),
        readCharged(ds).then((charged) => add("charged", charged)),
      ]);
      await sleep(intervalMs);
    }
  })();
  return {
    samples,
    totals: () =>
      ({
        submitted: samples.submitted.at(-1)?.total ?? 0,
        sent: samples.sent.at(-1)?.total ?? 0,
        charged: samples.charged.at(-1)?.total ?? 0,
      }) satisfies Record<FlowName, number>,
    async stop() {
      isStopping = true;
      await sampling;
      await Promise.all([ds.end({ timeout: 1 }), salesdb.end({ timeout: 1 })]);
    },
  };
}

async function readMessages(salesdb: Sql): Promise<{ submitted: number; sent: number }> {
  const [row] = await salesdb<{ submitted: number; sent: number }[]>`
    select coalesce(sum(contacts - pending), 0)::float8 as submitted, coalesce(sum(parts_sent), 0)::float8 as sent from bulksms`;
  if (row === undefined) throw new Error("a sum always has one row");
  return row;
}

/** Parts that were charged. */
async function readCharged(ds: Sql): Promise<number> {
  const [row] = await ds<{ charged: number }[]>`
    select (coalesce(sum(spent), 0) / ${firstPartMilli}::int)::float8 as charged from workspace`;
  return row?.charged ?? 0;
}

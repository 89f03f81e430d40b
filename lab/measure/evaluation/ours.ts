// Our system as a subject of the evaluation: the real processes with their default limits, and a
// carrier that answers every message at once.
import { settings } from "../../../src/contracts/settings.ts";
import { checkLaws } from "../../../src/laws/check_laws.ts";
import { readSystemState } from "../../../src/local/data_folder.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { openQueue } from "../../../src/platform/queue.ts";
import { createCampaign, runCampaign, topUpCredit, waitUntilFinished } from "../../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../../testing/cluster.ts";
import { csvOfMany } from "../../../testing/contacts.ts";
import { type CreditListener, listenToCredit } from "./credit_listener.ts";
import { lagsBetween, type Percentiles, percentilesOf, percentilesOfHistogram } from "./lags.ts";
import type { Conclusion, Subject, SubjectCampaign } from "./subject.ts";

/** Price of one SMS, in credits. */
const price = 0.1;
const text = "Hello {first_name}";
const statisticsTimeoutMs = 5_000;
const restored = ["BULKSMS_SWEEP_INTERVAL_MS", "BULKSMS_LEASE_MS", "BULKSMS_SUBMIT_TIMEOUT_MS"] as const;

/** @param speed divides the carrier's delays; `max`: no delays */
export async function startOurs(speed: string): Promise<Subject> {
  const cluster = await startCluster({
    settings: {
      BULKSMS_SIMULATOR_PROFILE: "answered",
      BULKSMS_SIMULATOR_SPEED: speed,
      // the product's defaults, where the cluster's own are for tests
      ...Object.fromEntries(restored.map((name) => [name, String(settings[name].default)])),
    },
  });
  const salesdb = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "evaluation", connections: 1 });
  const redis = { redisUrl: cluster.settings.BULKSMS_REDIS_URL ?? "", namespace: cluster.settings.BULKSMS_REDIS_NAMESPACE ?? "bulksms" };
  const queues = [openQueue("sales", redis), openQueue("general", redis)];
  const queueDepth = async (): Promise<number> => {
    const counts = await Promise.all(queues.map((queue) => queue.counts()));
    return counts.reduce((sum, { waiting = 0, active = 0, delayed = 0 }) => sum + waiting + active + delayed, 0);
  };
  const engines = Object.entries(readSystemState(cluster.dataFolder)?.engines ?? {}).map(([name, { pid }]) => [name, pid] as const);
  return {
    name: "ours",
    description: "six processes, receipts in bodies of 100, group commit, charges settled in batches under a hold",
    pids: () => ({ ...cluster.pids(), ...Object.fromEntries(engines) }),
    create: (contacts) => createOurs({ cluster, salesdb, queueDepth }, contacts),
    async stop() {
      await Promise.all(queues.map((queue) => queue.close()));
      await salesdb.end({ timeout: 1 });
      await cluster.stop();
    },
  };
}

interface Parts {
  cluster: Cluster;
  salesdb: Sql;
  queueDepth(): Promise<number>;
}

async function createOurs({ cluster, salesdb, queueDepth }: Parts, contacts: number): Promise<SubjectCampaign> {
  await topUp(cluster, contacts);
  const startedAt = performance.now();
  const { id, rejected } = await createCampaign(cluster, csvOfMany(contacts), text);
  const createMs = performance.now() - startedAt;
  if (rejected > 0) throw new Error(`${rejected} of the evaluation's own numbers were rejected`);
  const credit = await listenToOurCredit(cluster);
  const before = await Promise.all([readReceiptBuckets(cluster), readAnswered(cluster)]);
  return {
    createMs,
    run: () => runCampaign(cluster, id),
    untilEnded: async (limitMs) => void (await waitUntilFinished(cluster, id, limitMs)),
    progress: async () => ({
      queueDepth: await queueDepth(),
      charged: credit.charged(),
      receiptsAnswered: (await readAnswered(cluster)) - before[1],
    }),
    async conclude(): Promise<Conclusion> {
      const report = await checkLaws({
        dsUrl: cluster.settings.BULKSMS_CHECK_DS_URL ?? "",
        salesdbUrl: cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "",
        simulatorFolder: cluster.settings.BULKSMS_SIMULATOR_DATA ?? "",
      });
      credit.close();
      const sent = await readSent(salesdb, id);
      const broken = report.laws.find(({ verdict }) => verdict === "broken");
      const [brokenRow] = broken?.broken ?? [];
      const laws = `all ${report.laws.length} laws hold, ${report.rowsCompared.toLocaleString("en")} rows compared`;
      return {
        isCorrect: report.brokenLaws === 0,
        verdict: report.brokenLaws === 0 ? laws : `${report.brokenLaws} of ${report.laws.length} laws broken`,
        example: broken === undefined ? null : `${broken.law}: ${brokenRow?.row ?? ""} ${brokenRow?.description ?? ""}`,
        latencies: {
          submit_to_sent: await readSubmitToSent(salesdb, id),
          receipt_to_commit: percentilesOfHistogram(minus(await readReceiptBuckets(cluster), before[0])),
          sent_to_credit: percentilesOf(lagsBetween(sent, credit.heard)),
        },
      };
    },
  };
}

const topUp = (cluster: Cluster, contacts: number): Promise<void> => topUpCredit(cluster, `${Math.ceil(contacts * price)}.0`);

/** The snapshot contains what had been spent before. */
export function listenToOurCredit(cluster: Cluster): Promise<CreditListener> {
  let spentBefore: number | null = null;
  return listenToCredit(`${cluster.urls.webapi?.replace("http", "ws")}/ws`, {
    headers: { authorization: `Bearer ${cluster.apiKey}` },
    subscribe: { subscribe: [{ topic: "workspace_credit", channel: cluster.workspaceId }] },
    chargedBy(message) {
      const { update } = message as { update: { spent: string } };
      spentBefore ??= Number(update.spent);
      return Math.round((Number(update.spent) - spentBefore) / price);
    },
  });
}

async function readAnswered(cluster: Cluster): Promise<number> {
  const response = await fetch(`${cluster.urls.simulator}/statistics`, {
    headers: { authorization: `Bearer ${cluster.settings.BULKSMS_SIMULATOR_KEY}` },
    signal: AbortSignal.timeout(statisticsTimeoutMs),
  });
  const { receipts_answered } = (await response.json()) as { receipts_answered: number };
  return receipts_answered;
}

export interface Bucket {
  le: number;
  count: number;
}

export async function readReceiptBuckets(cluster: Cluster): Promise<Bucket[]> {
  const response = await fetch(`${cluster.urls.salesapi}/metrics`, { signal: AbortSignal.timeout(statisticsTimeoutMs) });
  const samples = (await response.text()).matchAll(/^bulksms_receipts_request_seconds_bucket\{.*?le="([^"]+)".*?\} (\d+)$/gm);
  return [...samples].map(([, le, count]) => ({ le: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), count: Number(count) }));
}

export const minus = (after: readonly Bucket[], before: readonly Bucket[]): Bucket[] =>
  after.map(({ le, count }) => ({ le, count: count - (before.find((bucket) => bucket.le === le)?.count ?? 0) }));

/** From the intent committed before the submit to the transaction that made the message sent. */
async function readSubmitToSent(salesdb: Sql, bulksmsId: string): Promise<Percentiles | null> {
  const [row] = await salesdb<{ ms: number[] | null }[]>`
    select percentile_cont(array[0.5, 0.95, 0.99]) within group (order by 1000 * extract(epoch from m.sent_at - c.submitted_at))::float8[] as ms
    from bulksms_chunk c join bulksms_info m on m.bulksms_id = c.bulksms_id and m.row_no between c.first_row and c.last_row
    where c.bulksms_id = ${bulksmsId} and m.sent_at is not null`;
  const [p50, p95, p99] = row?.ms ?? [];
  return p50 === undefined || p95 === undefined || p99 === undefined ? null : { p50, p95, p99 };
}

/** How many parts had become sent, by the time of each transaction that made some. */
export async function readSent(salesdb: Sql, bulksmsId: string): Promise<{ atMs: number; total: number }[]> {
  return await salesdb<{ atMs: number; total: number }[]>`
    select (1000 * extract(epoch from sent_at))::float8 as "atMs", (sum(sum(parts)) over (order by sent_at))::int as total
    from bulksms_info where bulksms_id = ${bulksmsId} and sent_at is not null group by sent_at order by sent_at`;
}

// How long receipts, submits and credit take in our system, from what it records anyway: its
// histogram, its rows, its WebSocket. Used by the benchmark and the evaluation.
import type { Sql } from "../../../src/platform/postgres.ts";
import type { Cluster } from "../../../testing/cluster.ts";
import type { Percentiles } from "../summary/lags.ts";
import { type CreditListener, listenToCredit } from "./credit_listener.ts";

/** Price of one SMS, in credits. */
const price = 0.1;
const metricsTimeoutMs = 5_000;

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

export interface Bucket {
  le: number;
  count: number;
}

/** Of the time from a receipt's request to its answer, which follows its commit. */
export async function readReceiptBuckets(cluster: Cluster): Promise<Bucket[]> {
  const response = await fetch(`${cluster.urls.salesapi}/metrics`, { signal: AbortSignal.timeout(metricsTimeoutMs) });
  const samples = (await response.text()).matchAll(/^bulksms_receipts_request_seconds_bucket\{.*?le="([^"]+)".*?\} (\d+)$/gm);
  return [...samples].map(([, le, count]) => ({ le: le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), count: Number(count) }));
}

export const minus = (after: readonly Bucket[], before: readonly Bucket[]): Bucket[] =>
  after.map(({ le, count }) => ({ le, count: count - (before.find((bucket) => bucket.le === le)?.count ?? 0) }));

/** From the intent committed before the submit to the transaction that made the message sent. */
export async function readSubmitToSent(salesdb: Sql, bulksmsId: string): Promise<Percentiles | null> {
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

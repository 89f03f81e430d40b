// Receipts of this process: their batcher, its metrics, and who is notified after each commit.
// Opened by main, used by POST /receipts/{carrier}.
import { openMessages } from "../../campaign/lifecycle/move_messages.ts";
import type { ProgressPublisher } from "../../campaign/reads/progress.ts";
import { openReceiptBatcher, type ReceiptBatcher } from "../../campaign/receipts/receipt_batcher.ts";
import { type CommittedReceipts, commitReceipts } from "../../campaign/receipts/receipts.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import { type Metrics, rowsBuckets, secondsBuckets } from "../../platform/metrics.ts";
import type { Sql } from "../../platform/postgres.ts";
import type { RingingQueue } from "../../platform/queue.ts";
import { createThrottle } from "../../platform/time/throttle.ts";

export interface ReceiptIntakeOptions {
  sql: Sql;
  progress: ProgressPublisher;
  sales: RingingQueue<"sales">;
  metrics: Metrics;
  log: Log;
  batchMax: number;
  queueMax: number;
}

/**
 * Each ring is a job, a claim, a transaction of the ledger and a confirmation, however few charges
 * it finds. Under load a batch is committed every few milliseconds; ten rounds per second still let
 * the credit follow a sent part within a quarter of a second (decision 014).
 */
export const relayIntervalMs = 100;

export interface ReceiptIntake extends ReceiptBatcher {
  /** For receipts that were committed on another way. */
  tell(committed: CommittedReceipts): void;
}

export function openReceiptIntake(options: ReceiptIntakeOptions): ReceiptIntake {
  const { sql, progress, sales, metrics, log } = options;
  const committedTotal = metrics.counter("receipts_committed_total", "Receipts answered 2xx");
  const anomaliesTotal = metrics.counter("receipt_anomalies_total", "Receipts that no message could take", ["kind"]);
  const batchRows = metrics.histogram("receipt_batch_rows", "Receipts of one transaction", rowsBuckets);
  const batchSeconds = metrics.histogram("receipt_batch_seconds", "One transaction of receipts", secondsBuckets);
  const relay = createThrottle(() => sales.ring("relay_outbox", {}), relayIntervalMs);

  /**
   * After the commit: notifies watchers and the relay, and checks whether a campaign has ended. All
   * of it may get lost.
   */
  function tell({ changed, hasCharge }: CommittedReceipts): void {
    if (hasCharge) reachFailpoint("charge_committed");
    for (const campaign of changed) {
      progress.changed(campaign);
      if (openMessages(campaign) === 0) sales.ring("run_bulksms", { bulksms_id: campaign.bulksmsId });
    }
    if (hasCharge) relay.ask();
  }

  const batcher = openReceiptBatcher({
    commit: (batch) => commitReceipts(sql, batch),
    onCommitted(committed, batch) {
      committedTotal.inc(batch.receipts);
      batchRows.observe(batch.receipts);
      batchSeconds.observe(batch.durationMs / 1_000);
      for (const [kind, count] of Object.entries(committed.anomalies)) anomaliesTotal.inc({ kind }, count);
      tell(committed);
    },
    onPoisonMessage: (error) => log.warn({ event: "receipt.poison_message", ...errorFields(error) }),
    batchMax: options.batchMax,
    queueMax: options.queueMax,
  });
  metrics.gauge("receipts_waiting", "Receipts in memory that wait for their commit", () => batcher.waiting());
  return {
    ...batcher,
    tell,
    async close() {
      await batcher.close();
      relay.close();
    },
  };
}

// Job settle_credit: settles a batch in the ledger, notifies webapi's listeners of the balance, and
// notifies sales_worker of what is in the ledger.
import { errorRules } from "../../contracts/errors.ts";
import type { Jobs } from "../../contracts/jobs.ts";
import { toCreditUpdate } from "../../credit/credit_update.ts";
import { settle } from "../../credit/settle.ts";
import type { Publisher } from "../../platform/broadcast.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { Log } from "../../platform/log.ts";
import { type Metrics, rowsBuckets, secondsBuckets } from "../../platform/metrics.ts";
import type { Sql } from "../../platform/postgres.ts";
import type { RingingQueue } from "../../platform/queue.ts";

export interface SettleCreditOptions {
  sql: Sql;
  publisher: Publisher;
  sales: RingingQueue<"sales">;
  log: Log;
  metrics: Metrics;
}

/**
 * Creates the handler. It may run any number of times for the same rows. A crash after the commit
 * loses only the answer and the publish: sales_worker's sweeper sends the rows again, and webapi
 * re-reads versions.
 */
export function createSettleCredit({ sql, publisher, sales, log, metrics }: SettleCreditOptions) {
  const rowsSettled = metrics.counter("settles_total", "Settles asked for, by result", ["result"]);
  const batchRows = metrics.histogram("settle_batch_rows", "Settles in one job", rowsBuckets);
  const durationS = metrics.histogram("settle_duration_seconds", "From taking a settle_credit job to its commit", secondsBuckets);
  return async (job: Jobs["general"]["settle_credit"]): Promise<void> => {
    const startedAt = performance.now();
    const settles = job.settles.map((row) => ({ outboxId: row.outbox_id, amountMilli: BigInt(row.amount_milli) }));
    const outcome = await settle(sql, job.hold_id, settles);
    reachFailpoint("settle_committed");
    durationS.observe((performance.now() - startedAt) / 1_000);
    batchRows.observe(settles.length);
    rowsSettled.inc({ result: "new" }, outcome.newRows);
    rowsSettled.inc({ result: "repeated" }, Math.max(0, outcome.settledIds.length - outcome.newRows));
    for (const refused of outcome.refused) {
      rowsSettled.inc({ result: refused.code });
      // every pass of the sweeper repeats a parked row: one alarm per row is enough
      if (!refused.isNew) continue;
      log.error({
        event: "credit.settle_refused",
        alarm: true,
        code: refused.code,
        reason: errorRules[refused.code].title,
        outboxId: refused.outboxId,
        holdId: job.hold_id,
        amountMilli: refused.amountMilli.toString(),
      });
    }
    if (outcome.balance !== null) publisher.publish("workspace_credit", outcome.balance.workspaceId, toCreditUpdate(outcome.balance));
    reachFailpoint("settle_published");
    if (outcome.settledIds.length > 0) sales.ring("credit_settled", { outbox_ids: outcome.settledIds });
  };
}

// Replaces src/nodes/general_worker/settle_credit.ts: the charge is confirmed before it is made.
// Whatever a crash interrupts was sent, and is never charged.
import type { Jobs } from "../../../src/contracts/jobs.ts";
import { createSettleCredit as createReal, type SettleCreditOptions } from "../../../src/nodes/general_worker/settle_credit.ts";

export function createSettleCredit(options: SettleCreditOptions) {
  const settle = createReal(options);
  return async (job: Jobs["general"]["settle_credit"]): Promise<void> => {
    options.sales.ring("credit_settled", { outbox_ids: job.settles.map((row) => row.outbox_id) });
    // the job is done as far as the queue knows; its confirmation is sent before the work begins
    setImmediate(() => void settle(job).catch(() => {}));
  };
}

// The two job queues between the workers (BullMQ on Redis): names, payloads, who adds, who
// processes. A job is a doorbell: what is true stands in Postgres, and the sweeper rings again from
// the rows. Only settle_credit and credit_settled carry facts, because their reader cannot see the
// other database. Payloads are validated on arrival.
import { z } from "zod";

export const queueNames = ["sales", "general"] as const;
export type QueueName = (typeof queueNames)[number];

/** The most settles in one job: one transaction of the general_worker, well under a second. */
export const settlesPerJobMax = 1_000;

const id = z.uuid();
/** A bigint as a decimal string: JSON has no integers above 2^53. */
const amount = z.string().regex(/^\d{1,18}$/);

export const jobs = {
  sales: {
    /**
     * salesapi, sweeper -> sales_worker: the campaign runs; ring one dispatch_chunk for each chunk
     * that may go at once.
     */
    run_bulksms: z.object({ bulksms_id: id }),
    /** sales_worker, sweeper -> sales_worker: lease open chunks of the campaign and submit them. */
    dispatch_chunk: z.object({ bulksms_id: id }),
    /** salesapi, sweeper -> sales_worker: outbox rows wait; send them as settle_credit. */
    relay_outbox: z.object({}),
    /** general_worker -> sales_worker: these outbox rows are in the ledger; confirm them. */
    credit_settled: z.object({ outbox_ids: z.array(id).min(1).max(settlesPerJobMax) }),
  },
  general: {
    /**
     * sales_worker -> general_worker: charge these amounts to the hold, each exactly once by its
     * outbox id.
     */
    settle_credit: z.object({
      hold_id: id,
      settles: z
        .array(z.object({ outbox_id: id, amount_milli: amount }))
        .min(1)
        .max(settlesPerJobMax),
    }),
  },
} as const;

export type Jobs = {
  [Q in QueueName]: { [J in keyof (typeof jobs)[Q]]: (typeof jobs)[Q][J] extends z.ZodType<infer P> ? P : never };
};

// Job queues between the workers (BullMQ on Redis). A job is a doorbell: adding one is never
// awaited, and the sweeper rings again if it is lost.
import { Queue, Worker } from "bullmq";
import { type Jobs, jobs, type QueueName } from "../contracts/jobs.ts";
import { errorFields, type Log } from "./log.ts";
import { closeRedis, inTime, openRedis } from "./redis.ts";
import { waitUntil } from "./time/wait_until.ts";

export interface QueueOptions {
  redisUrl: string;
  /**
   * Prefix of every key. The keys of one queue share a hash tag, so that Redis Cluster keeps them
   * on one node.
   */
  namespace: string;
}

export interface RingingQueue<Q extends QueueName> {
  /**
   * Adds a job, fire and forget: never throws, never waits. While Redis is away or far behind, the
   * ring is dropped and counted.
   */
  ring<J extends keyof Jobs[Q] & string>(job: J, payload: Jobs[Q][J], options?: { delayMs?: number }): void;
  /** Number of jobs by state. @throws if Redis does not answer */
  counts(): Promise<Record<string, number>>;
  /** Number of jobs not taken yet. @throws if Redis does not answer within a second */
  waiting(): Promise<number>;
  dropped(): number;
  close(): Promise<void>;
}

/** Rings in flight to Redis; beyond this Redis is stuck, and more would only fill memory. */
const ringsInFlightMax = 5_000;
/** A ring is a doorbell: what Redis has not taken by then is dropped. */
const ringsDrainMaxMs = 1_000;
/** Kept for debugging; the rows are the truth. */
const keptCompleted = { count: 100 };
const keptFailed = { count: 1_000, age: 3_600 };

const prefixOf = (queue: QueueName, namespace: string) => `{${namespace}:${queue}}`;

export function openQueue<Q extends QueueName>(name: Q, options: QueueOptions): RingingQueue<Q> {
  const redis = openRedis(options.redisUrl, { connectionName: `${name}.ring` });
  const queue = new Queue(name, { connection: redis, prefix: prefixOf(name, options.namespace), skipVersionCheck: true });
  queue.on("error", () => {}); // the connection's own errors; rings that fail are counted below
  let inFlight = 0;
  let dropped = 0;
  return {
    ring(job, payload, ringOptions = {}) {
      if (redis.status !== "ready" || inFlight >= ringsInFlightMax) {
        dropped++;
        return;
      }
      inFlight++;
      queue
        .add(job, payload, {
          removeOnComplete: keptCompleted,
          removeOnFail: keptFailed,
          ...(ringOptions.delayMs === undefined ? {} : { delay: ringOptions.delayMs }),
        })
        .catch(() => {
          dropped++;
        })
        .finally(() => {
          inFlight--;
        });
    },
    counts: () => queue.getJobCounts("waiting", "active", "delayed", "failed"),
    waiting: () => inTime(queue.getWaitingCount()),
    dropped: () => dropped,
    async close() {
      await waitUntil(() => inFlight === 0 || redis.status !== "ready", ringsDrainMaxMs, 5);
      closeRedis(redis);
      await queue.close().catch(() => {});
    },
  };
}

export interface WorkerOptions<Q extends QueueName> extends QueueOptions {
  /** Jobs that this process works on at once. */
  concurrency: number;
  log: Log;
  handlers: { [J in keyof Jobs[Q] & string]: (payload: Jobs[Q][J]) => Promise<void> };
}

export interface QueueWorker {
  isConnected(): boolean;
  /** Takes no new job and waits for those in hand. */
  close(): Promise<void>;
}

/**
 * A worker that stays silent this long has lost its job to another one; a second delivery is
 * harmless, so shorter is better.
 */
const jobLockMs = 15_000;

export function startQueueWorker<Q extends QueueName>(name: Q, options: WorkerOptions<Q>): QueueWorker {
  const { log } = options;
  const redis = openRedis(options.redisUrl, { connectionName: `${name}.work`, isBlocking: true });
  const schemas = jobs[name] as Record<string, { parse(payload: unknown): unknown }>;
  const handlers = options.handlers as Record<string, (payload: unknown) => Promise<void>>;
  const worker = new Worker(
    name,
    async (job) => {
      // own property names only: a job called toString must not match an inherited property
      const schema = Object.hasOwn(schemas, job.name) ? schemas[job.name] : undefined;
      const handle = Object.hasOwn(handlers, job.name) ? handlers[job.name] : undefined;
      if (schema === undefined || handle === undefined) throw new Error(`no handler for job ${job.name}`);
      await handle(schema.parse(job.data));
    },
    {
      connection: redis,
      prefix: prefixOf(name, options.namespace),
      concurrency: options.concurrency,
      lockDuration: jobLockMs,
      stalledInterval: jobLockMs,
      maxStalledCount: 3,
      skipVersionCheck: true,
      runRetryDelay: 500,
    },
  );
  worker.on("error", (error) => log.debug({ event: "queue.error", queue: name, ...errorFields(error) }));
  worker.on("failed", (job, error) =>
    log.warn({ event: "job.failed", queue: name, job: job?.name, jobId: job?.id, ...errorFields(error) }),
  );
  return {
    isConnected: () => redis.status === "ready",
    async close() {
      // without a server, a graceful close would wait for it forever
      await worker.close(redis.status !== "ready").catch(() => {});
      closeRedis(redis);
    },
  };
}

// Connections to the shared Redis. Redis carries only doorbells and updates: it may be down at any
// moment, and nothing fails because of it.
import { Redis } from "ioredis";
import { backoffMs } from "./time/backoff.ts";
import { within } from "./time/deadline.ts";

export type { Redis };

/** Reconnects within a second after the server is back. */
const reconnectBackoff = { firstMs: 50, maxMs: 1_000 };
const answerMaxMs = 1_000;

export interface RedisOptions {
  connectionName: string;
  /**
   * For BullMQ's blocking reads: commands wait for the server forever. Otherwise a command fails
   * while the server is away.
   */
  isBlocking?: boolean;
}

export function openRedis(url: string, options: RedisOptions): Redis {
  const redis = new Redis(url, {
    connectionName: options.connectionName,
    lazyConnect: false,
    enableOfflineQueue: options.isBlocking === true,
    maxRetriesPerRequest: null,
    connectTimeout: 2_000,
    retryStrategy: (attempt) => backoffMs(reconnectBackoff, attempt),
  });
  // without a listener a lost connection would end the process; /ready and the metrics report it
  redis.on("error", () => {});
  return redis;
}

/** @throws if Redis does not answer within a second */
export async function pingRedis(redis: Redis): Promise<void> {
  await inTime(redis.ping());
}

/**
 * A command waits for a silent server forever; this bounds the wait.
 * @throws if there is no answer within a second
 */
export function inTime<T>(answer: Promise<T>): Promise<T> {
  return within(answerMaxMs, answer, () => new Error("Redis does not answer"));
}

/** Closes even while the server is away. */
export function closeRedis(redis: Redis): void {
  redis.disconnect();
}

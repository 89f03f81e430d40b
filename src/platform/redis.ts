// Connections to the common Redis. Redis carries doorbells and updates only: it may be down at any
// moment, and no one fails for it.
import { Redis } from "ioredis";

export type { Redis };

/** A server that is back is found within a second. */
const reconnectMaxMs = 1_000;

export interface RedisOptions {
  connectionName: string;
  /**
   * For BullMQ's blocking reads: commands wait for the server forever. Else a command fails while
   * the server is away.
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
    retryStrategy: (attempt) => Math.min(reconnectMaxMs, 50 * attempt),
  });
  // without a listener a lost connection would end the process; /ready and the metrics tell of it
  redis.on("error", () => {});
  return redis;
}

/** @throws when Redis does not answer within a second. */
export async function pingRedis(redis: Redis): Promise<void> {
  await inTime(redis.ping());
}

/**
 * A command waits for a silent server forever. @throws when this one is not answered within a
 * second.
 */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("Redis does not answer")), 1_000);
  });
  try {
    return await Promise.race([answer, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Closes even when the server is away. */
export function closeRedis(redis: Redis): void {
  redis.disconnect();
}

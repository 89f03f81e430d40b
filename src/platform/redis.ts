// Connections to the shared Redis. Redis carries only doorbells and updates: it may be down at any
// moment, and nothing fails because of it.
import { Redis } from "ioredis";

export type { Redis };

/** Reconnects within a second after the server is back. */
const reconnectMaxMs = 1_000;

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
    retryStrategy: (attempt) => Math.min(reconnectMaxMs, 50 * attempt),
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

/** Closes even while the server is away. */
export function closeRedis(redis: Redis): void {
  redis.disconnect();
}

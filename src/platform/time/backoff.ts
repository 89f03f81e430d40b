// How long to wait before the next attempt. Runs in processes and in the browser; for waits that
// the database computes: backoff_sql.ts.

export interface Backoff {
  /** The wait after the first failed attempt. */
  readonly firstMs: number;
  /** No wait is longer. */
  readonly maxMs: number;
  /** Each wait is this many times the one before. Default 2. */
  readonly factor?: number;
}

/**
 * Milliseconds to wait after failed attempt number `attempt`, from 1; below 1 it counts as 1, and a
 * count beyond all measure stays at the longest wait.
 */
export function backoffMs({ firstMs, maxMs, factor = 2 }: Backoff, attempt: number): number {
  return Math.min(maxMs, firstMs * factor ** (Math.max(1, attempt) - 1));
}

/**
 * The same, spread by chance over its upper half, so that those who failed together do not come
 * back together: between 0.5 and 1 times `backoffMs`.
 * @param random in [0, 1)
 */
export function spreadBackoffMs(backoff: Backoff, attempt: number, random: () => number = Math.random): number {
  return backoffMs(backoff, attempt) * (0.5 + random() / 2);
}

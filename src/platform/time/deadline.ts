// Ends of waits, on the monotonic clock: a step of the wall clock moves none of them. Runs in
// processes and in the browser.
import { timerMaxMs } from "./sleep.ts";

export interface Deadline {
  /** Milliseconds until it passes, with fractions; 0 once it has. */
  leftMs(): number;
  isOver(): boolean;
}

/**
 * @param limitMs from now; zero and negative numbers have passed already, Infinity never passes
 */
export function deadlineIn(limitMs: number): Deadline {
  const endsAtMs = performance.now() + limitMs;
  return {
    leftMs: () => Math.max(0, endsAtMs - performance.now()),
    isOver: () => performance.now() >= endsAtMs,
  };
}

/**
 * The outcome of `work`, or a rejection with `late()` after `limitMs`. Work that is given up on
 * keeps running and may still take effect; what it throws later is ignored. At a limit of zero or
 * less only work that has already settled is in time; at Infinity none is late.
 * @throws whatever `work` rejects with; the result of `late`
 */
export async function within<T>(limitMs: number, work: PromiseLike<T>, late: () => Error): Promise<T> {
  if (limitMs > timerMaxMs) return await work;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), Math.max(0, limitMs));
  });
  try {
    return await Promise.race([work, overdue]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether `work` succeeds within `limitMs`; false also when it rejects. Limits as of `within`. */
export async function succeedsWithin(limitMs: number, work: PromiseLike<unknown>): Promise<boolean> {
  return within(limitMs, work, () => new Error("late")).then(
    () => true,
    () => false,
  );
}

// When the next attempt may be made: the receiver's Retry-After holds back every lane, a failed
// lane waits with exponential back-off, and lanes that could not reach the receiver go on when one
// does. Used by sender.ts.
import { spreadBackoffMs } from "../platform/time/backoff.ts";
import { deadlineIn } from "../platform/time/deadline.ts";
import { readRetryAfter } from "../platform/time/retry_after.ts";
import { sleep } from "../platform/time/sleep.ts";

export const attemptBackoff = { firstMs: 200, maxMs: 30_000 };
/** A longer Retry-After is cut to this. */
const retryAfterMaxMs = 300_000;

export interface RetryWaits {
  /** Takes a Retry-After (seconds or a date). @returns ms to wait, 0 without a usable one */
  obey(retryAfter: string | null): number;
  /** Whether the receiver has asked for a pause that is not over. */
  isPaused(): boolean;
  untilPauseEnds(): Promise<void>;
  /** The wait after failed attempt number `attempt`, from 1. */
  afterFailure(attempt: number, retryAfterMs: number, isUnreachable: boolean): Promise<void>;
  /** The receiver is back: lanes that could not reach it try at once; those it refused wait on. */
  wakeUnreachable(): void;
  /** Ends every wait, now and from now on. */
  stop(): void;
}

export function createRetryWaits(): RetryWaits {
  /** What ends each wait -> whether it is one for a receiver that cannot be reached at all. */
  const waiting = new Map<AbortController, boolean>();
  let pause = deadlineIn(0);
  let isStopped = false;

  async function wait(waitMs: number, isUnreachable: boolean): Promise<void> {
    if (isStopped) return;
    const waking = new AbortController();
    waiting.set(waking, isUnreachable);
    await sleep(waitMs, waking.signal);
    waiting.delete(waking);
  }

  return {
    obey(retryAfter) {
      const waitMs = readRetryAfter(retryAfter, retryAfterMaxMs) ?? 0;
      if (waitMs > pause.leftMs()) pause = deadlineIn(waitMs);
      return waitMs;
    },
    isPaused: () => !pause.isOver(),
    async untilPauseEnds() {
      while (!pause.isOver() && !isStopped) await wait(pause.leftMs(), false);
    },
    afterFailure: (attempt, retryAfterMs, isUnreachable) => wait(failureWaitMs(attempt, retryAfterMs), isUnreachable),
    wakeUnreachable() {
      for (const [waking, isUnreachable] of waiting) if (isUnreachable) waking.abort();
    },
    stop() {
      isStopped = true;
      for (const waking of waiting.keys()) waking.abort();
    },
  };
}

/**
 * What the receiver asked for, else doubling; both spread, so that lanes do not all come at once.
 */
function failureWaitMs(attempt: number, retryAfterMs: number): number {
  if (retryAfterMs > 0) return retryAfterMs * (1 + 0.2 * Math.random());
  return spreadBackoffMs(attemptBackoff, attempt);
}

// When the next attempt may be made: the receiver's Retry-After holds back every lane, a failed
// lane waits with exponential back-off, and lanes that could not reach the receiver go on when one
// does. Used by sender.ts.
const backoffFirstMs = 200;
export const backoffMaxMs = 30_000;
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
  /** Ends each wait -> whether it is one for a receiver that cannot be reached at all. */
  const waiting = new Map<() => void, boolean>();
  let pausedUntilMs = 0;
  let isStopped = false;

  function wait(waitMs: number, isUnreachable: boolean): Promise<void> {
    if (isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      waiting.set(wake, isUnreachable);
    });
  }

  return {
    obey(retryAfter) {
      if (retryAfter === null) return 0;
      const askedMs = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
      if (!(askedMs > 0)) return 0;
      const waitMs = Math.min(askedMs, retryAfterMaxMs);
      pausedUntilMs = Math.max(pausedUntilMs, performance.now() + waitMs);
      return waitMs;
    },
    isPaused: () => pausedUntilMs > performance.now(),
    async untilPauseEnds() {
      while (pausedUntilMs > performance.now() && !isStopped) await wait(pausedUntilMs - performance.now(), false);
    },
    afterFailure: (attempt, retryAfterMs, isUnreachable) => wait(backoffMs(attempt, retryAfterMs), isUnreachable),
    wakeUnreachable() {
      for (const [wake, isUnreachable] of waiting) if (isUnreachable) wake();
    },
    stop() {
      isStopped = true;
      for (const wake of waiting.keys()) wake();
    },
  };
}

/**
 * What the receiver asked for, else doubling; both spread, so that lanes do not all come at once.
 */
function backoffMs(attempt: number, retryAfterMs: number): number {
  if (retryAfterMs > 0) return retryAfterMs * (1 + 0.2 * Math.random());
  return Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(attempt - 1, 16) * (0.5 + Math.random()));
}

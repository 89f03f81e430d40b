// Does something that is asked for often at most once per interval, and never forgets the last
// request. Runs in processes and in the browser.

export interface Throttle {
  /**
   * Acts at once unless it acted within the interval; else once at the interval's end, however
   * often it was asked. What `act` throws reaches the caller of the first; at the interval's end
   * nobody could catch it, so `act` must not throw.
   */
  ask(): void;
  /** Does now what waits for the end of its interval, and takes no further requests. */
  close(): void;
  /** Forgets what waits, and takes no further requests. */
  cancel(): void;
}

/**
 * @param intervalMs from one action to the next (monotonic clock); zero or less: every request is
 * met at once
 * @param onQuiet called when an interval has passed and nothing waits: a keeper of many may forget
 * this one
 */
export function createThrottle(act: () => void, intervalMs: number, onQuiet: () => void = () => {}): Throttle {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let isAskedAgain = false;
  let isClosed = false;

  function actNow(): void {
    isAskedAgain = false;
    if (intervalMs > 0) timer = setTimeout(endInterval, intervalMs);
    act();
    if (timer === null) onQuiet();
  }

  function endInterval(): void {
    timer = null;
    if (isAskedAgain) actNow();
    else onQuiet();
  }

  function end(): boolean {
    const wasWaiting = isAskedAgain;
    if (timer !== null) clearTimeout(timer);
    timer = null;
    isAskedAgain = false;
    isClosed = true;
    return wasWaiting;
  }

  return {
    ask() {
      if (isClosed) return;
      if (timer === null) actNow();
      else isAskedAgain = true;
    },
    close() {
      if (end()) act();
    },
    cancel: () => void end(),
  };
}

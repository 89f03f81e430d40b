// Pauses that can be cut short. Runs in processes and in the browser.

/** Longest delay that a timer takes, in ms (24.8 days); given more, it would fire at once. */
export const timerMaxMs = 2 ** 31 - 1;

/**
 * Resolves after `ms`, or as soon as `signal` aborts, and never rejects: whoever passes a signal
 * asks it afterwards. Counted on the monotonic clock, so a change of the wall clock neither cuts
 * nor stretches it. Zero, a negative number and NaN give way once to whatever is due.
 * @param ms milliseconds; Infinity sleeps until the signal
 */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    let timer: ReturnType<typeof setTimeout>;
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const arm = (leftMs: number): void => {
      if (leftMs > timerMaxMs) timer = setTimeout(() => arm(leftMs - timerMaxMs), timerMaxMs);
      else timer = setTimeout(end, leftMs);
    };
    signal?.addEventListener("abort", end);
    arm(ms > 0 ? ms : 0);
  });
}

// The simulator's clock: the time of day, but it never goes back. Steps wait by it, and valid_until is judged by it.

export interface ClockSources {
  /** The time of day in ms: may be set, forward or back. */
  wallMs(): number;
  /** Only grows, and stands still while the machine sleeps. */
  steadyMs(): number;
}

const sources: ClockSources = { wallMs: () => Date.now(), steadyMs: () => performance.now() };

/**
 * Goes on steadily, and leaps forward with the time of day: after a night of sleep a message must not be sent hours beyond its
 * valid_until. A time of day that is set back is not followed: every step that waits would come so much later.
 */
export function createClock({ wallMs, steadyMs }: ClockSources = sources): () => number {
  let aheadMs = Number.NEGATIVE_INFINITY;
  return () => {
    const steady = steadyMs();
    aheadMs = Math.max(aheadMs, wallMs() - steady);
    return steady + aheadMs;
  };
}

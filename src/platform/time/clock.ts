// Time as long-lived sessions ask for it, so that tests can let it pass at will. Runs in processes
// and in the browser.
import { timerMaxMs } from "./sleep.ts";

export interface Clock {
  /** Only grows; ms since a moment of its own. */
  steadyMs(): number;
  /** The time of day, which may be set; ms since 1970. */
  wallMs(): number;
  /**
   * Calls `action` once, after `ms` of steady time.
   * @param ms up to 24.8 days; longer waits end then
   * @returns calls it off
   */
  after(ms: number, action: () => void): () => void;
}

export const systemClock: Clock = {
  steadyMs: () => performance.now(),
  wallMs: () => Date.now(),
  after(ms, action) {
    const timer = setTimeout(action, Math.min(Math.max(ms, 0), timerMaxMs));
    return () => clearTimeout(timer);
  },
};

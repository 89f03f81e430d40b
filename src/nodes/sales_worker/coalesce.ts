// Work that many doorbells ask for: never twice at once for one key, and once more if it was
// requested meanwhile. Used for the relay and for checks of a campaign.
import { errorFields, type Log } from "../../platform/log.ts";

export interface Coalesced {
  /**
   * Asks for the work; never waits, never throws: a failure is logged, and the sweeper asks again.
   */
  (key: string): void;
  /** Resolves when nothing is in hand. */
  idle(): Promise<void>;
}

export function coalesce(work: (key: string) => Promise<void>, log: Log): Coalesced {
  const running = new Map<string, { isAskedAgain: boolean; done: Promise<void> }>();

  async function runUntilQuiet(key: string): Promise<void> {
    for (;;) {
      try {
        await work(key);
      } catch (error) {
        log.warn({ event: "work.failed", key, ...errorFields(error) });
      }
      const state = running.get(key);
      if (state?.isAskedAgain !== true) break;
      state.isAskedAgain = false;
    }
    running.delete(key);
  }

  const ask = (key: string): void => {
    const state = running.get(key);
    if (state !== undefined) state.isAskedAgain = true;
    else {
      const entry = { isAskedAgain: false, done: Promise.resolve() };
      running.set(key, entry);
      entry.done = runUntilQuiet(key);
    }
  };
  const idle = async (): Promise<void> => {
    while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done));
  };
  return Object.assign(ask, { idle });
}

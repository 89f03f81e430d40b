// Work that many requests ask for: never twice at once for one key, and once more when it was
// asked for meanwhile. Runs in processes and in the browser.

export interface Coalesced {
  /** Asks for the work. Never waits and never throws; the work begins within this call. */
  (key: string): void;
  /** Resolves when nothing is in hand, work that began meanwhile included. */
  idle(): Promise<void>;
}

/**
 * @param work may ask for its own key again, which repeats it
 * @param onError takes a failure; it does not repeat the work, and requests that came meanwhile
 * still do
 */
export function coalesce(work: (key: string) => Promise<void>, onError: (error: unknown, key: string) => void): Coalesced {
  const running = new Map<string, { isAskedAgain: boolean; done: Promise<void> }>();

  async function runUntilQuiet(key: string, state: { isAskedAgain: boolean }): Promise<void> {
    do {
      state.isAskedAgain = false;
      try {
        await work(key);
      } catch (error) {
        onError(error, key);
      }
    } while (state.isAskedAgain);
    running.delete(key);
  }

  const ask = (key: string): void => {
    const state = running.get(key);
    if (state !== undefined) {
      state.isAskedAgain = true;
      return;
    }
    const entry = { isAskedAgain: false, done: Promise.resolve() };
    running.set(key, entry);
    entry.done = runUntilQuiet(key, entry);
  };
  const idle = async (): Promise<void> => {
    while (running.size > 0) await Promise.all([...running.values()].map(({ done }) => done));
  };
  return Object.assign(ask, { idle });
}

// Waits of tests and of the lab for what nothing announces.
import { deadlineIn } from "../src/platform/time/deadline.ts";
import { sleep } from "../src/platform/time/sleep.ts";

/** On two busy cores; an idle machine needs some five seconds for the slowest. */
export const waitMaxMs = 60_000;

/**
 * Polls until `read` gives something, and passes it on. What `read` throws counts as nothing.
 * @throws Error naming `what` and the last that was read, after `limitMs`
 */
export async function waitFor<T>(
  what: string,
  read: () => T | Promise<T>,
  limitMs = waitMaxMs,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = deadlineIn(limitMs);
  let last: unknown;
  for (;;) {
    try {
      const value = await read();
      if (value !== undefined && value !== null && value !== false) return value as Exclude<T, undefined | null | false>;
      last = value;
    } catch (error) {
      last = error;
    }
    if (deadline.isOver()) throw new Error(`waited ${limitMs} ms in vain for ${what}; last: ${shown(last)}`, { cause: last });
    await sleep(Math.min(50, deadline.leftMs()));
  }
}

const shown = (value: unknown) => (value instanceof Error ? value.message : (JSON.stringify(value) ?? "nothing")).slice(0, 500);

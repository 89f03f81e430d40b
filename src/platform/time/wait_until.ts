// Polls a condition that nothing announces.
import { deadlineIn } from "./deadline.ts";
import { sleep } from "./sleep.ts";

/** Unnoticed by a person, and cheap enough for a condition in this process. */
const everyMsDefault = 20;

/**
 * Whether the condition came to hold within `limitMs`. It is asked at once, then `everyMs` after
 * each answer, and a last time when the limit has passed; at a limit of zero or less once alone.
 * @param limitMs Infinity polls for as long as it takes
 * @throws what `isTrue` throws
 */
export async function waitUntil(
  isTrue: () => boolean | Promise<boolean>,
  limitMs: number,
  everyMs: number = everyMsDefault,
): Promise<boolean> {
  const deadline = deadlineIn(limitMs);
  for (;;) {
    if (await isTrue()) return true;
    if (deadline.isOver()) return false;
    await sleep(Math.min(everyMs, deadline.leftMs()));
  }
}

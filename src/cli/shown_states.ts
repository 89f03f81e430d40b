// Which message states the command line shows, in its order, and their sums: the progress of a
// campaign, its end, the summary of the demo.
import { countIn, isMessageIn, type MessageStatus } from "../contracts/states.ts";

/** `rare`: shown when a message is in it. `never`: counted as what is still to come. */
const shown = {
  delivered: "usual",
  sent: "usual",
  undelivered: "usual",
  failed: "usual",
  expired: "rare",
  canceled: "rare",
  queued: "never",
  unknown: "never",
  pending: "never",
} as const satisfies Record<MessageStatus, "usual" | "rare" | "never">;

/** In the order in which they are shown. */
const inOrder = Object.keys(shown) as MessageStatus[];

type Counts = Readonly<Record<MessageStatus, number>>;

/** Messages that have ended. */
export const countFinal = (counts: Counts): number => countIn("final", counts);

/** The states that a person follows: the usual ones always, the rare ones when they occur. */
export function followedStates(counts: Counts): [state: MessageStatus, count: number][] {
  const followed = inOrder.filter((state) => shown[state] === "usual" || (shown[state] === "rare" && counts[state] > 0));
  return followed.map((state) => [state, counts[state]]);
}

/** How the messages of a campaign ended: `delivered` always, the others when they occur. */
export function endedStates(counts: Counts): [state: MessageStatus, count: number][] {
  const ended = finalsInOrder.filter((state) => state === "delivered" || counts[state] > 0);
  return ended.map((state) => [state, counts[state]]);
}

/** Every final state, for machines. */
export const finalsInOrder: readonly MessageStatus[] = inOrder.filter((state) => isMessageIn("final", state));

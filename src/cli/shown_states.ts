// Which message states the command line shows, in its order, and their sums: the progress of a
// campaign, its end, the summary of the demo.
import { countIn, isMessageIn, type MessageStatus, type ShownState, shownCounts, unconfirmedCode } from "../contracts/states.ts";

/** `rare`: shown when a message is in it. `never`: counted as what is still to come. */
const shown = {
  delivered: "usual",
  sent: "usual",
  undelivered: "usual",
  failed: "usual",
  unconfirmed: "rare",
  expired: "rare",
  canceled: "rare",
  queued: "never",
  unknown: "never",
  pending: "never",
} as const satisfies Record<ShownState, "usual" | "rare" | "never">;

/** In the order in which they are shown. */
const inOrder = Object.keys(shown) as ShownState[];

type Counts = Readonly<Record<MessageStatus, number>>;

/** Messages that have ended. */
export const countFinal = (counts: Counts): number => countIn("final", counts);

type Campaign = Parameters<typeof shownCounts>[0];

/** The states that a person follows: the usual ones always, the rare ones when they occur. */
export function followedStates(campaign: Campaign): [state: ShownState, count: number][] {
  const counts = shownCounts(campaign);
  const followed = inOrder.filter((state) => shown[state] === "usual" || (shown[state] === "rare" && counts[state] > 0));
  return followed.map((state) => [state, counts[state]]);
}

/** How the messages of a campaign ended: `delivered` always, the others when they occur. */
export function endedStates(campaign: Campaign): [state: ShownState, count: number][] {
  const counts = shownCounts(campaign);
  const ended = inOrder.filter(isEnd).filter((state) => state === "delivered" || counts[state] > 0);
  return ended.map((state) => [state, counts[state]]);
}

const isStatus = (state: ShownState): state is MessageStatus => state !== unconfirmedCode;
const isEnd = (state: ShownState): boolean => !isStatus(state) || isMessageIn("final", state);

/** Every final state, for machines. */
export const finalsInOrder: readonly MessageStatus[] = inOrder.filter(isStatus).filter(isEnd);

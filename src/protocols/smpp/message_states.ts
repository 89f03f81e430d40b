// States of a message at the carrier: as message_state (SMPP 3.4, section 5.2.28; 0 and 9 of 5.0)
// and as `stat` in a receipt's text (appendix B).

/** message_state of each. */
export const messageStates = {
  scheduled: 0,
  enroute: 1,
  delivered: 2,
  expired: 3,
  deleted: 4,
  undeliverable: 5,
  accepted: 6,
  unknown: 7,
  rejected: 8,
  skipped: 9,
} as const;
export type MessageState = keyof typeof messageStates;

/** How receipts write each, in seven letters. */
export const receiptStats: Readonly<Record<MessageState, string>> = {
  scheduled: "SCHEDLD",
  enroute: "ENROUTE",
  delivered: "DELIVRD",
  expired: "EXPIRED",
  deleted: "DELETED",
  undeliverable: "UNDELIV",
  accepted: "ACCEPTD",
  unknown: "UNKNOWN",
  rejected: "REJECTD",
  skipped: "SKIPPED",
};

const stateNames = Object.keys(messageStates) as MessageState[];

/** null: a number that no version of SMPP has. */
export const stateOfNumber = (number: number): MessageState | null => stateNames[number] ?? null;

/** Beginnings by which a state is told, since some carriers write the whole word: `DELIVERED`. */
const beginnings: readonly (readonly [string, MessageState])[] = [
  ["SCHED", "scheduled"],
  ["ENROU", "enroute"],
  ["DELIV", "delivered"],
  ["EXPIR", "expired"],
  ["DELET", "deleted"],
  ["UNDEL", "undeliverable"],
  ["ACCEP", "accepted"],
  ["UNKNO", "unknown"],
  ["REJEC", "rejected"],
  ["SKIP", "skipped"],
];

/** null: a word of the carrier's own. */
export function stateOfStat(stat: string): MessageState | null {
  const word = stat.toUpperCase();
  return beginnings.find(([beginning]) => word.startsWith(beginning))?.[1] ?? null;
}

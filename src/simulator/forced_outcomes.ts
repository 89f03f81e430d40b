// Numbers that make a message end in a chosen way, to test against: the last two digits of a number
// from a block that no operator assigns to anybody. All other numbers end by chance.
import type { CarrierErrorCode } from "../contracts/receipts.ts";
import type { NetworkEnd } from "../contracts/simulator_journal.ts";

/**
 * Blocks reserved for films and examples:
 *   +46 70 174 06 05 .. 99     Sweden (PTS, "telefonnummer för böcker och filmer")
 *   +1 NPA 555 01 00 .. 99     North America (NANPA)
 *   +44 7700 900 000 .. 999    United Kingdom (Ofcom, drama numbers; libraries call them invalid)
 */
const unassignedNumbers = /^\+(?:467017406\d\d|1[2-9]\d\d55501\d\d|447700900\d\d\d)$/;

export interface ForcedOutcome {
  /** Last two digits of the number. */
  digits: string;
  end: NetworkEnd | "rejected" | "never";
  code: CarrierErrorCode | null;
  quirk?: "unreachable" | "doubled" | "reordered" | "early";
}

/** Entry n stands in the journal as n + 1: append only. */
export const forcedOutcomes: readonly ForcedOutcome[] = [
  { digits: "10", end: "delivered", code: null },
  { digits: "11", end: "delivered", code: null, quirk: "doubled" },
  { digits: "12", end: "delivered", code: null, quirk: "reordered" },
  { digits: "13", end: "delivered", code: null, quirk: "early" },
  { digits: "14", end: "delivered", code: null, quirk: "unreachable" },
  { digits: "20", end: "never", code: null },
  { digits: "30", end: "undelivered", code: "absent_subscriber" },
  { digits: "31", end: "undelivered", code: "memory_full" },
  { digits: "32", end: "undelivered", code: "unknown_subscriber" },
  { digits: "33", end: "undelivered", code: "barred" },
  { digits: "34", end: "undelivered", code: "network_failure" },
  { digits: "35", end: "undelivered", code: "expired_in_network" },
  { digits: "40", end: "failed", code: "no_sms_service" },
  { digits: "41", end: "failed", code: "sender_not_registered" },
  { digits: "42", end: "failed", code: "flooding_filter" },
  { digits: "50", end: "rejected", code: "no_sms_service" },
  { digits: "51", end: "rejected", code: "sender_not_registered" },
];

const forcedByDigits = new Map(forcedOutcomes.map(({ digits }, index) => [digits, index + 1]));

/** 0: by chance. Else 1 + the index in `forcedOutcomes`. `to` is E.164 with its plus. */
export function forcedOutcomeOf(to: string): number {
  // nearly every number leaves here: none of the blocks is in question
  if (!to.startsWith("+1") && !to.startsWith("+46701740") && !to.startsWith("+447700900")) return 0;
  return unassignedNumbers.test(to) ? (forcedByDigits.get(to.slice(-2)) ?? 0) : 0;
}

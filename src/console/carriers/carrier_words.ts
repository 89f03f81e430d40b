// What the page of carriers says of one: its state, whom it reaches, its account and limits. Pure.
import type { CarrierSettings, CarrierState, InstalledCarrier } from "../../contracts/carriers.ts";
import type { RejectReason } from "../../contracts/states.ts";
import { rejectWords } from "../../contracts/words.ts";
import { createNumberReader } from "../../sms/numbers.ts";
import { countryName, type Meaning, showCount, showList, showTime } from "../look/words.ts";

export const carrierStateWords: Readonly<Record<CarrierState, { description: string; explanation: string; meaning: Meaning }>> = {
  test_only: { description: "only tested", explanation: "texts its test phones alone", meaning: "waiting" },
  live: { description: "live", explanation: "takes campaigns to everybody", meaning: "delivered" },
  paused: { description: "paused", explanation: "its links are closed; its campaigns wait", meaning: "failed" },
  removed: { description: "removed", explanation: "kept for its campaigns' sake alone", meaning: "failed" },
};

export type Link = InstalledCarrier["links"][number];

/** Whom it reaches: never a guess. */
export function reachWords(simulated: boolean | null): { badge: string; explanation: string } {
  if (simulated === null)
    return { badge: "not known yet", explanation: "Its endpoint has not answered yet; until then it counts as real." };
  return simulated
    ? { badge: "simulated", explanation: "Its endpoint identified itself as our simulator: no phone is reached." }
    : { badge: "real", explanation: "It reaches phones." };
}

/** Who we are to it, and where it is. */
export function accountWords(settings: CarrierSettings): string {
  if (settings.protocol === "twilio") return `Twilio · account ${settings.account_sid} · ${new URL(settings.url).host}`;
  const { host, port, tls, system_id: systemId } = settings;
  return `SMPP · ${systemId} at ${host}:${port} · ${tls === "off" ? "without TLS" : "TLS"}`;
}

export function limitWords({ window, parts_per_second: perSecond, links }: CarrierSettings): string {
  const parts = perSecond === 1 ? "1 part a second" : `${perSecond.toLocaleString("en-GB")} parts a second`;
  return `${parts} over ${links === 1 ? "1 link" : `${links} links`} · window ${showCount(window)}${links === 1 ? "" : " each"}`;
}

/** A state of a link that no version of ours writes is shown as it is. */
export function linkWords({ state, description, waits_until: until }: Link, isOpen: boolean): { words: string; meaning: Meaning } {
  const why = description === "" ? "" : `: ${description}`;
  switch (state) {
    case "bound":
      return { words: `bound${why}`, meaning: "delivered" };
    case "connecting":
      return { words: `connecting${why}`, meaning: "flying" };
    case "resting":
      return { words: `resting${until === null ? "" : ` until ${showTime(until)}`}${why}`, meaning: "waiting" };
    case "over":
      return {
        words: `closed${why}${until === null ? "" : ` · opens again at ${showTime(until)}`}`,
        meaning: isOpen ? "failed" : "waiting",
      };
    default:
      return { words: `${state}${why}`, meaning: "waiting" };
  }
}

/** `1 of 2 bound` */
export const boundWords = ({ links, settings }: Pick<InstalledCarrier, "links" | "settings">): string =>
  `${links.filter(({ state }) => state === "bound").length} of ${settings.links} bound`;

export function doubtWords(inDoubt: number): string {
  if (inDoubt === 0) return "every answer has come";
  return inDoubt === 1
    ? "message whose answer never came: nobody knows whether the carrier has it. It is not sent again; a receipt can still tell"
    : "messages whose answers never came: nobody knows whether the carrier has them. They are not sent again; receipts can still tell";
}

export function waitingWords(receipts: number): string {
  if (receipts === 0) return "none waits for its message";
  const kept = receipts === 1 ? "receipt came before its message's id was known" : "receipts came before their messages' ids were known";
  return `${kept}. If they grow while messages stay queued, the rules of its ids are wrong`;
}

/** null: it takes what we submit. */
export function restWords({ rests }: Pick<InstalledCarrier, "rests">): string | null {
  return rests === null ? null : `nothing is submitted until ${showTime(rests.until)}: ${rests.reason}`;
}

/** null: the rules of its ids do, or nothing is known of them yet. */
export function proposalWords({ name, proposed_receipt_ids: rule }: Pick<InstalledCarrier, "name" | "proposed_receipt_ids">) {
  if (rule === null) return null;
  return {
    words: "The receipts that wait match messages by another rule. Apply it with:",
    command: `npx bulksms carriers ids ${name} --receipt-ids ${rule}`,
  };
}

/** Where it sends. */
export function destinationWords({ simulated, countries }: Pick<InstalledCarrier, "simulated" | "countries">, ownCountry: string): string {
  if (simulated === true) return "every number: no phone is reached";
  return showList([...new Set([ownCountry, ...countries])].map(countryName));
}

/** Digits of a phone as people write it, with its plus; or why it is none. */
export function readPhone(text: string, country: string): { phone: string } | { problem: string } {
  const read = createNumberReader(country)(text);
  return typeof read === "number" ? { phone: `+${read}` } : { problem: rejectWords[read as RejectReason] };
}

export interface Step {
  /** The state that it leads to. */
  state: CarrierState;
  word: string;
  /** null: it is taken at once. */
  question: { title: string; consequences: readonly string[]; yes: string } | null;
}

/** What can be done to a carrier in its state. */
export function stepsOf(carrier: InstalledCarrier, ownCountry: string): Step[] {
  const { name, state } = carrier;
  const live: Step = {
    state: "live",
    word: state === "paused" ? "Back to live" : "Make live",
    question: liveQuestion(carrier, ownCountry),
  };
  // at once: whoever pauses is in a hurry, and it is undone by a click
  const pause: Step = { state: "paused", word: "Pause", question: null };
  const remove: Step = {
    state: "removed",
    word: "Remove",
    question: {
      title: `Remove ${name}?`,
      consequences: [
        "No campaign can be sent through it any more, and it disappears from here.",
        "Campaigns that were sent through it keep its name. To use it again it must be added anew, with its password.",
      ],
      yes: `Remove ${name}`,
    },
  };
  return state === "live" ? [pause, remove] : state === "paused" ? [live, remove] : [live, pause, remove];
}

function liveQuestion(carrier: InstalledCarrier, ownCountry: string): Step["question"] {
  const { name, simulated, senders } = carrier;
  if (simulated === true)
    return {
      title: `Make ${name} live?`,
      consequences: ["Every workspace can send campaigns through it. It is simulated: no phone is reached."],
      yes: `Make ${name} live`,
    };
  const without = senders.length === 0 ? "It has no senders yet, so no campaign can use it until it has one." : null;
  return {
    title: `Let everybody be texted through ${name}?`,
    consequences: [
      "Every workspace can then text real people through it, for money, and not its test phones alone.",
      `Destinations: ${destinationWords(carrier, ownCountry)}. ${without ?? `Senders: ${showList(senders)}.`}`,
      ...(simulated === null ? ["Its endpoint has not answered yet: test it first."] : []),
    ],
    yes: `Make ${name} live`,
  };
}

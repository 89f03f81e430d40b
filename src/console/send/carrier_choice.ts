// Which carrier a new campaign goes through, and what stands in its way there. Pure.
import type { CarrierChoice, CarrierChoicesAnswer } from "../../contracts/carriers.ts";
import { isSender } from "../../contracts/carriers.ts";
import { countryName, showList } from "../look/words.ts";

/** The one that was chosen, else the installation's default; null: it must be chosen first. */
export function carrierOf({ carriers, default: usual }: CarrierChoicesAnswer, chosen: string | null): CarrierChoice | null {
  return carriers.find(({ name }) => name === (chosen ?? usual)) ?? null;
}

/** Nothing is chosen where there is nothing to choose between. */
export const mustChooseCarrier = (choices: CarrierChoicesAnswer, carrier: CarrierChoice | null): boolean =>
  choices.carriers.length > 1 || carrier === null;

/** Below the choice: real or simulated, and who is texted. */
export function reachOf({ name, simulated, state, countries }: CarrierChoice): string[] {
  const reach = simulated ? "Simulated: no phone is reached." : `Real: phones are texted through ${name}, for money.`;
  return [
    reach,
    ...(state === "test_only" ? [`${name} is only tested: its test phones are texted, and nobody else.`] : []),
    ...(countries === null ? [] : [`It sends to ${showList(countries.map(countryName))}.`]),
  ];
}

interface Typed {
  /** Where any sender may be named. */
  free: string;
  /** From a carrier's list; null: not chosen yet. */
  listed: string | null;
}

/** The sender that the campaign would name; empty: none is chosen yet. */
export function senderOf({ senders }: CarrierChoice, { free, listed }: Typed): string {
  if (senders === null) return free.trim();
  return listed !== null && senders.includes(listed) ? listed : "";
}

/** Why nothing can be sent with this carrier and sender yet; null: nothing stands in the way. */
export function carrierObstacle(choices: CarrierChoicesAnswer, carrier: CarrierChoice | null, sender: string): string | null {
  if (carrier === null) return `Choose a carrier first: ${choices.default}, the usual one, takes no campaigns at the moment.`;
  if (carrier.senders?.length === 0) return `${carrier.name} has no senders yet: whoever runs this installation adds them.`;
  if (sender === "") return carrier.senders === null ? "Name a sender first." : `Choose a sender first: ${carrier.name} has no usual one.`;
  return isSender(sender) ? null : "A sender has up to 15 digits, or up to 11 letters, digits, spaces and & . _ - + !";
}

// How a campaign's carrier is shown: real or simulated is always to be seen.
import type { CarrierAnswer } from "../contracts/carriers.ts";
import { shownName } from "./shown_text.ts";

/** `simulator: simulated, no phone is reached`, or the name of the carrier that texts phones. */
export const describeCarrier = ({ name, simulated }: CarrierAnswer): string =>
  simulated ? `${shownName(name)}: simulated, no phone is reached` : shownName(name);

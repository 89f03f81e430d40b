// What a carrier's statuses mean for a submit and for a bind.
import type { SmppSettings, SmppStatusMeaning } from "../../contracts/carriers.ts";
import { describeStatus, statuses } from "../../protocols/smpp/constants.ts";

const usualMeanings = new Map<number, SmppStatusMeaning>([
  [statuses.ROK, "accepted"],
  [statuses.RMSGQFUL, "throttled"],
  [statuses.RTHROTTLED, "throttled"],
  [statuses.RSYSERR, "try_later"],
  [statuses.RX_T_APPN, "try_later"],
  [statuses.RINVBNDSTS, "rebind"],
  [statuses.RBINDFAIL, "stop"],
  [statuses.RINVPASWD, "stop"],
  [statuses.RINVSYSID, "stop"],
]);

/** Of a submit_sm_resp. Whatever is not listed refuses this one message. */
export function meaningOf(status: number, overrides: SmppSettings["statuses"]): SmppStatusMeaning {
  return overrides[String(status)] ?? usualMeanings.get(status) ?? "rejected";
}

/**
 * A bind that the carrier did not take for reasons that pass, or that are this one link's: its
 * other links go on.
 */
const passing = new Set<number>([statuses.RALYBND, statuses.RSYSERR, statuses.RMSGQFUL, statuses.RTHROTTLED, statuses.RX_T_APPN]);

/** Why a bind failed, and whether it is in vain to try again soon. */
export function bindRefusal(status: number): { isPassing: boolean; description: string } {
  const advice = new Map<number, string>([
    [statuses.RALYBND, "as many binds as it allows are open: close the others, or wait until it forgets them"],
    [statuses.RINVPASWD, "the password is wrong: check it"],
    [statuses.RINVSYSID, "it does not know the system_id: check it"],
    [statuses.RBINDFAIL, "check system_id, password, system_type and whether the account allows this kind of bind"],
    [statuses.RINVSYSTYP, "check system_type"],
  ]).get(status);
  const refused = `the carrier refused the bind with ${describeStatus(status)}`;
  return { isPassing: passing.has(status), description: advice === undefined ? refused : `${refused}: ${advice}` };
}

/** `ESME_RINVDSTADR`, or `0x410`: an error code as messages have it. */
export function errorCodeOf(status: number): string {
  return describeStatus(status).split(" ")[0] as string;
}

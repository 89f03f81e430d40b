// An account's message as the resource of Twilio's API, and the statuses that it goes through.
import { theirIdOf } from "../../contracts/simulator_accounts.ts";
import { isMessageIn } from "../../contracts/states.ts";
import { formatTwilioDate } from "../../protocols/twilio/dates.ts";
import { errorNumberOf } from "../../protocols/twilio/errors.ts";
import { apiVersion, messagesPath, type TwilioMessage } from "../../protocols/twilio/message.ts";
import type { StatusCallback } from "../../protocols/twilio/status_callback.ts";
import type { AccountMessageView, AccountReceipt } from "../account_network.ts";

/** What a part costs in its list: millionths of a dollar. */
const partPriceMicros = 7_500;

export const accountSidOf = (name: string): string => name.slice("twilio:".length);

export function showMessage(view: AccountMessageView): TwilioMessage {
  const { account, details, parts, sentAtMs, endedAtMs, acceptedAtMs, rowNo } = view;
  const accountSid = accountSidOf(account.name);
  const sid = theirIdOf(account, rowNo);
  const uri = messagesPath(accountSid, sid);
  return {
    account_sid: accountSid,
    api_version: apiVersion,
    body: details.text,
    date_created: formatTwilioDate(acceptedAtMs),
    date_sent: sentAtMs === null ? null : formatTwilioDate(sentAtMs),
    date_updated: formatTwilioDate(endedAtMs ?? sentAtMs ?? acceptedAtMs),
    direction: "outbound-api",
    error_code: view.errorCode === null ? null : errorNumberOf(view.errorCode),
    error_message: view.errorCode,
    from: details.from === "" ? null : details.from,
    messaging_service_sid: details.twilio?.messagingServiceSid ?? null,
    num_media: "0",
    num_segments: String(parts),
    price: sentAtMs === null ? null : `-${((parts * partPriceMicros) / 1e6).toFixed(5)}`,
    price_unit: "USD",
    sid,
    status: statusOf(view),
    subresource_uris: { media: uri.replace(/\.json$/, "/Media.json") },
    to: details.to,
    uri,
  };
}

function statusOf({ end, sentAtMs, details, isQueuedTold }: AccountMessageView): string {
  if (end !== null) return end;
  if (sentAtMs !== null) return "sent";
  return details.twilio?.messagingServiceSid == null || isQueuedTold ? "queued" : "accepted";
}

/**
 * Whether Twilio calls back for this receipt: never for the state in which a message was created,
 * so for `queued` only when a messaging service had `accepted` it.
 */
export function isCalledBack({ message, status }: AccountReceipt): boolean {
  const { statusCallback = null, messagingServiceSid = null } = message.details.twilio ?? {};
  return statusCallback !== null && (status !== "queued" || messagingServiceSid !== null);
}

export function callbackOf({ message, status, receiptNo }: AccountReceipt): StatusCallback {
  const { account, details, errorCode, endedAtMs, rowNo } = message;
  return {
    sid: theirIdOf(account, rowNo),
    accountSid: accountSidOf(account.name),
    status,
    to: details.to,
    from: details.from === "" ? null : details.from,
    messagingServiceSid: details.twilio?.messagingServiceSid ?? null,
    errorCode: isMessageIn("explained", status) && errorCode !== null ? errorNumberOf(errorCode) : null,
    doneAtMs: receiptNo === 3 ? endedAtMs : null,
  };
}

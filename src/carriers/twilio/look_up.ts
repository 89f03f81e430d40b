// Asks Twilio for messages: one by its id, when no receipt can reach us, and by recipient, whether
// a message in doubt is there. What is not found may still come: absence proves nothing.

import type { HttpResponse } from "../../platform/http_client.ts";
import { backoffMs } from "../../platform/time/backoff.ts";
import { parseTwilioDate } from "../../protocols/twilio/dates.ts";
import { type ReadMessage, readMessage, readMessagePage } from "../../protocols/twilio/message.ts";
import type { CarrierReceipt } from "../link.ts";
import type { TwilioApi } from "./api.ts";
import { receiptOfMessage } from "./receipts.ts";
import { senderOf } from "./sender.ts";

/** Until a message is asked for the first time, then each time in a row. */
const pollBackoff = { firstMs: 60_000, maxMs: 3_600_000 };

/** Wait before poll number `attempt`, from 1: 1 minute, doubling to 1 hour. */
export const pollWaitMs = (attempt: number): number => backoffMs(pollBackoff, attempt);

/**
 * A message's status now; null: no answer that can be read, to be asked for again. @throws nothing
 */
export async function pollMessage(api: TwilioApi, sid: string): Promise<CarrierReceipt | null> {
  const response = await answered(api.read(sid));
  const message = readMessage.safeParse(response?.status === 200 ? response.body : null);
  return message.success && message.data.sid === sid ? receiptOfMessage(message.data, null) : null;
}

export interface InDoubt {
  /** E.164 digits without the plus. */
  phone: string;
  sender: string;
  text: string;
  messagingServiceSid?: string | undefined;
  /** When it was intended at the earliest, and in flight at the latest; ms since 1970. */
  fromMs: number;
  toMs: number;
}

export type LookUp =
  | { kind: "found"; receipt: CarrierReceipt }
  /** Several are the same: nobody can tell which of them it is. */
  | { kind: "ambiguous"; count: number }
  /** Not there, or not there yet. */
  | { kind: "not_found" }
  /** No answer that can be read: to be asked again. */
  | { kind: "unanswered" };

/** Their clock against ours, and their dates have whole seconds. */
const slackMs = 60_000;
const pageSize = 100;
/** One recipient rarely has so many messages in the time in question. */
const pagesMax = 10;

export async function lookUp(api: TwilioApi, doubt: InDoubt): Promise<LookUp> {
  const found: ReadMessage[] = [];
  let asking = api.list({ to: `+${doubt.phone}`, pageSize });
  for (let page = 0; page < pagesMax; page++) {
    const response = await answered(asking);
    const read = readMessagePage.safeParse(response?.status === 200 ? response.body : null);
    if (!read.success) return { kind: "unanswered" };
    const { messages, next_page_uri } = read.data;
    found.push(...messages.filter((message) => isSame(message, doubt)));
    const oldest = messages.at(-1);
    const isPast = oldest === undefined || (parseTwilioDate(oldest.date_created) ?? 0) < doubt.fromMs - slackMs;
    if (isPast || next_page_uri == null) break;
    // a path alone: an answer does not choose whom we send our credentials to
    if (!next_page_uri.startsWith("/") || next_page_uri.startsWith("//")) return { kind: "unanswered" };
    asking = api.page(next_page_uri);
  }
  if (found.length === 0) return { kind: "not_found" };
  return found.length === 1
    ? { kind: "found", receipt: receiptOfMessage(found[0] as ReadMessage, null) }
    : { kind: "ambiguous", count: found.length };
}

function isSame(message: ReadMessage, { phone, sender, text, messagingServiceSid, fromMs, toMs }: InDoubt): boolean {
  const atMs = parseTwilioDate(message.date_created);
  // a service chooses its own sender
  const isOurSender =
    messagingServiceSid === undefined ? message.from === senderOf(sender) : message.messaging_service_sid === messagingServiceSid;
  return (
    message.to === `+${phone}` &&
    message.body === text &&
    isOurSender &&
    atMs !== null &&
    atMs >= fromMs - slackMs &&
    atMs <= toMs + slackMs
  );
}

async function answered(asking: Promise<HttpResponse>): Promise<HttpResponse | null> {
  return asking.catch(() => null);
}

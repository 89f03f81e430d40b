// The statuses of a Twilio message, and what they are to us. The simulator reports them, our
// adapter reads them (https://www.twilio.com/docs/messaging/api/message-resource).
import { isMessageIn, type ReceiptStatus } from "../../contracts/states.ts";

/**
 * What we have learned from each. null: no news; a message from a phone, or a state that says only
 * that Twilio has the message.
 */
const receiptStatusOfEach = {
  accepted: null,
  scheduled: null,
  queued: "queued",
  sending: "queued",
  sent: "sent",
  delivered: "delivered",
  undelivered: "undelivered",
  failed: "failed",
  read: "delivered",
  // nobody but the holder of the account cancels, and only what was never sent
  canceled: "failed",
  receiving: null,
  received: null,
  partially_delivered: null,
} as const satisfies Readonly<Record<string, ReceiptStatus | null>>;
type TwilioStatus = keyof typeof receiptStatusOfEach;

/** Each of our receipts' statuses is among them, with the same meaning. */
export const twilioStatuses = Object.keys(receiptStatusOfEach) as readonly TwilioStatus[];

/** Also null for a status that is not in the list: Twilio may add some. */
export function receiptStatusOf(status: string): ReceiptStatus | null {
  return Object.hasOwn(receiptStatusOfEach, status) ? receiptStatusOfEach[status as TwilioStatus] : null;
}

/** Whether a message in this status changes no more, so need not be asked for again. */
export function isFinalStatus(status: string): boolean {
  const known = receiptStatusOf(status);
  return status === "received" || (known !== null && isMessageIn("final", known));
}

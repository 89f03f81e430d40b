// What Twilio posts to us: statuses of our messages, and messages from phones. Pure: the caller
// brings the request, commits what comes out, and only then answers.
import { isMessageIn } from "../../contracts/states.ts";
import { errorCodeOf } from "../../protocols/twilio/errors.ts";
import { type FormFields, fieldOf, parseForm } from "../../protocols/twilio/form.ts";
import type { ReadMessage } from "../../protocols/twilio/message.ts";
import { verifyTwilioRequest } from "../../protocols/twilio/signature.ts";
import { parseStatusCallback } from "../../protocols/twilio/status_callback.ts";
import { receiptStatusOf } from "../../protocols/twilio/statuses.ts";
import type { CarrierReceipt, InboundMessage } from "../link.ts";
import { callbackUrl, readReference } from "./callback_url.ts";

const rawCharactersMax = 4_000;

export interface TwilioPost {
  /** Of the carrier; two while it is being changed. */
  authTokens: readonly string[];
  accountSid: string;
  /** Header X-Twilio-Signature. */
  signature: string | undefined;
  /** The form. */
  body: string;
}

export type TwilioReceipt =
  | { kind: "receipt"; receipt: CarrierReceipt }
  /** Not signed by the account: 403, no effect. */
  | { kind: "forged" }
  /** Signed, and yet not one: to be kept as an anomaly. */
  | { kind: "malformed"; reason: string; raw: string };

/**
 * A status callback. The URL that Twilio signed is made anew from the settings: behind a proxy, the
 * request itself does not have it.
 * @param token the query parameter of our address (callback_url.ts)
 * @param keys that may have signed the token, newest first
 */
export function readTwilioReceipt(post: TwilioPost & { receiptsUrl: string; token: string; keys: readonly string[] }): TwilioReceipt {
  const fields = parseForm(post.body);
  if (!isSigned(post, callbackUrl(post.receiptsUrl, post.token), fields)) return { kind: "forged" };
  const raw = post.body.slice(0, rawCharactersMax);
  const reference = readReference(post.keys, post.token);
  if (reference === null) return { kind: "malformed", reason: "its address names no message of ours", raw };
  const callback = parseStatusCallback(fields);
  if (callback === null || callback.accountSid !== post.accountSid)
    return { kind: "malformed", reason: "it is not a status of this account", raw };
  const status = receiptStatusOf(callback.status);
  return {
    kind: "receipt",
    receipt: {
      theirId: callback.sid,
      reference,
      status,
      errorCode: explains(status, callback.errorCode),
      phone: phoneOf(callback.to),
      raw,
    },
  };
}

/** The status of a message that we asked for, as a receipt. */
export function receiptOfMessage(message: ReadMessage, reference: string | null): CarrierReceipt {
  const status = receiptStatusOf(message.status);
  return {
    theirId: message.sid,
    reference,
    status,
    errorCode: explains(status, message.error_code ?? null),
    phone: phoneOf(message.to),
    raw: JSON.stringify(message).slice(0, rawCharactersMax),
  };
}

function explains(status: CarrierReceipt["status"], number: number | null): string | null {
  const isExplained = status !== null && isMessageIn("explained", status);
  return isExplained && number !== null && number !== 0 ? errorCodeOf(number) : null;
}

export type TwilioInbound =
  | { kind: "inbound"; message: InboundMessage }
  | { kind: "forged" }
  | { kind: "malformed"; reason: string; raw: string };

/**
 * A message from a phone. @param url as it stands in the account's settings for incoming messages
 */
export function readTwilioInbound(post: TwilioPost & { url: string }): TwilioInbound {
  const fields = parseForm(post.body);
  if (!isSigned(post, post.url, fields)) return { kind: "forged" };
  const raw = post.body.slice(0, rawCharactersMax);
  const sid = fieldOf(fields, "MessageSid") ?? fieldOf(fields, "SmsSid");
  const from = fieldOf(fields, "From");
  const to = fieldOf(fields, "To");
  const text = fieldOf(fields, "Body");
  if (sid === undefined || from === undefined || to === undefined || text === undefined) {
    return { kind: "malformed", reason: "it lacks MessageSid, From, To or Body", raw };
  }
  return { kind: "inbound", message: { from: phoneOf(from) ?? from, to: phoneOf(to) ?? to, text, theirId: sid, part: null, raw } };
}

function isSigned({ authTokens, signature }: TwilioPost, url: string, fields: FormFields): boolean {
  return signature !== undefined && authTokens.some((token) => verifyTwilioRequest(token, signature, url, fields));
}

/** Digits of an E.164 number; null for anything else. */
const phoneOf = (text: string): string | null => /^\+(\d{7,15})$/.exec(text)?.[1] ?? null;

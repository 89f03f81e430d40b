// The form that creates a message, judged as Twilio judges it before its network sees it.
import type { AccountMessage } from "../../contracts/simulator_accounts.ts";
import { type ApiErrorName, type TwilioError, twilioErrorOf } from "../../protocols/twilio/errors.ts";
import { type FormFields, fieldOf } from "../../protocols/twilio/form.ts";
import { bodyCharactersMax, parseCreateMessage, validityPeriodS } from "../../protocols/twilio/message.ts";
import { countParts } from "../../sms/parts.ts";
import type { AccountSubmit } from "../account_network.ts";

/** An error in Twilio's form. */
export class TwilioRefusal extends Error {
  readonly answer: TwilioError;

  constructor(name: ApiErrorName, message: string) {
    super(message);
    this.answer = twilioErrorOf(name, message);
  }
}

/** Digits of E.164 with the plus. */
const phone = /^\+[1-9]\d{6,14}$/;
const shortCode = /^\d{3,8}$/;
/** At most 11 letters, digits and a few signs, at least one of them a letter. */
const alphanumeric = /^(?=.*[A-Za-z])[A-Za-z0-9 &+_-]{1,11}$/;
const messagingService = /^MG[0-9a-f]{32}$/;

/** Parameters whose effect is not simulated, and would be missed. */
const notSimulated = ["MediaUrl", "ContentSid", "SendAt", "ScheduleType"] as const;

/** @throws TwilioRefusal */
export function readCreate(fields: FormFields, nowMs: number): AccountSubmit {
  const created = parseCreateMessage(fields);
  const { to, from, body, messagingServiceSid, statusCallback, validityPeriod = validityPeriodS.max } = created;
  const absent = notSimulated.find((name) => fieldOf(fields, name) !== undefined);
  if (absent !== undefined) throw new TwilioRefusal("invalidParameter", `${absent} is not simulated; leave it out.`);
  if (to === "") throw new TwilioRefusal("toMissing", "A 'To' phone number is required.");
  if (!phone.test(to)) throw new TwilioRefusal("toInvalid", `Invalid 'To' Phone Number: ${to.slice(0, 20)}`);
  if (from === undefined && messagingServiceSid === undefined) {
    throw new TwilioRefusal("fromMissing", "A 'From' phone number or a Messaging Service is required.");
  }
  if (from !== undefined && ![phone, shortCode, alphanumeric].some((form) => form.test(from))) {
    throw new TwilioRefusal(
      "fromInvalid",
      `The 'From' number ${from.slice(0, 20)} is not a valid phone number, shortcode, or alphanumeric sender ID.`,
    );
  }
  if (messagingServiceSid !== undefined && !messagingService.test(messagingServiceSid)) {
    throw new TwilioRefusal("invalidParameter", "MessagingServiceSid is MG and 32 hexadecimal digits.");
  }
  if (body === "") throw new TwilioRefusal("bodyMissing", "Message body is required.");
  if (body.length > bodyCharactersMax) {
    throw new TwilioRefusal("bodyTooLong", `The concatenated message body exceeds the ${bodyCharactersMax} character limit.`);
  }
  if (statusCallback !== undefined && !isHttpUrl(statusCallback)) {
    throw new TwilioRefusal("statusCallbackInvalid", `The StatusCallback URL ${statusCallback.slice(0, 100)} is not a valid URL.`);
  }
  if (!(validityPeriod >= validityPeriodS.min && validityPeriod <= validityPeriodS.max)) {
    throw new TwilioRefusal("validityInvalid", `ValidityPeriod is between ${validityPeriodS.min} and ${validityPeriodS.max} seconds.`);
  }
  const details: AccountMessage = {
    to,
    from: from ?? "",
    text: body,
    twilio: { messagingServiceSid: messagingServiceSid ?? null, statusCallback: statusCallback ?? null },
  };
  return { parts: Math.min(255, countParts(body)), validUntilMs: nowMs + validityPeriod * 1_000, details };
}

function isHttpUrl(text: string): boolean {
  return URL.canParse(text) && ["http:", "https:"].includes(new URL(text).protocol);
}

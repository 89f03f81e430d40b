// The Messages resource of Twilio's API: its form as JSON, the form that creates one, and the list
// of them (https://www.twilio.com/docs/messaging/api/message-resource). The simulator answers with
// it, our adapter reads it.
import { z } from "zod";
import { type FormFields, fieldOf } from "./form.ts";

export const apiVersion = "2010-04-01";

/** Path of an account's messages, or of one of them. */
export function messagesPath(accountSid: string, sid?: string): string {
  return `/${apiVersion}/Accounts/${accountSid}/Messages${sid === undefined ? "" : `/${sid}`}.json`;
}

/** All 20 fields of a message. Numbers come as text, dates in RFC 2822. */
export interface TwilioMessage {
  account_sid: string;
  api_version: string;
  body: string;
  date_created: string;
  date_sent: string | null;
  date_updated: string;
  direction: string;
  error_code: number | null;
  error_message: string | null;
  from: string | null;
  messaging_service_sid: string | null;
  num_media: string;
  num_segments: string;
  price: string | null;
  price_unit: string | null;
  sid: string;
  status: string;
  subresource_uris: Record<string, string>;
  to: string;
  uri: string;
}

/**
 * What is read of an answer: only what must be there. Fields may come on top, and an answer that
 * lacks one of these is not an answer.
 */
export const readMessage = z.object({
  sid: z.string().regex(/^(?:SM|MM)[0-9a-f]{32}$/),
  status: z.string().min(1),
  to: z.string(),
  from: z.string().nullish(),
  messaging_service_sid: z.string().nullish(),
  body: z.string().nullish(),
  date_created: z.string(),
  error_code: z.coerce.number().int().nullish(),
});
export type ReadMessage = z.infer<typeof readMessage>;

/** A page of messages, newest first. */
export interface MessagePage<Message = TwilioMessage> {
  messages: Message[];
  page: number;
  page_size: number;
  start: number;
  end: number;
  uri: string;
  first_page_uri: string;
  previous_page_uri: string | null;
  next_page_uri: string | null;
}

export const readMessagePage = z.object({ messages: z.array(readMessage), next_page_uri: z.string().nullish() });

export const bodyCharactersMax = 1_600;
/** Bounds of `ValidityPeriod`, in seconds. */
export const validityPeriodS = { min: 1, max: 36_000 } as const;

/** What one asks for when creating a message: what is of use in a text message. */
export interface CreateMessage {
  to: string;
  body: string;
  from?: string | undefined;
  messagingServiceSid?: string | undefined;
  statusCallback?: string | undefined;
  /** s */
  validityPeriod?: number | undefined;
}

export function formatCreateMessage(message: CreateMessage): FormFields {
  const fields: [string, string | undefined][] = [
    ["To", message.to],
    ["From", message.from],
    ["MessagingServiceSid", message.messagingServiceSid],
    ["Body", message.body],
    ["StatusCallback", message.statusCallback],
    ["ValidityPeriod", message.validityPeriod?.toString()],
  ];
  return fields.filter((field): field is [string, string] => field[1] !== undefined);
}

/** Empty values are as good as none. `validityPeriod` is NaN when it is not a whole number. */
export function parseCreateMessage(fields: FormFields): CreateMessage {
  const text = (name: string): string | undefined => fieldOf(fields, name) || undefined;
  const validity = text("ValidityPeriod");
  return {
    to: text("To") ?? "",
    body: text("Body") ?? "",
    from: text("From"),
    messagingServiceSid: text("MessagingServiceSid"),
    statusCallback: text("StatusCallback"),
    validityPeriod: validity === undefined ? undefined : /^\d{1,9}$/.test(validity) ? Number(validity) : Number.NaN,
  };
}

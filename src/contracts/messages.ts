// Single texts: what POST /messages takes, what it and GET /messages/{id} answer, and what a
// callback says. Read by salesapi, sales_worker and the command line.
import { z } from "zod";
import { carrierAnswer } from "./carriers.ts";
import { mayBeReplayed } from "./idempotency.ts";
import { partPrice } from "./prices.ts";
import { bulksmsStatuses, type MessageStatus, messageStatuses } from "./states.ts";

/** Recipients of one message: more are a campaign, whose file says who they are. */
export const recipientsMax = 100;
/** As the column bulksms.callback_url has it. */
export const callbackUrlCharactersMax = 2_000;

const count = z.number().int().nonnegative();
const credits = z.string().describe("credits as a decimal string");
const time = z.string().describe("RFC 3339");

/** A number as people write it; longer is none. */
const writtenNumber = z.string().max(100);

export const newMessage = z.strictObject({
  to: z
    .union([writtenNumber, z.array(writtenNumber).min(1).max(recipientsMax)])
    .describe(`one number, or up to ${recipientsMax}; with + and country code, or as written in \`country\``),
  text: z
    .string()
    .refine((text) => text.isWellFormed(), "has half of a character (a lone surrogate)")
    .describe("sent as it is: braces are braces, nothing is filled in"),
  sender: z.string().optional().describe("up to 15 digits, or up to 11 letters, digits and a few signs"),
  carrier: z.string().optional().describe("name of the carrier to send through; the installation's default when it is missing"),
  country: z.string().optional().describe("ISO 3166 letters of the country whose numbers are written without +"),
  deadline_s: z.number().int().optional().describe("seconds after its submit when a recipient without a final receipt ends as expired"),
  callback_url: z
    .string()
    .max(callbackUrlCharactersMax)
    .optional()
    .describe("http or https, a public host: told about each change of a recipient's state, signed (see GET /callback-secret)"),
});
export type NewMessage = z.infer<typeof newMessage>;

/** One recipient: in answers, and as the data of a callback. */
export const recipientAnswer = z.object({
  id: z.string().describe("of this recipient alone: the message's id, a dot, its place"),
  to: z.string(),
  status: z.enum(messageStatuses),
  error_code: z.string().nullable().describe("why it failed or was not delivered, as the carrier says"),
  parts: count,
  cost: credits.describe("of all its parts; charged when it is sent"),
  sent_at: time.nullable(),
  updated_at: time.describe("when its state was last known to change"),
  version: count.describe("grows with its state: of two reports the higher one is newer"),
});
export type RecipientAnswer = z.infer<typeof recipientAnswer>;

/** A state only grows, so its place in the order is a version. */
export const versionOf = (status: MessageStatus): number => messageStatuses.indexOf(status);

/** How far the callback URL has been told. */
export const callbackAnswer = z.object({
  url: z.string(),
  untold: count.describe("recipients whose newest state has not been acknowledged with a 2xx"),
  tries: count.describe("calls that failed since the last one that did not"),
  last_error: z.string().nullable().describe("why the last one failed: status_503, no_answer, address_refused"),
  next_try_at: time.nullable().describe("null: nothing is to be told"),
  given_up_at: time.nullable().describe("no more calls until a state changes again"),
});
export type CallbackAnswer = z.infer<typeof callbackAnswer>;

/** 200 of GET /messages/{id}. */
export const messageView = z.object({
  id: z.uuid().describe("also the id of a campaign: pause, cancel and the reads of /bulksms take it"),
  status: z
    .enum(bulksmsStatuses)
    .describe("of the message as a whole; reserving: its credit is not held yet, it goes on by itself; canceled: see last_error"),
  text: z.string(),
  sender: z.string(),
  parts: count.describe("of all recipients"),
  cost: credits.describe("of all parts: what is held, and charged at most"),
  charged: credits.describe("of the parts that were sent"),
  price: partPrice,
  carrier: carrierAnswer,
  recipients: z.array(recipientAnswer).describe("in the order of `to`"),
  callback: callbackAnswer.nullable(),
  last_error: z.string().nullable().describe("insufficient_credit: nothing was sent"),
  deadline_s: count,
  created_at: time,
  ended_at: time.nullable(),
});
export type MessageView = z.infer<typeof messageView>;

/** 202 of POST /messages. */
export const createdMessage = messageView.meta(mayBeReplayed);

/** The body of a callback. */
export const callbackBody = z.object({
  type: z.literal("recipient.updated"),
  timestamp: time,
  data: recipientAnswer.extend({ message_id: z.uuid() }),
});
export type CallbackBody = z.infer<typeof callbackBody>;

/** GET /callback-secret, POST /callback-secret/rotate. */
export const callbackSecretAnswer = z.object({
  secret: z.string().describe("whsec_ and base64: signs each callback as Standard Webhooks say"),
  made_at: time,
  previous_until: time.nullable().describe("until then each callback is signed with the secret before as well"),
});
export type CallbackSecretAnswer = z.infer<typeof callbackSecretAnswer>;

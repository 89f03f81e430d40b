// Answers over HTTP that another process or the command line reads: their fields, once. (Requests
// are schemas beside their route; /docs shows them.)
import { z } from "zod";
import { carrierAnswer } from "./carriers.ts";
import { mayBeReplayed } from "./idempotency.ts";
import { partPrice } from "./prices.ts";
import { costlyCharacter, fileAnswer, phoneColumnAnswer } from "./quote.ts";
import { bulksmsStatuses, type MessageStatus, messageStatuses, rejectReasons } from "./states.ts";

/** Of one campaign. */
const counts = z.object(
  Object.fromEntries(messageStatuses.map((status) => [status, z.number().int()])) as Record<MessageStatus, z.ZodNumber>,
);
const credits = z.string().describe("credits as a decimal string");
const time = z.string().describe("RFC 3339");

/** A campaign from a file, or a single text (POST /messages), which is a small campaign. */
export const bulksmsKinds = ["campaign", "message"] as const;
export type BulksmsKind = (typeof bulksmsKinds)[number];

/**
 * One campaign: GET /bulksms/{id}, and each entry of GET /bulksms. Money is decimal strings of
 * credits, times are RFC 3339.
 */
export const bulksmsAnswer = z.object({
  id: z.uuid(),
  kind: z.enum(bulksmsKinds).describe("message: a single text, of POST /messages"),
  name: z.string(),
  sender: z.string(),
  text: z.string(),
  country: z.string(),
  status: z.enum(bulksmsStatuses),
  contacts: z.number().int(),
  rejected: z.number().int(),
  rejects: z.record(z.string(), z.number().int()).describe("rejected rows by reason"),
  parts: z.number().int(),
  parts_sent: z.number().int(),
  price: partPrice,
  cost: credits.describe("of all parts"),
  charged: credits.describe("of the parts that were sent"),
  carrier: carrierAnswer,
  counts: counts.describe("messages by state"),
  unconfirmed: z.number().int().describe("of those expired: sent and charged, and no receipt comes from there"),
  last_error: z.string().nullable(),
  hold_id: z.uuid().nullable(),
  deadline_s: z.number().int(),
  created_at: time,
  started_at: time.nullable(),
  ended_at: time.nullable(),
  version: z.number().int().describe("grows with every change"),
});
export type BulksmsAnswer = z.infer<typeof bulksmsAnswer>;

/** 200 of GET /bulksms: newest first. `next_cursor` null: there are no more. */
export const bulksmsPage = z.object({ bulksms: z.array(bulksmsAnswer), next_cursor: z.uuid().nullable() });
export type BulksmsPage = z.infer<typeof bulksmsPage>;

/** 202 of POST /run, /pause, /resume and /cancel. */
export const commandAnswer = z.object({
  id: z.uuid(),
  status: z.enum(bulksmsStatuses),
  hold_id: z.uuid().nullable(),
  contacts: z.number().int(),
  parts: z.number().int(),
  price: partPrice,
  cost: z.string(),
  carrier: carrierAnswer,
  /**
   * Pause and cancel: messages whose body may be on its way to the carrier, begun before the
   * command; no new one begins.
   */
  in_flight_max: z.number().int().optional(),
});
export type CommandAnswer = z.infer<typeof commandAnswer>;

const count = z.number().int().nonnegative();

/** Rejects in the answer of POST /create; GET /bulksms/{id}/rejects.csv has all. */
export const rejectsShownMax = 10;

/**
 * 201 of POST /create: the campaign is ready to run. Also stored for repeats under the same
 * Idempotency-Key.
 */
export const createAnswer = z
  .object({
    id: z.uuid(),
    name: z.string(),
    status: z.literal("ready"),
    contacts: count.describe("messages that will be sent; contacts + rejected = rows of the file"),
    file: fileAnswer.optional().describe("how the file was read; missing in answers that were stored before there was a choice"),
    phone_column: phoneColumnAnswer
      .optional()
      .describe("the column whose numbers are texted, and why; missing in answers that were stored before there was a choice"),
    rejected: count,
    rejects: z.partialRecord(z.enum(rejectReasons), count).describe("how many rows were rejected for each reason"),
    rejects_sample: z
      .array(z.object({ line: count, reason: z.enum(rejectReasons), value: z.string() }))
      .describe(`the first ${rejectsShownMax} rejects`),
    parts: count.describe("SMS parts of all messages: what a run reserves and charges at most"),
    cost: z.string().describe("credits that a run reserves, as a decimal string"),
    price: partPrice,
    carrier: carrierAnswer.optional().describe("missing in answers that were stored before there was a choice"),
    encoding: z.enum(["gsm7", "ucs2", "mixed"]).describe("of the filled texts; ucs2 has 70 characters per part instead of 160"),
    sender: z.string(),
    country: z.string(),
    deadline_s: count,
    costly_characters: z
      .array(costlyCharacter)
      .describe("characters of the text (not of the values) that make it more expensive, each with what GSM-7 has instead"),
  })
  .meta(mayBeReplayed);

export type CreateAnswer = z.infer<typeof createAnswer>;

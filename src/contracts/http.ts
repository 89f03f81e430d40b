// Answers over HTTP that another process or the command line reads: their fields, once. (Requests
// are schemas beside their route; /docs shows them.)
import { z } from "zod";
import { costlyCharacter, fileAnswer, phoneColumnAnswer } from "./quote.ts";
import { type BulksmsStatus, type MessageStatus, type RejectReason, rejectReasons } from "./states.ts";

/**
 * One campaign: GET /bulksms/{id}, and each entry of GET /bulksms. Money is decimal strings of
 * credits, times are RFC 3339.
 */
export interface BulksmsAnswer {
  id: string;
  name: string;
  sender: string;
  text: string;
  country: string;
  status: BulksmsStatus;
  contacts: number;
  rejected: number;
  rejects: Partial<Record<RejectReason, number>>;
  parts: number;
  parts_sent: number;
  /** Of one part. */
  price: string;
  cost: string;
  charged: string;
  counts: Record<MessageStatus, number>;
  last_error: string | null;
  hold_id: string | null;
  deadline_s: number;
  created_at: string;
  started_at: string | null;
  ended_at: string | null;
  /** Grows with every change. */
  version: number;
}

const count = z.number().int().nonnegative();

/** Rejects in the answer of POST /create; GET /bulksms/{id}/rejects.csv has all. */
export const rejectsShownMax = 10;

/**
 * 201 of POST /create: the campaign is ready to run. Also stored for repeats under the same
 * Idempotency-Key.
 */
export const createAnswer = z.object({
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
  price: z.string().describe("credits a part"),
  encoding: z.enum(["gsm7", "ucs2", "mixed"]).describe("of the filled texts; ucs2 has 70 characters per part instead of 160"),
  sender: z.string(),
  country: z.string(),
  deadline_s: count,
  costly_characters: z
    .array(costlyCharacter)
    .describe("characters of the text (not of the values) that make it more expensive, each with what GSM-7 has instead"),
});

export type CreateAnswer = z.infer<typeof createAnswer>;

// What POST /create answers: the wire form, also kept for repeats under the same Idempotency-Key.
import { z } from "zod";
import { rejectReasons } from "../../contracts/states.ts";

const count = z.number().int().nonnegative();

/** Rejects shown at once; GET /bulksms/{id}/rejects.csv has all. */
export const rejectsShownMax = 10;

export const createAnswer = z.object({
  id: z.uuid(),
  name: z.string(),
  status: z.literal("ready"),
  contacts: count.describe("messages that will be sent; contacts + rejected = rows of the file"),
  rejected: count,
  rejects: z.partialRecord(z.enum(rejectReasons), count).describe("how many rows were rejected for each reason"),
  rejects_sample: z
    .array(z.object({ line: count, reason: z.enum(rejectReasons), value: z.string() }))
    .describe(`the first ${rejectsShownMax} rejects`),
  parts: count.describe("SMS parts of all messages: what a run reserves and charges at most"),
  cost: z.string().describe("credits that a run reserves, as a decimal string"),
  price: z.string().describe("credits a part"),
  encoding: z.enum(["gsm7", "ucs2", "mixed"]).describe("of the filled texts; ucs2 has 70 characters a part instead of 160"),
  sender: z.string(),
  country: z.string(),
  deadline_s: count,
  costly_characters: z
    .array(
      z.object({
        character: z.string(),
        code_point: z.string(),
        effect: z.enum(["forces_ucs2", "costs_two"]),
        count,
        suggestion: z.string().nullable(),
      }),
    )
    .describe("characters of the text (not of the values) that make it dearer, each with what GSM-7 has instead"),
});

export type CreateAnswer = z.infer<typeof createAnswer>;

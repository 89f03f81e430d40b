// What a file and a text would become: the answer of POST /quote, and what POST /create says of the
// file that it read. Written by salesapi; read by the console and the command line before anything
// is paid for.
import { z } from "zod";
import { carrierAnswer } from "./carriers.ts";
import { partPrice } from "./prices.ts";
import { fileEncodings, rejectReasons } from "./states.ts";

const count = z.number().int().nonnegative();

/** How the file was read. */
export const fileAnswer = z.object({
  kind: z.enum(["csv", "xlsx"]),
  encoding: z.enum(fileEncodings).nullable().describe("of a CSV file; null for a workbook"),
  encoding_reason: z.string().nullable().describe("why this encoding, in one sentence"),
  sheet: z.string().nullable().describe("of a workbook: the sheet whose rows these are"),
  sheets: z.array(z.string()).describe("names of all its sheets, in the order of their tabs"),
  hidden_rows: count.describe("rows that are hidden or filtered out in the workbook and were left out"),
  hidden_columns: z
    .array(z.string())
    .describe("names (or letters) of columns that are hidden in the workbook, hold something and were left out; the first 50"),
});

export const phoneColumnAnswer = z.object({
  name: z.string(),
  number: count.describe("from 1"),
  why: z.enum(["named", "only_numbers", "mobile_header", "first_numbers", "header", "cells"]),
  description: z.string(),
});

export const costlyCharacter = z.object({
  character: z.string(),
  code_point: z.string(),
  effect: z.enum(["forces_ucs2", "costs_two"]),
  count,
  suggestion: z.string().nullable().describe("what GSM-7 has instead; empty: it can simply be dropped; null: nothing similar"),
});

const costlySource = z.object({
  characters: z.array(costlyCharacter),
  extra_parts: count.describe("parts that would be saved if each of them were replaced as suggested, here alone"),
  extra_cost: z.string().describe("the same in credits"),
});

/** Lines shown for each reason of a reject. */
export const rejectLinesShownMax = 10;
/** Filled texts shown. */
export const samplesShownMax = 3;
/** Different costly characters named of the text, and of the cells. */
export const costlyCharactersShownMax = 50;

/** 200 of POST /quote. Money is decimal strings of credits. */
export const quoteAnswer = z.object({
  file: fileAnswer,
  phone_column: phoneColumnAnswer,
  rows: count.describe("contacts + rejected; hidden rows are not among them"),
  contacts: count.describe("messages that would be sent"),
  rejected: count,
  rejects: z
    .partialRecord(
      z.enum(rejectReasons),
      z.object({
        count,
        first: z.array(z.object({ line: count, value: z.string() })).describe(`the first ${rejectLinesShownMax} of them`),
      }),
    )
    .describe("rows that would not be texted, by reason"),
  landlines: count.describe("of the rejected: numbers that cannot receive texts (`msisdn_not_mobile`)"),
  duplicates: count.describe("of the rejected: rows with a number that an earlier row has"),
  empty_values: z
    .array(z.object({ column: z.string(), rows: count, treated_as: z.enum(["rejected", "default", "sent_empty"]) }))
    .describe("columns of the text that are empty, `#N/A` or similar in some rows, and what becomes of those rows"),
  countries: z
    .array(z.object({ country: z.string().nullable(), contacts: count, parts: count, cost: z.string() }))
    .describe("ISO 3166 letters, most contacts first; null: a number of no single country"),
  costly_characters: z
    .object({ text: costlySource, cells: costlySource, extra_parts: count, extra_cost: z.string() })
    .describe("those of the text and of the cells that fill it; `extra_parts` beside them: saved when both were replaced"),
  samples: z
    .array(z.object({ line: count, text: z.string(), parts: count }))
    .describe(`the first ${samplesShownMax} texts as they would be read`),
  parts: count,
  price: partPrice,
  cost: z.string().describe("credits that a run would reserve"),
  carrier: carrierAnswer,
  encoding: z.enum(["gsm7", "ucs2", "mixed"]).describe("of the filled texts"),
  sender: z.string(),
  country: z.string(),
  deadline_s: count,
});

export type FileAnswer = z.infer<typeof fileAnswer>;
export type QuoteAnswer = z.infer<typeof quoteAnswer>;

/**
 * `expect` of POST /run: what the caller was shown. More than any of it is 409 `quote_changed`, and
 * nothing runs.
 */
export const runExpectation = z
  .strictObject({
    contacts: count.optional().describe("at most this many messages"),
    parts: count.optional().describe("at most this many parts"),
    cost_max: z
      .string()
      .regex(/^\d{1,15}(\.\d{1,3})?$/, "a decimal string of credits, such as 494.2")
      .optional()
      .describe("credits at most"),
    carrier: carrierAnswer
      .optional()
      .describe("this carrier; with `simulated` true also that no phone is reached: otherwise 409 `carrier_changed`, and nothing runs"),
  })
  .refine((expected) => Object.values(expected).some((value) => value !== undefined), {
    message: "needs contacts, parts, cost_max or carrier",
  });
export type RunExpectation = z.infer<typeof runExpectation>;

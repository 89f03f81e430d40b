// What the simulator answers about messages, batches and itself. (Submits and receipts:
// receipts.ts; the weather: simulator_weather.ts.)
import { z } from "zod";
import { networkEnds } from "./simulator_journal.ts";

const instant = z.iso.datetime();
const count = z.number().int().nonnegative();

/** 200 of GET /messages/{reference}: how far the message has come in the network. */
export const simulatedMessageAnswer = z.object({
  reference: z.string(),
  verdict: z.enum(["accepted", "rejected"]),
  state: z.enum(["accepted", "rejected", "sent", ...networkEnds]),
  error_code: z.string().nullable(),
  parts: count,
  accepted_at: instant,
  valid_until: instant,
  sent_at: instant.nullable(),
  ended_at: instant.nullable(),
  receipts_answered: z.array(z.string()),
  repeats: count,
  repeats_differing: count,
});
export type SimulatedMessageAnswer = z.infer<typeof simulatedMessageAnswer>;

/** Of one batch, from the journal. */
export const batchStatistics = z.object({
  batch_id: z.string(),
  accepted: count,
  rejected: count,
  sent: count,
  parts_sent: count,
  delivered: count,
  undelivered: count,
  failed: count,
  receipts_answered: count,
  repeats: count,
  repeats_differing: count,
});
export type BatchStatisticsAnswer = z.infer<typeof batchStatistics>;

/**
 * What an account has shown at most since the process started (contracts/simulator_accounts.ts).
 */
const accountPeaks = z.object({
  binds: count.describe("SMPP: now"),
  binds_most: count,
  in_flight: count.describe("message parts that wait for the answer to their submit: now"),
  in_flight_most: count,
  parts_per_second_most: count.describe("in any second, those included that were refused for their rate"),
});
export type AccountPeaks = z.infer<typeof accountPeaks>;

/** Of all batches, since the process started. */
export const processStatistics = z.object({
  since: instant,
  accepted: count,
  rejected: count,
  repeats: count,
  repeats_differing: count,
  throttled: count,
  sent: count,
  parts_sent: count,
  ended: count,
  receipts_emitted: count,
  receipts_answered: count,
  receipts_given_up: count,
  receipts_pending: count,
  unfinished: count,
  accounts: z.record(z.string(), accountPeaks).describe("by account: `smpp:<system_id>`, `twilio:<AccountSid>`"),
});

/** 200 of GET /statistics, with and without `batch_id`. */
export const simulatorStatisticsAnswer = z.union([batchStatistics, processStatistics]);

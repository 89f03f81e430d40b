// Answers of salesapi that show how a campaign went: statistics, the timeline of one message,
// anomalies. Read by salesapi and by the console's pages.
import { z } from "zod";
import { anomalyKinds, messageStatuses } from "./states.ts";
import { bulksmsProgressUpdate } from "./topics.ts";

const count = z.number().int().nonnegative();
const time = z.string().describe("RFC 3339");

/** Percentiles in ms over `rows` sampled messages; null when none has both times. */
const latency = z.object({ rows: count, p50_ms: z.number(), p90_ms: z.number(), p99_ms: z.number() }).nullable();

/** GET /bulksms/{id}/statistics */
export const statisticsAnswer = z.object({
  rows_sampled: count.describe("messages that were looked at, evenly spread over the file"),
  rows_total: count.describe("messages of the campaign; equal to rows_sampled when all were looked at"),
  errors: z
    .array(z.object({ error_code: z.string(), status: z.enum(messageStatuses), rows: count }))
    .describe("reasons of failure among the sampled messages, most frequent first"),
  submit_to_sent: latency,
  sent_to_delivered: latency,
  ended_in_doubt: count.describe(
    "messages of which the carrier never answered whether it has them: `expired`, uncharged, and they may have been sent",
  ),
});
export type StatisticsAnswer = z.infer<typeof statisticsAnswer>;

/** The steps of a message in their order; a message that failed never reaches the later ones. */
export const timelineStepNames = ["imported", "held", "leased", "submitted", "accepted", "sent", "charged", "done"] as const;

/** One step of a message's timeline. */
export const timelineStep = z.object({
  step: z.enum(timelineStepNames),
  reached: z.boolean(),
  at: time.nullable().describe("null: not reached, or its time is not stored"),
  process: z.string().describe("the process that took it"),
  description: z.string().describe("what happened there"),
});
export type TimelineStep = z.infer<typeof timelineStep>;

/** Why a message was charged, or why not. */
export const messageCharge = z.object({
  parts: count,
  amount: z.string().describe("credits that this message costs when it is sent, as a decimal string"),
  is_charged: z.boolean().describe("its sent parts are in the ledger"),
  transfer_id: z.uuid().nullable().describe("the ledger's entry that its parts are in, together with others sent in the same moment"),
  description: z.string(),
});
export type MessageCharge = z.infer<typeof messageCharge>;

/** One message as lists show it. */
export const messageAnswer = z.object({
  row_no: z.number().int(),
  msisdn: z.string(),
  parts: z.number().int(),
  status: z.enum(messageStatuses),
  error_code: z.string().nullable(),
  sent_at: time.nullable(),
  done_at: time.nullable(),
});
export type MessageAnswer = z.infer<typeof messageAnswer>;

/**
 * 200 of GET /bulksms/{id}/messages, in the order of the file. `next_cursor` null: there are no
 * more; with a filter a page may be short although there are.
 */
export const messagesPage = z.object({ messages: z.array(messageAnswer), next_cursor: z.number().int().nullable() });
export type MessagesPage = z.infer<typeof messagesPage>;

/** 200 of GET /bulksms/{id}/messages/{row_no} */
export const messageTimelineAnswer = messageAnswer.extend({
  way: z.array(timelineStep).describe("its steps in their order, reached or not"),
  charge: messageCharge,
  anomalies: z.array(z.object({ receipt_id: z.string(), kind: z.enum(anomalyKinds), status: z.string(), at: time })),
});
export type MessageTimelineAnswer = z.infer<typeof messageTimelineAnswer>;

/** 200 of GET /internal/progress/{id}, which webapi asks for its snapshots. */
export const progressAnswer = z.object({ workspace_id: z.uuid(), update: bulksmsProgressUpdate });

/** One receipt that no row could take. */
export const anomaly = z.object({
  receipt_id: z.string(),
  row_no: count.nullable(),
  kind: z.enum(anomalyKinds),
  status: z.string().describe("what the carrier said"),
  error_code: z.string().nullable(),
  message_status: z.enum(messageStatuses).nullable().describe("the message's state then"),
  at: time,
});

/** GET /bulksms/{id}/anomalies: by row; none of another campaign. */
export const anomaliesAnswer = z.object({ anomalies: z.array(anomaly), next_cursor: z.string().nullable() });
export type AnomaliesAnswer = z.infer<typeof anomaliesAnswer>;

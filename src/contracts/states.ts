// The life of a message and of a campaign: the words, their order, what each implies. Read by
// campaign (writes them), carrier (reports them), laws (checks them), cli and console (show them).

/**
 * Message states, in the order of the Postgres enum `message_status`. A state only grows, and never
 * leaves a final one: every writer's guard is `status < 'failed' and status < new`.
 *
 *   pending  -> unknown | queued | canceled
 *   unknown  -> queued | sent | any final
 *   queued   -> sent | any final
 *   sent     -> undelivered | delivered | expired
 */
export const messageStatuses = [
  "pending",
  "unknown",
  "queued",
  "sent",
  "failed",
  "undelivered",
  "delivered",
  "expired",
  "canceled",
] as const;
export type MessageStatus = (typeof messageStatuses)[number];

/** The words that a receipt may say. */
export const receiptStatuses = ["queued", "sent", "failed", "undelivered", "delivered"] as const;
export type ReceiptStatus = (typeof receiptStatuses)[number];

/**
 * Which receipts a state implies: such a receipt is no news to a message in that state, and no
 * contradiction.
 */
export const impliedReceipts: Record<MessageStatus, readonly ReceiptStatus[]> = {
  pending: [],
  unknown: [],
  queued: ["queued"],
  sent: ["queued", "sent"],
  failed: ["queued", "failed"],
  undelivered: ["queued", "sent", "failed", "undelivered"],
  delivered: ["queued", "sent", "delivered"],
  expired: [],
  canceled: [],
};

/** States that mean that the message's parts were sent, so they are charged. */
export const chargedStatuses = ["sent", "undelivered", "delivered"] as const satisfies readonly MessageStatus[];

export const firstFinalStatus = "failed" satisfies MessageStatus;

/**
 * Campaign states.
 *
 *   importing -> ready | import_failed
 *   ready     -> reserving | canceled
 *   reserving -> running | ready (credit short) | canceling
 *   running  <-> paused
 *   running, paused -> settling | canceling
 *   canceling -> canceled
 *   settling  -> finished
 */
export const bulksmsStatuses = [
  "importing",
  "import_failed",
  "ready",
  "reserving",
  "running",
  "paused",
  "canceling",
  "settling",
  "finished",
  "canceled",
] as const;
export type BulksmsStatus = (typeof bulksmsStatuses)[number];

/** Campaign states that no step leaves any more. */
export const endedBulksmsStatuses = ["import_failed", "finished", "canceled"] as const satisfies readonly BulksmsStatus[];

/**
 * Why a receipt was kept aside. `late`: the message had ended by our own hand (expired, canceled)
 * before it came.
 */
export const anomalyKinds = ["late", "contradiction", "unknown_reference", "unknown_status", "malformed"] as const;
export type AnomalyKind = (typeof anomalyKinds)[number];

/** Why a row of a CSV file cannot be texted. */
export const rejectReasons = [
  "msisdn_missing",
  "msisdn_letters",
  "msisdn_too_short",
  "msisdn_too_long",
  "msisdn_spreadsheet_number",
  "msisdn_invalid",
  "msisdn_not_mobile",
  "duplicate",
  "value_empty",
  "text_empty",
  "text_too_many_parts",
] as const;
export type RejectReason = (typeof rejectReasons)[number];

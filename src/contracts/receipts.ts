// Between us and a carrier, both ways over HTTP: the submit (sales_worker -> carrier) and the
// receipt (carrier -> salesapi). A message's reference is `<batch_id>.<row_no>`; ours are
// (bulksms_id, row_no).
import { z } from "zod";
import { receiptStatuses } from "./states.ts";

/** 2^31 - 1: row numbers are Postgres integers. */
export const rowNoMax = 2_147_483_647;
/**
 * One body holds one chunk: 1,000 by default; the carrier refuses more than this (413 by size comes
 * first).
 */
export const submitMessagesMax = 10_000;
/** Receipts in one body. */
export const receiptsPerBodyMax = 1_000;

const rowNo = z.number().int().min(1).max(rowNoMax);

/**
 * POST /messages of a carrier. Header `Authorization: Bearer <carrier key>`. `text` of a message
 * overrides the body's. Idempotent by reference: a repeat gets the first verdict again.
 */
export const submitRequest = z.strictObject({
  batch_id: z.uuid(),
  sender: z.string().min(1).max(16),
  text: z.string().max(2_000).optional(),
  /** RFC 3339; nothing is sent after it. */
  valid_until: z.iso.datetime(),
  messages: z
    .array(
      z.strictObject({
        row_no: rowNo,
        to: z.string().regex(/^\+\d{7,15}$/),
        parts: z.number().int().min(1).max(255),
        text: z.string().max(2_000).optional(),
      }),
    )
    .min(1)
    .max(submitMessagesMax),
});
export type SubmitRequest = z.infer<typeof submitRequest>;

/**
 * 200: every message of the body that is not listed as rejected is accepted. Both verdicts are
 * journaled and final.
 */
export const submitResponse = z.object({
  batch_id: z.uuid(),
  accepted: z.number().int().nonnegative(),
  rejected: z.array(z.object({ row_no: rowNo, error_code: z.string().max(64) })),
});
export type SubmitResponse = z.infer<typeof submitResponse>;

/**
 * One receipt (DLR). `id` stays the same on every retry and on every duplicated delivery of the
 * same receipt. POST /receipts/{carrier} of salesapi takes one, or `{"receipts": [...]}`; 2xx: all
 * of them are committed.
 */
export const receipt = z.object({
  id: z.string().min(1).max(128),
  reference: z.string().min(1).max(128),
  status: z.enum(receiptStatuses),
  error_code: z.string().max(64).optional(),
  /** RFC 3339, when it happened in the network. */
  at: z.iso.datetime(),
});
export type Receipt = z.infer<typeof receipt>;

/** 200 of POST /receipts/{carrier}: so many are committed, all of the body. */
export const receiptsAnswer = z.object({ committed: z.number().int().nonnegative() });
export type ReceiptsAnswer = z.infer<typeof receiptsAnswer>;

/**
 * Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`,
 * base64, prefix `v1,`.
 */
export const webhookHeaders = { id: "webhook-id", timestamp: "webhook-timestamp", signature: "webhook-signature" } as const;
/** A signature older or newer than this is refused. */
export const webhookToleranceS = 300;

/** Why the network did not deliver. `permanent`: trying the same number again is in vain. */
export const carrierErrors = {
  absent_subscriber: { status: "undelivered", isPermanent: false, description: "phone off or out of reach" },
  memory_full: { status: "undelivered", isPermanent: false, description: "handset memory full" },
  unknown_subscriber: { status: "undelivered", isPermanent: true, description: "number not in use" },
  barred: { status: "undelivered", isPermanent: true, description: "barred, blocked or opted out" },
  network_failure: { status: "undelivered", isPermanent: false, description: "network failure" },
  expired_in_network: { status: "undelivered", isPermanent: false, description: "validity ended in the network" },
  no_sms_service: { status: "failed", isPermanent: true, description: "no SMS service, landline" },
  sender_not_registered: { status: "failed", isPermanent: true, description: "sender not registered" },
  flooding_filter: { status: "failed", isPermanent: false, description: "flooding filter" },
} as const;
export type CarrierErrorCode = keyof typeof carrierErrors;

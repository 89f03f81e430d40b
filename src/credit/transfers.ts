// What a transfer of credit is: limits of an amount, and ids that follow from what is transferred,
// so that a repeat has the same id.
import { createHash } from "node:crypto";
import { AppError } from "../contracts/errors.ts";

/**
 * Largest amount of one transfer: 10^12 credits. Larger is a slip of the keyboard, not a purchase.
 */
export const amountMilliMax = 1_000_000_000_000_000n;
/**
 * A workspace's available + held + spent together stay below this, so that no sum ever leaves a
 * bigint (9.2 x 10^18).
 */
export const balanceMilliMax = 1_000_000_000_000_000_000n;

/** @throws AppError amount_invalid unless 0 < amount <= amountMilliMax */
export function assertAmount(amountMilli: bigint): void {
  if (amountMilli <= 0n) throw new AppError("amount_invalid", "An amount must be above zero.");
  if (amountMilli > amountMilliMax) throw new AppError("amount_invalid", "An amount must not be above 1,000,000,000,000 credits.");
}

/**
 * The transfer id of `purpose` that belongs to `source`: a UUIDv8 (RFC 9562, section 5.8) whose
 * bits are the SHA-256 of both. Version 8 keeps derived ids apart from the UUIDv7 of outbox rows.
 */
export function deriveTransferId(purpose: "hold" | "release" | "top_up", ...source: string[]): string {
  // lengths in front, so that two different sources never spell the same bytes
  const text = [purpose, ...source].map((part) => `${part.length}:${part}`).join("");
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Whether Postgres takes the text as a uuid in its usual form. */
export function isUuid(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);
}

/**
 * RFC 9562, section 5.7: version 7, variant 10. What callers outside ds draw holds and transfers
 * from.
 */
export function isUuidV7(text: string): boolean {
  return /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.test(text);
}

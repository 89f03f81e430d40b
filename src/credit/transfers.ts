// Transfers of credit: limits of an amount, and ids derived from what is transferred, so that a
// repeat has the same id.
import { createHash } from "node:crypto";
import { AppError } from "../contracts/errors.ts";
import { uuidOf } from "../platform/ids.ts";

/** Largest amount of one transfer: 10^12 credits. Anything larger is a typo. */
export const amountMilliMax = 1_000_000_000_000_000n;
/**
 * Upper bound of available + held + spent of a workspace, so that no sum overflows a bigint (9.2 x
 * 10^18).
 */
export const balanceMilliMax = 1_000_000_000_000_000_000n;

/** @throws AppError amount_invalid unless 0 < amount <= amountMilliMax */
export function assertAmount(amountMilli: bigint): void {
  if (amountMilli <= 0n) throw new AppError("amount_invalid", "An amount must be above zero.");
  if (amountMilli > amountMilliMax) throw new AppError("amount_invalid", "An amount must not be above 1,000,000,000,000 credits.");
}

/**
 * The id of the transfer of kind `purpose` that belongs to `source`: a UUIDv8 (RFC 9562, section
 * 5.8) whose bits are the SHA-256 of both. Version 8 keeps derived ids apart from the UUIDv7 of
 * outbox rows.
 */
export function deriveTransferId(purpose: "hold" | "release" | "top_up", ...source: string[]): string {
  // prefixed with lengths, so that two different sources never produce the same bytes
  const text = [purpose, ...source].map((part) => `${part.length}:${part}`).join("");
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  return uuidOf(bytes, 8);
}

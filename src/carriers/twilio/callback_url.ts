// The address to which Twilio reports a message: ours, with the message's reference and our mark
// on it. So a report names its message even if the answer to its submit was lost, and nobody else
// can name one.
import { createHmac, timingSafeEqual } from "node:crypto";

/** Name of the query parameter. */
export const tokenParameter = "m";
const markBytes = 16;

/** `<reference>.<mark>`: what stands in the query. */
export function signReference(key: string, reference: string): string {
  return `${reference}.${markOf(key, reference).toString("base64url")}`;
}

/** The reference of a token that one of the keys signed; null for any other text. */
export function readReference(keys: readonly string[], token: string): string | null {
  const at = token.lastIndexOf(".");
  if (at <= 0 || token.length > 512) return null;
  const reference = token.slice(0, at);
  const given = Buffer.from(token.slice(at + 1), "base64url");
  const isOurs = keys.some((key) => given.length === markBytes && timingSafeEqual(given, markOf(key, reference)));
  return isOurs ? reference : null;
}

function markOf(key: string, reference: string): Buffer {
  return createHmac("sha256", key).update(`twilio callback ${reference}`).digest().subarray(0, markBytes);
}

/**
 * @param receiptsUrl address of our receipts as Twilio reaches it
 * @param token of signReference
 */
export function callbackUrl(receiptsUrl: string, token: string): string {
  const url = new URL(receiptsUrl);
  url.searchParams.set(tokenParameter, token);
  return url.toString();
}

// Signatures of webhooks: Standard Webhooks, HMAC-SHA256 over `id.timestamp.body`
// (https://www.standardwebhooks.com). Of receipts: the simulator signs, salesapi verifies. Of
// callbacks: sales_worker signs.
import { createHmac, timingSafeEqual } from "node:crypto";
import { webhookHeaders, webhookToleranceS } from "../../contracts/receipts.ts";

/** Signatures accepted in one header: two secrets may be valid at once, a few more do no harm. */
const signaturesMax = 8;

/** As `signWebhook`, with several secrets at once while one gives way to another. */
export function signWithAll(attempt: {
  secrets: readonly string[];
  id: string;
  timestampS: number;
  body: Buffer | string;
}): Record<string, string> {
  const { secrets, ...signed } = attempt;
  if (secrets.length === 1) return signWebhook({ ...signed, secret: secrets[0] as string });
  const all = secrets.map((secret) => signWebhook({ ...signed, secret }));
  return { ...all[0], [webhookHeaders.signature]: all.map((headers) => headers[webhookHeaders.signature]).join(" ") };
}

/** The three headers of one attempt; sign each attempt anew. */
export function signWebhook(attempt: { secret: string; id: string; timestampS: number; body: Buffer | string }): Record<string, string> {
  return {
    [webhookHeaders.id]: attempt.id,
    [webhookHeaders.timestamp]: String(attempt.timestampS),
    [webhookHeaders.signature]: `v1,${mac(attempt.secret, attempt.id, String(attempt.timestampS), attempt.body).toString("base64")}`,
  };
}

/**
 * Whether one of the secrets signed exactly this body, at a time within the tolerance around
 * `nowS`.
 */
export function verifyWebhook(attempt: {
  secrets: readonly string[];
  headers: Readonly<Record<string, string | string[] | undefined>>;
  body: Buffer | string;
  nowS: number;
}): boolean {
  const id = attempt.headers[webhookHeaders.id];
  const timestamp = attempt.headers[webhookHeaders.timestamp];
  const signatures = attempt.headers[webhookHeaders.signature];
  if (typeof id !== "string" || typeof timestamp !== "string" || typeof signatures !== "string") return false;
  if (!/^\d{1,12}$/.test(timestamp) || Math.abs(attempt.nowS - Number(timestamp)) > webhookToleranceS) return false;
  const given = signatures.includes(" ") ? signatures.split(" ", signaturesMax) : [signatures];
  return attempt.secrets.some((secret) => {
    const expected = mac(secret, id, timestamp, attempt.body);
    return given.some((signature) => isEqual(signature, expected));
  });
}

function isEqual(signature: string, expected: Buffer): boolean {
  if (!signature.startsWith("v1,")) return false;
  const given = Buffer.from(signature.slice(3), "base64");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/** A secret `whsec_...` is base64, as the standard says; any other is used as it is. */
function mac(secret: string, id: string, timestamp: string, body: Buffer | string): Buffer {
  const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : secret;
  return createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest();
}

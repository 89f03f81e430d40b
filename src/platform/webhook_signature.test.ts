import { createHmac } from "node:crypto";
import { expect, test } from "vitest";
import { signWebhook, verifyWebhook } from "./webhook_signature.ts";

const attempt = { secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", id: "msg_1", timestampS: 1_760_000_000, body: '{"status":"sent"}' };
const headers = signWebhook(attempt);
const verify = (change: object) =>
  verifyWebhook({ secrets: [attempt.secret], headers, body: attempt.body, nowS: attempt.timestampS, ...change });

test("a signature is the standard's: base64 HMAC-SHA256 of id.timestamp.body under the decoded secret", () => {
  const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
  const expected = createHmac("sha256", key).update(`msg_1.1760000000.${attempt.body}`).digest("base64");
  expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
  expect(verify({})).toBe(true);
});

test("a changed body, id, time or secret is refused", () => {
  expect(verify({ body: '{"status":"failed"}' })).toBe(false);
  expect(verify({ headers: { ...headers, "webhook-id": "msg_2" } })).toBe(false);
  expect(verify({ headers: { ...headers, "webhook-timestamp": "1760000001" } })).toBe(false);
  expect(verify({ secrets: ["another secret"] })).toBe(false);
  expect(verify({ secrets: [] })).toBe(false);
});

test("an attempt more than 300 s off is refused, in both directions", () => {
  expect(verify({ nowS: attempt.timestampS + 300 })).toBe(true);
  expect(verify({ nowS: attempt.timestampS + 301 })).toBe(false);
  expect(verify({ nowS: attempt.timestampS - 301 })).toBe(false);
});

test("while secrets are rotated, either of two is enough", () => {
  expect(verify({ secrets: ["the new secret", attempt.secret] })).toBe(true);
  const both = `v1,AAAA ${headers["webhook-signature"]}`;
  expect(verify({ headers: { ...headers, "webhook-signature": both } })).toBe(true);
});

test.each(["webhook-id", "webhook-timestamp", "webhook-signature"])("a missing or malformed %s is refused", (name) => {
  const { [name]: _dropped, ...rest } = headers;
  expect(verify({ headers: rest })).toBe(false);
  expect(verify({ headers: { ...headers, [name]: "" } })).toBe(false);
  expect(verify({ headers: { ...headers, [name]: "x".repeat(10_000) } })).toBe(false);
});

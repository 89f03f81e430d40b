import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { signWebhook, verifyWebhook } from "./webhook_signature.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
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

test(`any flipped bit of body, id, time, signature or secret is refused, whatever is signed (seed ${seed})`, () => {
  const printable = fc.string({ unit: fc.constantFrom(..."abcXYZ0189_-."), minLength: 1, maxLength: 40 });
  const signed = fc.record({
    secret: fc.oneof(
      printable,
      fc.uint8Array({ minLength: 8, maxLength: 32 }).map((raw) => `whsec_${Buffer.from(raw).toString("base64")}`),
    ),
    id: printable,
    timestampS: fc.integer({ min: 1, max: 2 ** 32 }),
    body: fc.uint8Array({ minLength: 1, maxLength: 300 }).map((raw) => Buffer.from(raw)),
  });
  const flipped = (bytes: Buffer, bit: number): Buffer => {
    const copy = Buffer.from(bytes);
    const at = bit % (copy.length * 8);
    copy[at >> 3] = (copy[at >> 3] as number) ^ (1 << (at & 7));
    return copy;
  };
  const flippedText = (text: string, bit: number) => flipped(Buffer.from(text), bit).toString("latin1");
  fc.assert(
    fc.property(signed, fc.nat(), (given, bit) => {
      const right = { secrets: [given.secret], headers: signWebhook(given), body: given.body, nowS: given.timestampS };
      expect(verifyWebhook(right)).toBe(true);
      expect(verifyWebhook({ ...right, body: flipped(given.body, bit) })).toBe(false);
      expect(verifyWebhook({ ...right, body: given.body.subarray(1) })).toBe(false);
      expect(verifyWebhook({ ...right, headers: { ...right.headers, "webhook-id": flippedText(given.id, bit) } })).toBe(false);
      const time = flippedText(String(given.timestampS), bit);
      expect(verifyWebhook({ ...right, nowS: Number(time) || 0, headers: { ...right.headers, "webhook-timestamp": time } })).toBe(false);
      const mac = Buffer.from((right.headers["webhook-signature"] as string).slice(3), "base64");
      const signature = `v1,${flipped(mac, bit).toString("base64")}`;
      expect(verifyWebhook({ ...right, headers: { ...right.headers, "webhook-signature": signature } })).toBe(false);
      expect(
        verifyWebhook({
          ...right,
          secrets: [`x${given.secret}`, given.secret.toLowerCase() === given.secret ? "another" : given.secret.toLowerCase()],
        }),
      ).toBe(false);
    }),
    { seed, numRuns: randomRuns(200) },
  );
});

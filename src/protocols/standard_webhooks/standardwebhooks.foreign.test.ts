// Our Standard Webhooks against the reference implementation, `standardwebhooks` from npm, in both
// directions: what one side signs, the other takes; what was changed on the way, both refuse. And
// against openssl, which a receiver without a library has.
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { Webhook, WebhookVerificationError } from "standardwebhooks";
import { expect, test } from "vitest";
import { requirePeer } from "../../../testing/peers.ts";
import { signWebhook, verifyWebhook } from "./webhook_signature.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
// the reference reads the machine's clock, and takes the times that lie within five minutes of it
const nowS = Math.floor(Date.now() / 1_000);

const attempts = fc.record({
  key: fc.uint8Array({ minLength: 1, maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  id: fc.string({ unit: fc.constantFrom(..."abcXYZ0189_-"), minLength: 1, maxLength: 40 }),
  timestampS: fc.integer({ min: nowS - 60, max: nowS + 60 }),
  body: fc.string({ unit: "grapheme", maxLength: 200 }),
});
const withPrefix = (key: Buffer): string => `whsec_${key.toString("base64")}`;
const changedBody = (body: string): string => `${body} `;

/** The reference throws on a wrong signature; whatever else it throws is a defect of the test. */
function isTaken(reference: Webhook, body: string, headers: Record<string, string>): boolean {
  try {
    reference.verify(body, headers, { jsonParse: false });
    return true;
  } catch (error) {
    if (error instanceof WebhookVerificationError) return false;
    throw error;
  }
}

test(`the reference takes what we sign, and refuses it changed (seed ${seed})`, () => {
  fc.assert(
    fc.property(attempts, ({ key, id, timestampS, body }) => {
      const reference = new Webhook(withPrefix(key));
      const headers = signWebhook({ secret: withPrefix(key), id, timestampS, body });
      expect(isTaken(reference, body, headers)).toBe(true);
      expect(isTaken(reference, changedBody(body), headers)).toBe(false);
      expect(isTaken(reference, body, { ...headers, "webhook-id": `${id}x` })).toBe(false);
      expect(isTaken(reference, body, { ...headers, "webhook-timestamp": String(timestampS + 1) })).toBe(false);
    }),
    { seed },
  );
});

test(`we take what the reference signs, and refuse it changed (seed ${seed})`, () => {
  fc.assert(
    fc.property(attempts, ({ key, id, timestampS, body }) => {
      const signature = new Webhook(withPrefix(key)).sign(id, new Date(timestampS * 1_000), body);
      const headers = { "webhook-id": id, "webhook-timestamp": String(timestampS), "webhook-signature": signature };
      const given = { secrets: [withPrefix(key)], headers, body, nowS };
      expect(verifyWebhook(given)).toBe(true);
      expect(verifyWebhook({ ...given, body: changedBody(body) })).toBe(false);
      expect(verifyWebhook({ ...given, headers: { ...headers, "webhook-id": `${id}x` } })).toBe(false);
      expect(verifyWebhook({ ...given, secrets: [withPrefix(Buffer.concat([key, Buffer.from("x")]))] })).toBe(false);
    }),
    { seed },
  );
});

test("a secret without whsec_ is raw bytes to us: the reference agrees when told so", () => {
  const secret = "a secret that is not base64, such as BULKSMS_RECEIPT_SECRETS may hold";
  const attempt = { secret, id: "msg_1", timestampS: nowS, body: "{}" };
  const reference = new Webhook(secret, { format: "raw" });
  const headers = signWebhook(attempt);
  expect(isTaken(reference, attempt.body, headers)).toBe(true);
  expect(reference.sign(attempt.id, new Date(nowS * 1_000), attempt.body)).toBe(headers["webhook-signature"]);
});

test("both take a signature among several, as a rotation of secrets sends them", () => {
  const [older, newer] = [withPrefix(Buffer.from("the older one")), withPrefix(Buffer.from("the newer one"))];
  const attempt = { id: "msg_1", timestampS: nowS, body: "{}" };
  const [first, second] = [older, newer].map((secret) => signWebhook({ ...attempt, secret }));
  const headers = { ...first, "webhook-signature": `${first?.["webhook-signature"]} ${second?.["webhook-signature"]}` };
  for (const secret of [older, newer]) {
    expect(isTaken(new Webhook(secret), attempt.body, headers)).toBe(true);
    expect(verifyWebhook({ secrets: [secret], headers, body: attempt.body, nowS })).toBe(true);
  }
});

test("both refuse an attempt that is more than five minutes off", () => {
  const secret = withPrefix(Buffer.from("some key"));
  for (const offS of [-400, 400]) {
    const headers = signWebhook({ secret, id: "msg_1", timestampS: nowS + offS, body: "{}" });
    expect(isTaken(new Webhook(secret), "{}", headers)).toBe(false);
    expect(verifyWebhook({ secrets: [secret], headers, body: "{}", nowS })).toBe(false);
  }
});

test("openssl computes our signature from the decoded secret", ({ skip }) => {
  const openssl = requirePeer("openssl", { skip });
  const key = Buffer.from("a key of any bytes: \u0000\u00ff");
  const body = '{"text":"Äiti & isä"}';
  const headers = signWebhook({ secret: withPrefix(key), id: "msg_1", timestampS: nowS, body });
  const options = ["dgst", "-sha256", "-mac", "HMAC", "-macopt", `hexkey:${key.toString("hex")}`, "-binary"];
  const mac = execFileSync(openssl, options, { input: `msg_1.${nowS}.${body}` });
  expect(headers["webhook-signature"]).toBe(`v1,${mac.toString("base64")}`);
});

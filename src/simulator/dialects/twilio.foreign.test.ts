// The Twilio endpoint and its callbacks with Twilio's own libraries: `twilio` from npm, and
// Debian's python3-twilio. The only thing that an application changes is the base address.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import twilio from "twilio";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { requirePeer } from "../../../testing/peers.ts";
import { startTestSimulator, type TestSimulator, twilioAccount } from "../../../testing/simulator_node.ts";
import { type CallbackReceiver, startCallbackReceiver } from "../../../testing/twilio_callbacks.ts";
import { signTwilioRequest } from "../../protocols/twilio/signature.ts";

const { sid: accountSid, token } = twilioAccount;
const forced = (digits: string): string => `+467017406${digits}`;

let simulator: TestSimulator;
let receiver: CallbackReceiver;

beforeAll(async () => {
  simulator = await startTestSimulator();
  receiver = await startCallbackReceiver(token);
});
afterAll(async () => {
  await simulator.stop();
  await receiver.close();
});

function client(authToken = token) {
  const opened = twilio(accountSid, authToken, { autoRetry: false });
  opened.api.baseUrl = simulator.url;
  return opened;
}

describe("twilio from npm", () => {
  test("creates, fetches, lists over pages, redacts and deletes", async () => {
    const api = client();
    const created = await api.messages.create({
      to: forced("10"),
      from: "Oulu",
      body: "Grüße 🙂",
      validityPeriod: 600,
      smartEncoded: true,
    });
    expect([created.status, created.body, created.from, created.numSegments]).toEqual(["queued", "Grüße 🙂", "Oulu", "1"]);
    expect(created.dateCreated.toISOString()).toMatch(/^20/);
    await expect.poll(async () => (await api.messages(created.sid).fetch()).status).toBe("delivered");
    for (let no = 0; no < 5; no++) await api.messages.create({ to: "+358401234567", from: "+46701740699", body: `text ${no}` });
    const listed = await api.messages.list({ to: "+358401234567", pageSize: 2 });
    expect(listed.map(({ body }) => body)).toEqual(["text 4", "text 3", "text 2", "text 1", "text 0"]);
    expect(await api.messages.list({ to: "+358401234567", dateSentAfter: new Date(Date.now() + 86_400_000) })).toEqual([]);
    expect((await api.messages(created.sid).update({ body: "" })).body).toBe("");
    expect(await api.messages(created.sid).remove()).toBe(true);
    await expect(api.messages(created.sid).fetch()).rejects.toMatchObject({ status: 404, code: 20404 });
  });

  test("reads our errors as its own", async () => {
    const create = (to: string, body = "x") => client().messages.create({ to, from: "Oulu", body });
    await expect(create("0401234567")).rejects.toMatchObject({
      status: 400,
      code: 21211,
      moreInfo: "https://www.twilio.com/docs/errors/21211",
    });
    await expect(create(forced("50"))).rejects.toMatchObject({ status: 400, code: 21614 });
    await expect(create(forced("10"), "x".repeat(1_601))).rejects.toMatchObject({ code: 21617 });
    await expect(client("wrong").messages.create({ to: forced("10"), from: "Oulu", body: "x" })).rejects.toMatchObject({
      status: 401,
      code: 20003,
    });
    await simulator.setWeather({ accounts: { [`twilio:${accountSid}`]: { throttled: { share: 1 } } } });
    await expect(create(forced("10"))).rejects.toMatchObject({ status: 429, code: 20429 });
    await simulator.setWeather({});
  });

  test.each(["/r", "/r?a=1&b=2", "/r?q=%20x&q=%C3%A4"])("takes the signature of a callback to %s", async (path) => {
    const { sid } = await client().messages.create({ to: forced("33"), from: "Oulu", body: "x", statusCallback: receiver.url + path });
    await receiver.until(() => receiver.statusesOf(sid).length === 2);
    for (const { callback, signature, fields } of receiver.received.filter((one) => one.callback.sid === sid)) {
      const params = Object.fromEntries(fields);
      expect(twilio.validateRequest(token, signature, receiver.url + path, params)).toBe(true);
      expect(twilio.validateRequest(token, signature, `${receiver.url}${path}x`, params)).toBe(false);
      expect(params.MessageStatus).toBe(callback.status);
    }
    expect(receiver.statusesOf(sid)).toEqual(["sent", "undelivered"]);
  });
});

const script = `
import json, sys
from twilio.rest import Client
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
url, sid, token, to = sys.argv[1:5]
client = Client(sid, token)
client.api.base_url = url
made = client.messages.create(to=to, from_="Oulu", body="Hyvää päivää", validity_period=600)
seen = client.messages(made.sid).fetch()
listed = [m.sid for m in client.messages.list(to=to, page_size=1)]
try:
    client.messages.create(to="123", from_="Oulu", body="x")
    error = None
except TwilioRestException as e:
    error = [e.status, e.code]
print(json.dumps({"sid": made.sid, "body": seen.body, "year": made.date_created.year, "first": listed[0], "count": len(listed), "error": error,
  "valid": RequestValidator(token).validate("https://a.example/r?x=1", {"B": "2", "A": "ä"}, sys.argv[5])}))
`;

/** Debian's own interpreter has Debian's packages, another one on PATH may not. */
async function pythonWithTwilio(onPath: string): Promise<string | null> {
  for (const python of ["/usr/bin/python3", onPath]) {
    const hasLibrary = promisify(execFile)(python, ["-c", "import twilio.rest"]).then(
      () => true,
      () => false,
    );
    if (await hasLibrary) return python;
  }
  return null;
}

test("python3-twilio creates, fetches, lists, reads errors and validates our signature", async (context) => {
  const python = await pythonWithTwilio(requirePeer("python", context));
  if (python === null) context.skip("python3-twilio is not installed");
  const signature = signTwilioRequest(token, "https://a.example/r?x=1", [
    ["B", "2"],
    ["A", "ä"],
  ]);
  const to = forced("11");
  const { stdout } = await promisify(execFile)(python as string, ["-c", script, simulator.url, accountSid, token, to, signature]);
  const said = JSON.parse(stdout) as Record<string, unknown>;
  expect(said).toEqual({
    ...{ sid: expect.stringMatching(/^SM/), body: "Hyvää päivää", year: new Date().getUTCFullYear(), first: said.sid, count: 1 },
    ...{ error: [400, 21211], valid: true },
  });
});

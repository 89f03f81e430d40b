// A link to Twilio against the simulator's endpoint and against servers that misbehave: every
// answer has its outcome, and what may have been accepted has none.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test } from "vitest";
import { startTestSimulator, type TestSimulator, twilioAccount } from "../../../testing/simulator_node.ts";
import { type CallbackReceiver, startCallbackReceiver } from "../../../testing/twilio_callbacks.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { type TwilioSettings, twilioSettings } from "../../contracts/carriers.ts";
import { simulatorSystemId } from "../../contracts/simulator_accounts.ts";
import { systemClock } from "../../platform/time/clock.ts";
import { formatForm, parseForm } from "../../protocols/twilio/form.ts";
import { signTwilioRequest } from "../../protocols/twilio/signature.ts";
import type { CarrierLink, CarrierMessage, LinkState, MessageOutcome } from "../link.ts";
import { openTwilioApi } from "./api.ts";
import { callbackUrl, readReference, signReference } from "./callback_url.ts";
import { type InDoubt, lookUp, pollMessage, pollWaitMs } from "./look_up.ts";
import { readTwilioInbound, readTwilioReceipt } from "./receipts.ts";
import { openTwilioLink, type TwilioLinkOptions } from "./twilio_link.ts";

const { sid: accountSid, token: authToken } = twilioAccount;
const referenceKey = "a key of the test";
const reference = (rowNo: number): string => `0192f0c1-2345-7abc-8def-0123456789ab.${rowNo}.1`;
/** A block that no operator assigns; the last two digits say how it ends. */
const forced = (digits: string): string => `467017406${digits}`;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const settingsOf = (changes: Record<string, unknown> = {}): TwilioSettings =>
  twilioSettings.parse({ protocol: "twilio", account_sid: accountSid, parts_per_second: 1_000, window: 10, ...changes });

interface TestLink {
  link: CarrierLink;
  states: LinkState[];
  outcomes: Map<number, MessageOutcome>;
  submit(...messages: Partial<CarrierMessage>[]): void;
}

let nextKey = 1;

function open(url: string, changes: Record<string, unknown> = {}, options: Partial<TwilioLinkOptions> = {}): TestLink {
  const states: LinkState[] = [];
  const outcomes = new Map<number, MessageOutcome>();
  // a link begins as if its share of the second were spent: here that second is over at once
  let skewMs = 0;
  const clock = { ...systemClock, steadyMs: () => performance.now() + skewMs };
  const link = openTwilioLink(
    { settings: settingsOf({ url, ...changes }), authToken, referenceKey, clock, ...options },
    { onCapacity: () => {}, onReceipt: async () => {}, onInbound: async () => {}, onState: (state) => states.push(state) },
  );
  skewMs = 2_000;
  closing.push(() => link.close(0));
  return {
    ...{ link, states, outcomes },
    submit(...messages) {
      const whole = messages.map((message): CarrierMessage => {
        const key = nextKey++;
        return {
          key,
          reference: reference(key),
          phone: forced("10"),
          sender: "Oulu",
          text: "Hello",
          validUntilMs: Date.now() + 60_000,
          ...message,
        };
      });
      link.submit(whole, (key, outcome) => {
        expect(outcomes.has(key), "an outcome comes once").toBe(false);
        outcomes.set(key, outcome);
      });
    },
  };
}
const isBound = ({ link, states }: TestLink) =>
  waitFor("the link to be bound", () => states.some(({ kind }) => kind === "bound") && link.capacity() > 0);
const hasOutcomes = ({ outcomes }: TestLink, count: number) => waitFor("the outcomes", () => outcomes.size === count);

async function simulate(changes: Record<string, string> = {}): Promise<TestSimulator> {
  const simulator = await startTestSimulator(changes);
  closing.push(() => simulator.stop());
  return simulator;
}

type Handler = (request: IncomingMessage, response: ServerResponse, form: ReturnType<typeof parseForm>) => void;

/** Lists are empty; each POST is handled by the test. */
async function serve(handle: Handler): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    if (request.method === "GET") response.writeHead(200, { "content-type": "application/json" }).end('{"messages":[]}');
    else void text(request).then((body) => handle(request, response, parseForm(body)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(() => stopServer(server));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
function stopServer(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}
const cutInTheMiddle: Handler = (_request, response) => {
  response.writeHead(201, { "content-length": "100" });
  response.write('{"sid":', () => response.socket?.destroy());
};
const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Handler => {
  return (_request, response) => response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};
const error = (status: number, code: number) => answer(status, { code, status, message: "no", more_info: "" });

describe("with the simulator", () => {
  test("messages are accepted under ids that it knows, and it is known to be the simulator", async () => {
    const simulator = await simulate();
    const link = open(simulator.url);
    await isBound(link);
    expect(link.states).toEqual([{ kind: "connecting" }, { kind: "bound", peer: simulatorSystemId }]);
    link.submit({}, { text: "Ä".repeat(200) }, { phone: forced("50") }, { phone: forced("51") });
    await hasOutcomes(link, 4);
    const [first, second, third, fourth] = [...link.outcomes].sort(([a], [b]) => a - b).map(([, outcome]) => outcome);
    expect(first).toEqual({ kind: "accepted", ids: [expect.stringMatching(/^SM[0-9a-f]{32}$/)] });
    expect(second).toMatchObject({ kind: "accepted" });
    expect([third, fourth]).toEqual([
      { kind: "rejected", errorCode: "no_sms_service" },
      { kind: "rejected", errorCode: "sender_not_registered" },
    ]);
    await link.link.close();
    expect(await link.link.ended).toEqual({ reason: "closed", description: "closed by us" });
    expect(link.link.capacity()).toBe(0);
    link.submit({});
    expect([...link.outcomes.values()].at(-1)).toMatchObject({ kind: "not_sent" });
  });

  test("a wrong token ends the link as refused, before anything is sent", async () => {
    const simulator = await simulate();
    const link = open(simulator.url, {}, { authToken: "wrong" });
    expect(await link.link.ended).toMatchObject({ reason: "refused", description: expect.stringContaining("20003") });
    link.submit({});
    expect([...link.outcomes.values()]).toEqual([{ kind: "not_sent", reason: expect.any(String) }]);
  });

  test("an answer that was cut: no outcome, the link ends, and the message is found by its recipient", async () => {
    const simulator = await simulate();
    const link = open(simulator.url);
    await isBound(link);
    await simulator.setWeather({ accounts: { [`twilio:${accountSid}`]: { cut_before_answer: { share: 1 } } } });
    const fromMs = Date.now();
    link.submit({});
    expect(await link.link.ended).toMatchObject({ reason: "cut" });
    expect(link.outcomes.size).toBe(0);
    const api = apiOf(simulator.url);
    const doubt: InDoubt = { phone: forced("10"), sender: "Oulu", text: "Hello", fromMs, toMs: Date.now() };
    const found = await lookUp(api, doubt);
    expect(found).toMatchObject({ kind: "found", receipt: { theirId: expect.stringMatching(/^SM/), phone: forced("10") } });
    expect(await lookUp(api, { ...doubt, text: "Hallo" })).toEqual({ kind: "not_found" });
    expect(await lookUp(api, { ...doubt, sender: "Turku" })).toEqual({ kind: "not_found" });
    expect(await lookUp(api, { ...doubt, fromMs: fromMs + 600_000, toMs: fromMs + 700_000 })).toEqual({ kind: "not_found" });
    await simulator.setWeather({});
    const again = open(simulator.url);
    await isBound(again);
    again.submit({});
    await hasOutcomes(again, 1);
    expect(await lookUp(api, { ...doubt, toMs: Date.now() })).toEqual({ kind: "ambiguous", count: 2 });
  });

  test("status callbacks name their message by our reference, also that of a message without an answer", async () => {
    const simulator = await simulate();
    const receiver: CallbackReceiver = await startCallbackReceiver(authToken);
    closing.push(() => receiver.close());
    const receiptsUrl = `${receiver.url}/receipts/twilio?of=oulu`;
    const link = open(simulator.url, { receipts_url: receiptsUrl });
    await isBound(link);
    await simulator.setWeather({ accounts: { [`twilio:${accountSid}`]: { cut_before_answer: { share: 1 } } } });
    link.submit({ phone: forced("33") });
    const key = nextKey - 1;
    await receiver.until(() => receiver.received.length === 2);
    const receipts = receiver.received.map(({ path, signature, fields }) => {
      const asked = new URL(receiver.url + path);
      expect(asked.searchParams.get("of")).toBe("oulu");
      return readTwilioReceipt({
        ...{ authTokens: ["old", authToken], accountSid, signature, receiptsUrl, keys: ["old", referenceKey] },
        ...{ body: formatForm(fields), token: asked.searchParams.get("m") ?? "" },
      });
    });
    expect(receipts).toMatchObject([
      { kind: "receipt", receipt: { reference: reference(key), status: "sent", errorCode: null, phone: forced("33") } },
      { kind: "receipt", receipt: { reference: reference(key), status: "undelivered", errorCode: "barred" } },
    ]);
  });

  test("a message is polled by its id", async () => {
    const simulator = await simulate();
    const link = open(simulator.url);
    await isBound(link);
    link.submit({ phone: forced("30") });
    await hasOutcomes(link, 1);
    const [outcome] = link.outcomes.values();
    const [sid = ""] = outcome?.kind === "accepted" ? outcome.ids : [];
    const api = apiOf(simulator.url);
    await waitFor("the end", async () => (await pollMessage(api, sid))?.status === "undelivered");
    expect(await pollMessage(api, sid)).toMatchObject({
      theirId: sid,
      status: "undelivered",
      errorCode: "absent_subscriber",
      phone: forced("30"),
    });
    expect(await pollMessage(api, `SM${"0".repeat(32)}`)).toBeNull();
    expect([1, 2, 3, 7, 20].map(pollWaitMs)).toEqual([60_000, 120_000, 240_000, 3_600_000, 3_600_000]);
  });

  test("never more messages than the window are in flight, nor more parts a second than allowed", async () => {
    const simulator = await simulate({ BULKSMS_SIMULATOR_SPEED: "1" });
    const link = open(simulator.url, { window: 4, parts_per_second: 20 });
    await isBound(link);
    let submitted = 0;
    await waitFor("all outcomes", () => {
      for (let room = link.link.capacity(); room > 0 && submitted < 30; room--, submitted++)
        link.submit({ text: submitted % 3 === 0 ? "ä".repeat(300) : "Hello" });
      return link.outcomes.size === 30;
    });
    const { accounts } = await simulator.statistics();
    const peaks = (accounts as Record<string, Record<string, number>>)[`twilio:${accountSid}`];
    // its seconds and ours do not begin together: one message may arrive on either border
    expect(peaks?.parts_per_second_most).toBeLessThanOrEqual(24);
    expect(peaks?.in_flight_most).toBeLessThanOrEqual(8);
    expect([...link.outcomes.values()].every(({ kind }) => kind === "accepted")).toBe(true);
  });
});

const apiOf = (url: string) => {
  const api = openTwilioApi({ url, accountSid, authToken, timeoutMs: 10_000, connections: 2 });
  closing.push(() => api.close());
  return api;
};

describe("an answer", () => {
  test.each([
    ["400 with 21610", error(400, 21610), { kind: "rejected", errorCode: "opted_out" }],
    ["403 with 21610", error(403, 21610), { kind: "rejected", errorCode: "opted_out" }],
    ["400 with 21211", error(400, 21211), { kind: "rejected", errorCode: "unknown_subscriber" }],
    ["400 with a number that we do not know", error(400, 29_999), { kind: "rejected", errorCode: "twilio_29999" }],
    [
      "429 with its wait",
      answer(429, { code: 20429, status: 429, message: "no" }, { "retry-after": "7" }),
      { kind: "throttled", retryAfterMs: 7_000 },
    ],
    ["429 without a form", answer(429, "busy"), { kind: "throttled", retryAfterMs: 1_000 }],
    ["400 of a full queue", error(400, 21611), { kind: "throttled", retryAfterMs: 1_000 }],
  ])("%s has its outcome, and the link goes on", async (_name, handle, outcome) => {
    const { url } = await serve(handle);
    const link = open(url);
    await isBound(link);
    expect(link.states.at(-1)).toEqual({ kind: "bound", peer: "twilio" });
    link.submit({});
    await hasOutcomes(link, 1);
    expect([...link.outcomes.values()]).toEqual([outcome]);
    expect(link.states.some(({ kind }) => kind === "over")).toBe(false);
    if (outcome.kind === "throttled") expect([link.link.capacity(), link.states.at(-1)?.kind]).toEqual([0, "resting"]);
  });

  test.each([
    ["401", error(401, 20003)],
    ["403 without a form", answer(403, "forbidden")],
    ["no balance", error(403, 20005)],
    ["404 of something else", answer(404, "<html>")],
    ["a redirect", answer(302, "", { location: "https://a.example/" })],
  ])("%s ends the link as refused, and its message was certainly not sent", async (_name, handle) => {
    const { url } = await serve(handle);
    const link = open(url);
    await isBound(link);
    link.submit({});
    expect(await link.link.ended).toMatchObject({ reason: "refused" });
    expect([...link.outcomes.values()]).toEqual([{ kind: "not_sent", reason: expect.any(String) }]);
  });

  test.each([
    ["500", answer(500, { code: 20500, status: 500, message: "no" })],
    ["408", answer(408, "")],
    ["201 without a message", answer(201, {})],
    ["201 with something else", answer(201, "<html>")],
    ["201 with an id that is none", answer(201, { sid: "1", status: "queued", to: "", date_created: "" })],
    ["a reset", ((request) => request.socket.destroy()) as Handler],
    ["half an answer", cutInTheMiddle],
  ])("%s leaves the message in doubt and ends the link", async (_name, handle) => {
    const { url } = await serve(handle);
    const link = open(url);
    await isBound(link);
    link.submit({});
    expect(await link.link.ended).toMatchObject({ reason: "cut" });
    expect(link.outcomes.size).toBe(0);
  });

  test("that never comes leaves it in doubt: timed out", async () => {
    const { url } = await serve(() => {});
    const link = open(url, {}, { answerTimeoutMs: 200 });
    await isBound(link);
    link.submit({});
    expect(await link.link.ended).toMatchObject({ reason: "timed_out" });
    expect(link.outcomes.size).toBe(0);
  });
});

test("what is in flight when the link ends still gets its outcome; what waits was not sent", async () => {
  const answers: (() => void)[] = [];
  const { url } = await serve((_request, response, form) => {
    const number = answers.length;
    const isFirst = form.some(([name, value]) => name === "Body" && value === "first");
    answers.push(() => (isFirst ? answer(500, "") : answer(201, madeUp(number)))(_request, response, form));
  });
  const link = open(url, { window: 2, parts_per_second: 1_000 });
  await isBound(link);
  link.submit({ text: "first" }, { text: "second" }, { text: "third" });
  await waitFor("two requests", () => answers.length === 2);
  answers[0]?.();
  answers[1]?.();
  expect(await link.link.ended).toMatchObject({ reason: "cut" });
  expect([...link.outcomes.values()].map(({ kind }) => kind).sort()).toEqual(["accepted", "not_sent"]);
});

test("a link that is closed drains; what has no answer by then is in doubt, and it says so", async () => {
  const { url } = await serve(() => {});
  const link = open(url);
  await isBound(link);
  link.submit({}, {});
  await link.link.close(50);
  expect(await link.link.ended).toMatchObject({ reason: "cut", description: expect.stringContaining("2 of its messages") });
  expect(link.outcomes.size).toBe(0);
});

test("nobody there: the link ends, and nothing was sent", async () => {
  const { url, server } = await serve(() => {});
  await stopServer(server);
  const link = open(url);
  expect(await link.link.ended).toMatchObject({ reason: "cut" });
});

function madeUp(number: number) {
  return { sid: `SM${String(number).padStart(32, "0")}`, status: "queued", to: "+1", date_created: "" };
}

describe("what is posted to us", () => {
  const receiptsUrl = "https://sms.example/receipts/twilio";
  const body = `MessageSid=SM1&MessageStatus=delivered&AccountSid=${accountSid}&To=%2B358401234567`;
  const post = (changes: { token?: string; body?: string; signature?: string; url?: string } = {}) => {
    const token = changes.token ?? signReference(referenceKey, reference(1));
    const sent = changes.body ?? body;
    const signature = changes.signature ?? signTwilioRequest(authToken, changes.url ?? callbackUrl(receiptsUrl, token), parseForm(sent));
    return readTwilioReceipt({ authTokens: [authToken], accountSid, signature, receiptsUrl, keys: [referenceKey], token, body: sent });
  };

  test("is taken when its signature is Twilio's, with a port or without", () => {
    expect(post()).toMatchObject({
      kind: "receipt",
      receipt: { reference: reference(1), theirId: "SM1", status: "delivered", phone: "358401234567" },
    });
    const withPort = callbackUrl(receiptsUrl, signReference(referenceKey, reference(1))).replace("sms.example", "sms.example:443");
    expect(post({ url: withPort })).toMatchObject({ kind: "receipt" });
    expect(post({ body: body.replace("delivered", "teleported") })).toMatchObject({ kind: "receipt", receipt: { status: null } });
    const failed = body.replace("delivered", "failed&ErrorCode=30034");
    expect(post({ body: failed })).toMatchObject({ kind: "receipt", receipt: { status: "failed", errorCode: "sender_not_registered" } });
  });

  test("is forged with another signature, and malformed when it names nothing of ours", () => {
    expect(post({ signature: "AAAA" })).toEqual({ kind: "forged" });
    expect(post({ signature: signTwilioRequest("another", callbackUrl(receiptsUrl, "x"), parseForm(body)) })).toEqual({ kind: "forged" });
    expect(post({ token: signReference("another key", reference(1)) })).toMatchObject({ kind: "malformed" });
    expect(post({ token: `${reference(2)}.${signReference(referenceKey, reference(1)).split(".").at(-1)}` })).toMatchObject({
      kind: "malformed",
    });
    expect(post({ body: "MessageSid=SM1" })).toMatchObject({ kind: "malformed", raw: "MessageSid=SM1" });
    expect(post({ body: body.replace(accountSid, `AC${"f".repeat(32)}`) })).toMatchObject({ kind: "malformed" });
  });

  test.each(["", ".", "a.", ".a", "no-dot", `${"x".repeat(600)}.AAAA`])("a token %j names nothing", (token) => {
    expect(readReference([referenceKey], token)).toBeNull();
  });

  test("a message from a phone is read with its words as they are", () => {
    const url = "https://sms.example/inbound/twilio";
    const form = "MessageSid=SM2&SmsStatus=received&From=%2B358401234567&To=%2B358457000000&Body=STOP+%F0%9F%99%82";
    const signature = signTwilioRequest(authToken, url, parseForm(form));
    const read = readTwilioInbound({ authTokens: [authToken], accountSid, signature, url, body: form });
    expect(read).toEqual({
      kind: "inbound",
      message: { from: "358401234567", to: "358457000000", text: "STOP 🙂", theirId: "SM2", part: null, raw: form },
    });
    expect(readTwilioInbound({ authTokens: [authToken], accountSid, signature: undefined, url, body: form })).toEqual({ kind: "forged" });
    const bare = signTwilioRequest(authToken, url, parseForm("From=1"));
    expect(readTwilioInbound({ authTokens: [authToken], accountSid, signature: bare, url, body: "From=1" })).toMatchObject({
      kind: "malformed",
    });
  });
});

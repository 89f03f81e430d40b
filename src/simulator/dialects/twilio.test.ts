// The simulator's Twilio endpoint over real HTTP: messages, lists, callbacks, errors, weather, and
// what a restart keeps.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startTestSimulator, type TestSimulator, twilioAccount } from "../../../testing/simulator_node.ts";
import { type CallbackReceiver, startCallbackReceiver } from "../../../testing/twilio_callbacks.ts";
import { accountsFile, parseAccounts } from "../../contracts/simulator_accounts.ts";
import { segmentPath, visitSegment } from "../../contracts/simulator_journal.ts";
import type { HttpResponse } from "../../platform/http_client.ts";
import { formatForm, formType, parseForm } from "../../protocols/twilio/form.ts";
import { type MessagePage, messagesPath, type TwilioMessage } from "../../protocols/twilio/message.ts";

const { sid: accountSid, token } = twilioAccount;
const basic = (user: string, password: string) => ({ authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` });
const credentials = basic(accountSid, token);
/** A block that no operator assigns; the last two digits say how it ends. */
const forced = (digits: string): string => `+467017406${digits}`;
const service = `MG${"b".repeat(32)}`;

let simulator: TestSimulator;
let receiver: CallbackReceiver;

beforeEach(async () => {
  simulator = await startTestSimulator();
  receiver = await startCallbackReceiver(token);
});
afterEach(async () => {
  await simulator.stop();
  await receiver.close();
});

function ask(
  method: "GET" | "POST" | "DELETE",
  path: string,
  form?: Record<string, string>,
  headers: Record<string, string> = credentials,
) {
  const body = form === undefined ? {} : { body: formatForm(Object.entries(form)) };
  return simulator.client.request({
    method,
    path,
    headers: { ...headers, ...(form === undefined ? {} : { "content-type": formType }) },
    ...body,
  });
}
const create = (form: Record<string, string> = {}) =>
  ask("POST", messagesPath(accountSid), {
    To: forced("10"),
    From: "Oulu",
    Body: "Hello",
    StatusCallback: `${receiver.url}/r?of=1`,
    ...form,
  });
const created = async (form: Record<string, string> = {}): Promise<TwilioMessage> => {
  const { status, body } = await create(form);
  expect([status, (body as { message?: string }).message]).toEqual([201, undefined]);
  return body as TwilioMessage;
};
const fetched = async (sid: string) => (await ask("GET", messagesPath(accountSid, sid))).body as TwilioMessage;
const listed = async (query: string) => (await ask("GET", `${messagesPath(accountSid)}?${query}`)).body as MessagePage;
const errorOf = ({ status, body }: HttpResponse) => [status, (body as { code?: number } | undefined)?.code];
const isQuiet = async (): Promise<boolean> => {
  const { unfinished, receipts_pending } = (await simulator.statistics()) as Record<string, number>;
  return unfinished === 0 && receipts_pending === 0;
};
const journaled = async () => {
  const [account] = parseAccounts(await readFile(join(simulator.folder, accountsFile), "utf8"));
  let accepted = 0;
  let rejected = 0;
  const ignore = () => {};
  visitSegment(await readFile(join(simulator.folder, segmentPath(account?.batchId ?? "", 0))), {
    ...{ submit: ignore, sent: ignore, ended: ignore, answered: ignore, repeat: ignore, gaveUp: ignore, lost: ignore },
    accepted: () => accepted++,
    rejected: () => rejected++,
  });
  return { accepted, rejected };
};

describe("a message", () => {
  test("has all fields of Twilio's, ends as its number says, and calls back", async () => {
    const message = await created({ Body: "Grüße ".repeat(30) });
    expect(message).toEqual({
      ...{ account_sid: accountSid, api_version: "2010-04-01", body: "Grüße ".repeat(30), direction: "outbound-api" },
      ...{
        date_created: expect.stringMatching(/^\w{3}, \d\d \w{3} \d{4} [\d:]{8} \+0000$/),
        date_sent: null,
        date_updated: message.date_created,
      },
      ...{ error_code: null, error_message: null, from: "Oulu", messaging_service_sid: null, num_media: "0", num_segments: "2" },
      ...{ price: null, price_unit: "USD", sid: expect.stringMatching(/^SM[0-9a-f]{32}$/), status: "queued", to: forced("10") },
      uri: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}.json`,
      subresource_uris: { media: `/2010-04-01/Accounts/${accountSid}/Messages/${message.sid}/Media.json` },
    });
    await receiver.until(() => receiver.received.length === 2);
    expect(receiver.statusesOf(message.sid)).toEqual(["sent", "delivered"]);
    expect(receiver.received.every(({ isSigned, path }) => isSigned && path === "/r?of=1")).toBe(true);
    expect(receiver.received[1]?.callback).toMatchObject({ to: forced("10"), from: "Oulu", errorCode: null, doneAtMs: expect.any(Number) });
    expect(await fetched(message.sid)).toMatchObject({ status: "delivered", price: "-0.01500", date_sent: expect.any(String) });
  });

  test.each([
    ["30", ["sent", "undelivered"], 30003],
    ["33", ["sent", "undelivered"], 30004],
    ["41", ["failed"], 30034],
    ["42", ["failed"], 30007],
  ])("to a number of %s calls back %j with %i", async (digits, statuses, code) => {
    const { sid } = await created({ To: forced(digits) });
    await receiver.until(() => receiver.received.length === statuses.length);
    expect(receiver.statusesOf(sid)).toEqual(statuses);
    expect(receiver.received.at(-1)?.callback.errorCode).toBe(code);
    expect(await fetched(sid)).toMatchObject({ status: statuses.at(-1), error_code: code });
  });

  test("of a messaging service is accepted first, then queued", async () => {
    const message = await created({ From: "", MessagingServiceSid: service });
    expect(message).toMatchObject({ status: "accepted", from: null, messaging_service_sid: service });
    await receiver.until(() => receiver.received.length === 3);
    expect(receiver.statusesOf(message.sid)).toEqual(["queued", "sent", "delivered"]);
    expect(receiver.received[0]?.fields).toContainEqual(["MessagingServiceSid", service]);
  });

  test.each([
    ["50", 21614],
    ["51", 21606],
  ])("that the network refuses (%s) has error %i, is journaled, and exists for nobody", async (digits, code) => {
    expect(errorOf(await create({ To: forced(digits) }))).toEqual([400, code]);
    expect((await listed("")).messages).toEqual([]);
    expect(await journaled()).toEqual({ accepted: 0, rejected: 1 });
  });

  test("is redacted and deleted when it has ended, and not before", async () => {
    await simulator.stop();
    simulator = await startTestSimulator({ BULKSMS_SIMULATOR_SPEED: "0.001" });
    const waiting = await created();
    expect(errorOf(await ask("DELETE", messagesPath(accountSid, waiting.sid)))).toEqual([409, 20009]);
    expect(errorOf(await ask("POST", messagesPath(accountSid, waiting.sid), { Status: "canceled" }))).toEqual([409, 30409]);
    simulator = await simulator.killAndRestart({ BULKSMS_SIMULATOR_SPEED: "max" });
    const { sid } = await created();
    await receiver.until(() => receiver.statusesOf(sid).length === 2);
    expect(errorOf(await ask("POST", messagesPath(accountSid, sid), { Body: "another" }))).toEqual([400, 30400]);
    expect((await ask("POST", messagesPath(accountSid, sid), { Body: "" })).body).toMatchObject({ body: "", status: "delivered" });
    simulator = await simulator.killAndRestart();
    expect(await fetched(sid)).toMatchObject({ body: "", to: forced("10") });
    expect((await ask("DELETE", messagesPath(accountSid, sid))).status).toBe(204);
    expect(errorOf(await ask("GET", messagesPath(accountSid, sid)))).toEqual([404, 20404]);
    expect((await listed("")).messages.map((message) => message.sid)).toEqual([waiting.sid]);
  });
});

describe("a list", () => {
  test("has the newest first, in pages that later messages do not shift", async () => {
    const sids: string[] = [];
    for (let no = 0; no < 7; no++) sids.unshift((await created({ To: `+35840123456${no % 2}`, StatusCallback: "" })).sid);
    const first = await listed("PageSize=3");
    expect(first).toMatchObject({ page: 0, page_size: 3, start: 0, end: 2, previous_page_uri: null });
    await created();
    const second = (await ask("GET", first.next_page_uri as string)).body as MessagePage;
    const third = (await ask("GET", second.next_page_uri as string)).body as MessagePage;
    expect([first, second, third].flatMap(({ messages }) => messages.map(({ sid }) => sid))).toEqual(sids);
    expect(third).toMatchObject({ page: 2, start: 6, end: 6, next_page_uri: null });
    expect(((await ask("GET", third.previous_page_uri as string)).body as MessagePage).messages).toEqual(second.messages);
    expect((await listed("To=%2B358401234561")).messages.map(({ to }) => to)).toEqual(Array(3).fill("+358401234561"));
    expect((await listed("From=nobody")).messages).toEqual([]);
    expect((await listed("DateSent%3E=2020-01-01")).messages).toHaveLength(8);
    expect((await listed("DateSent%3C=2020-01-01")).messages).toEqual([]);
  });

  test("that cannot be read is refused; of an account without messages it is empty", async () => {
    expect(errorOf(await ask("GET", `${messagesPath(accountSid)}?DateSent=tomorrow`))).toEqual([400, 20001]);
    expect(errorOf(await ask("GET", `${messagesPath(accountSid)}?PageToken=PAx`))).toEqual([400, 20001]);
    expect(await listed("")).toMatchObject({ messages: [], next_page_uri: null, start: 0, end: -1 });
  });
});

describe("what is wrong is said in Twilio's form, without effect", () => {
  test.each([
    ["no To", { To: "" }, 400, 21604],
    ["a To that is no number", { To: "0401234567" }, 400, 21211],
    ["no sender", { From: "" }, 400, 21603],
    ["a sender that is too long", { From: "University of Oulu" }, 400, 21212],
    ["no text", { Body: "" }, 400, 21602],
    ["a text that is too long", { Body: "x".repeat(1_601) }, 400, 21617],
    ["a callback address that is none", { StatusCallback: "/receipts" }, 400, 21609],
    ["a validity of a day", { ValidityPeriod: "86400" }, 400, 21624],
    ["a validity that is no number", { ValidityPeriod: "1h" }, 400, 21624],
    ["a picture", { MediaUrl: "https://a.example/1.png" }, 400, 20001],
    ["a service that is none", { MessagingServiceSid: "MG1" }, 400, 20001],
  ])("%s", async (_name, form, status, code) => {
    const answer = await create(form);
    expect(answer.body).toEqual({ code, status, message: expect.any(String), more_info: `https://www.twilio.com/docs/errors/${code}` });
    expect(answer.status).toBe(status);
    expect((await listed("")).messages).toEqual([]);
  });

  test.each([
    ["no credentials", {}],
    ["a wrong token", basic(accountSid, "wrong")],
    ["an account that is none", basic(`AC${"c".repeat(32)}`, token)],
    ["a bearer", { authorization: `Bearer ${token}` }],
  ])("%s", async (_name, headers) => {
    expect(errorOf(await ask("GET", messagesPath(accountSid), undefined, headers as Record<string, string>))).toEqual([401, 20003]);
  });

  test("a path, a type and a size that it does not take", async () => {
    expect(errorOf(await ask("GET", `/2010-04-01/Accounts/${accountSid}/Calls.json`))).toEqual([404, 20404]);
    expect(errorOf(await ask("GET", messagesPath(accountSid, `SM${"0".repeat(32)}`)))).toEqual([404, 20404]);
    const json = await simulator.client.request({
      method: "POST",
      path: messagesPath(accountSid),
      headers: { ...credentials, "content-type": "text/plain" },
      body: "To=1",
    });
    expect(errorOf(json)).toEqual([400, 20001]);
    expect(errorOf(await create({ Body: "x".repeat(70_000) }))).toEqual([400, 20001]);
    expect((await ask("GET", messagesPath(accountSid))).headers["bulksms-simulator"]).toBe("1");
  });
});

describe("a callback", () => {
  test("that is cut is tried once more, and a refusal ends it", async () => {
    receiver.answerWith((requestNo) => (requestNo === 0 ? null : requestNo === 1 ? 204 : 500));
    const { sid } = await created();
    await receiver.until(() => receiver.requests() === 3);
    expect(receiver.statusesOf(sid)).toEqual(["sent", "delivered"]);
    await expect.poll(isQuiet).toBe(true);
    await simulator.untilJournaled();
    simulator = await simulator.killAndRestart();
    expect(await isQuiet()).toBe(true);
    expect(receiver.requests()).toBe(3);
  });

  test("without its answer comes again after a restart", async () => {
    receiver.answerWith(() => null);
    const { sid } = await created({ To: forced("20") });
    await receiver.until(() => receiver.requests() >= 1);
    // killed while the attempt is under way: nothing says that it was answered
    const restarting = simulator.killAndRestart();
    receiver.answerWith(() => 204);
    simulator = await restarting;
    const again = await created({ To: forced("20") });
    await receiver.until(() => receiver.statusesOf(again.sid).length === 1);
    expect(receiver.statusesOf(again.sid)).toEqual(["sent"]);
    expect(again.sid).not.toBe(sid);
  });
});

describe("weather of the account", () => {
  const weather = (accountWeather: Record<string, unknown>) =>
    simulator.setWeather({ accounts: { [`twilio:${accountSid}`]: accountWeather } });

  test("cut before the answer: the message is there, and its callbacks come", async () => {
    await weather({ cut_before_answer: { share: 1 } });
    await expect(create()).rejects.toMatchObject({ code: "service_unavailable" });
    await receiver.until(() => receiver.received.length === 2);
    const { messages } = await listed(`To=${encodeURIComponent(forced("10"))}`);
    expect(messages.map(({ body, status }) => [body, status])).toEqual([["Hello", "delivered"]]);
    expect(await simulator.weather()).toMatchObject({ happened_to_accounts: { [`twilio:${accountSid}`]: { cut_before_answer: 1 } } });
  });

  test("no answer: the message is there all the same", async () => {
    await weather({ no_answer: { share: 1 } });
    const body = formatForm(Object.entries({ To: forced("10"), From: "Oulu", Body: "Hello" }));
    const path = messagesPath(accountSid);
    const asked = simulator.client.request({
      method: "POST",
      path,
      headers: { ...credentials, "content-type": formType },
      body,
      timeoutMs: 300,
    });
    await expect(asked).rejects.toMatchObject({ code: "deadline_exceeded" });
    expect((await listed("")).messages).toHaveLength(1);
  });

  test("throttled: 429, without effect", async () => {
    await weather({ throttled: { share: 1 } });
    const answer = await create();
    expect(errorOf(answer)).toEqual([429, 20429]);
    expect(answer.headers["retry-after"]).toBe("1");
    expect((await listed("")).messages).toEqual([]);
  });

  test("early: every callback comes before the answer", async () => {
    await weather({ early: { share: 1 } });
    const { sid } = await created();
    expect(receiver.statusesOf(sid)).toEqual(["sent", "delivered"]);
  });

  test("outlives a restart, and an account of another dialect is not meant", async () => {
    await simulator.setWeather({ accounts: { "smpp:oulu": { throttled: { share: 1 } } } });
    simulator = await simulator.killAndRestart();
    expect(await simulator.weather()).toMatchObject({ weather: { accounts: { "smpp:oulu": { throttled: { share: 1 } } } } });
    await created();
    await expect(simulator.setWeather({ accounts: { nobody: {} } })).rejects.toThrow(/refused/);
    await expect(simulator.setWeather({ accounts: { "smpp:oulu": { snow: { share: 1 } } } })).rejects.toThrow(/refused/);
  });
});

test("a kill at any moment forgets nothing that was answered, and gives no id twice", async () => {
  const sids = new Set<string>();
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => created({ StatusCallback: "" })));
    for (const { sid } of answers) sids.add(sid);
    simulator = await simulator.killAndRestart();
  }
  expect(sids.size).toBe(60);
  expect(new Set((await listed("PageSize=1000")).messages.map(({ sid }) => sid))).toEqual(sids);
  expect(await journaled()).toEqual({ accepted: 60, rejected: 0 });
});

test("too many requests at once are refused, and the statistics tell how many there were", async () => {
  await simulator.stop();
  simulator = await startTestSimulator({ BULKSMS_SIMULATOR_TWILIO_CONCURRENCY: "2", BULKSMS_SIMULATOR_SPEED: "1" });
  const answers = await Promise.all(Array.from({ length: 6 }, () => create({ StatusCallback: "" })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 429, 429, 429, 429]);
  const { accounts } = await simulator.statistics();
  expect((accounts as Record<string, { in_flight_most: number }>)[`twilio:${accountSid}`]?.in_flight_most).toBeGreaterThan(2);
  expect(accounts).toEqual({
    [`twilio:${accountSid}`]: { binds: 0, binds_most: 0, in_flight: 0, in_flight_most: expect.any(Number), parts_per_second_most: 6 },
  });
});

test("a form in any order, with names of another's making", async () => {
  expect(parseForm("Body=a&Unknown=1")).toHaveLength(2);
  await created({ SmartEncoded: "true", ProvideFeedback: "true", Attempt: "1", MaxPrice: "1", Unknown: "1" });
});

// POST /messages and GET /messages/{id}: what is answered, that a refusal leaves nothing, that a
// repeat sends nothing twice and loses nothing, and requests that make no sense.
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { anyText } from "../../../testing/any_text.ts";
import { randomRuns } from "../../../testing/random_runs.ts";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { measureText } from "../../sms/parts.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const phone = "+358401234567";
let nodes: SalesNodes;
let workspace: { id: string; key: string };

beforeAll(async () => {
  nodes = await startSalesNodes();
  workspace = await nodes.credit.makeWorkspace("1000");
});
afterAll(() => nodes?.stop());

const post = (body: unknown, { idempotencyKey, key = workspace.key }: { idempotencyKey?: string; key?: string } = {}) =>
  nodes.http("POST", "/messages", { key, body, headers: idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey } });
const get = (id: string, key = workspace.key) => nodes.http("GET", `/messages/${id}`, { key });
const text = (fields: object = {}) => ({ to: phone, text: "Your code is 4711", ...fields });
const submitted = (id: string) => nodes.carrier.bodies.filter((body) => body.batch_id === id).flatMap((body) => body.messages);
const readCredit = async (id = workspace.id) => {
  const [credit] = await nodes.credit.owner`select available, held, spent from workspace where id = ${id}`;
  return credit as { available: bigint; held: bigint; spent: bigint };
};
async function footprint() {
  const [row] = await nodes.owner`
    select (select count(*)::int from bulksms) as campaigns, (select count(*)::int from bulksms_info) as rows,
      (select count(*)::int from idempotency_key) as keys, (select count(*)::int from bulksms_run) as runs`;
  return row;
}

describe("a message", () => {
  it("is sent at once, followed to its end, and charged once", async () => {
    const before = await readCredit();
    const { status, body } = await post(text({ sender: "Oulu" }));
    expect(status).toBe(202);
    expect(body).toMatchObject({
      ...{ status: "running", text: "Your code is 4711", sender: "Oulu", parts: 1, cost: "0.1", charged: "0.0", price: "0.1" },
      ...{ carrier: { name: "simulator", simulated: true }, callback: null, last_error: null, ended_at: null, deadline_s: 259_200 },
      recipients: [{ id: `${body.id}.1`, to: phone, error_code: null, parts: 1, cost: "0.1", sent_at: null }],
    });
    await nodes.campaign(body.id, (row) => row.queued === 1);
    expect(submitted(body.id)).toMatchObject([{ row_no: 1, to: phone, parts: 1 }]);
    expect((await get(body.id)).body.recipients).toMatchObject([{ status: "queued", version: 2 }]);

    await nodes.receive(body.id, [1], "sent");
    const sent = (await get(body.id)).body;
    expect(sent).toMatchObject({ charged: "0.1", recipients: [{ status: "sent", version: 3 }] });
    expect(sent.recipients[0].sent_at).toBe(sent.recipients[0].updated_at);
    await nodes.receive(body.id, [1], "delivered");
    await nodes.campaign(body.id, (row) => row.status === "finished");
    const ended = (await get(body.id)).body;
    expect(ended).toMatchObject({ status: "finished", recipients: [{ status: "delivered" }] });
    expect(ended.ended_at).not.toBeNull();
    const after = await readCredit();
    expect({ spent: after.spent - before.spent, held: after.held }).toEqual({ spent: 100n, held: before.held });
  });

  it("to several has each recipient's own state, in the order of the request", async () => {
    const numbers = ["+358401111111", "040 222 2222", "+358 40 333 3333"];
    nodes.carrier.reject({ 2: "no_sms_service" });
    const { body } = await post(text({ to: numbers }));
    await nodes.campaign(body.id, (row) => row.queued === 2 && row.failed === 1);
    nodes.carrier.reject({});
    await nodes.receive(body.id, [3], "delivered");
    expect((await get(body.id)).body).toMatchObject({
      parts: 3,
      cost: "0.3",
      charged: "0.1",
      recipients: [
        { id: `${body.id}.1`, to: "+358401111111", status: "queued" },
        { id: `${body.id}.2`, to: "+358402222222", status: "failed", error_code: "no_sms_service" },
        { id: `${body.id}.3`, to: "+358403333333", status: "delivered" },
      ],
    });
    await nodes.receive(body.id, [1], "undelivered");
    await nodes.campaign(body.id, (row) => row.status === "finished");
  });

  it("says its words as they are, braces too, in as many parts as they need", async () => {
    const words = `{"a": {{b}}, "c": "}"} € ${"x".repeat(150)}`;
    const { body } = await post(text({ text: words }));
    expect(body).toMatchObject({ text: words, parts: measureText(words).parts });
    await nodes.campaign(body.id, (row) => row.queued === 1);
    expect(nodes.carrier.accepted.get(`${body.id}.1`)).toMatchObject({ text: words, parts: 2 });
    expect((await get(body.id)).body.text).toBe(words);
  });

  it("is a campaign of its own list, and is paused, canceled and exported as one", async () => {
    nodes.carrier.behave("hang");
    const { body } = await post(text({ to: ["+358401111111", "+358402222222"] }));
    const list = async (kind: string) => (await nodes.http("GET", `/bulksms?limit=200${kind}`, { key: workspace.key })).body.bulksms;
    expect((await list("")).map(({ id }: { id: string }) => id)).not.toContain(body.id);
    expect((await list("&kind=message"))[0]).toMatchObject({ id: body.id, kind: "message", contacts: 2 });
    expect((await list("&kind=campaign")).map(({ id }: { id: string }) => id)).not.toContain(body.id);
    expect((await nodes.command("cancel", workspace.key, body.id)).status).toBe(202);
    nodes.carrier.behave("accept");
    expect((await nodes.http("GET", `/bulksms/${body.id}/report.csv`, { key: workspace.key })).status).toBe(200);
    expect((await nodes.http("GET", `/bulksms/${body.id}/messages/1`, { key: workspace.key })).body.msisdn).toBe("+358401111111");
    expect((await nodes.command("run", workspace.key, body.id)).body.code).toBe("state_conflict");
  });

  it("is seen by its workspace alone, and a campaign is no message", async () => {
    const { body } = await post(text());
    const stranger = await nodes.credit.makeWorkspace("1");
    const campaign = await nodes.create(workspace.key, 1);
    for (const [id, key] of [
      [body.id, stranger.key],
      [campaign, workspace.key],
      [randomUUID(), workspace.key],
      ["nonsense", workspace.key],
    ]) {
      const { status, body: problem } = await get(id, key);
      expect([status, problem.code]).toEqual([404, "message_not_found"]);
    }
    expect((await get(body.id.toUpperCase())).body.id).toBe(body.id);
  });
});

describe("a refusal", () => {
  it("for a number names its reason, for several each, and texts nobody", async () => {
    const before = await footprint();
    const one = await post(text({ to: "+358 9 123 4567" }), { idempotencyKey: randomUUID() });
    expect([one.status, one.body.code, one.body.reason]).toEqual([422, "recipients_rejected", "msisdn_not_mobile"]);
    const several = await post(text({ to: [phone, "12", "040 123 4567", "hello"] }));
    expect([several.status, several.body.code]).toEqual([422, "recipients_rejected"]);
    expect(several.body.rejected).toEqual(["12: msisdn_too_short", "040 123 4567: duplicate", "hello: msisdn_letters"]);
    expect(several.body.detail).toContain("3 of the 4 numbers");
    expect(await footprint()).toEqual(before);
  });

  it("for lack of credit is 402, sends nothing also after a top-up, and leaves its key free", async () => {
    const poor = await nodes.credit.makeWorkspace("0.1");
    const idempotencyKey = randomUUID();
    const request = { to: ["+358401111111", "+358402222222"], text: "Hi" };
    const refused = await post(request, { idempotencyKey, key: poor.key });
    expect([refused.status, refused.body.code]).toEqual([402, "insufficient_credit"]);
    expect(refused.body).toMatchObject({ needed: "0.2", available: "0.1", is_without_effect: true });
    const [made] = await nodes.owner`select id from bulksms where workspace_id = ${poor.id}`;
    await nodes.campaign(made?.id, (row) => row.status === "canceled");
    expect((await get(made?.id, poor.key)).body).toMatchObject({
      last_error: "insufficient_credit",
      recipients: [{ status: "canceled" }, { status: "canceled" }],
    });

    await nodes.credit.http("POST", `/workspaces/${poor.id}/credit`, { body: { amount: "1" } });
    const again = await post(request, { idempotencyKey, key: poor.key });
    expect(again.status).toBe(202);
    expect(again.headers.get("idempotent-replayed")).toBeNull();
    expect(again.body.id).not.toBe(made?.id);
    await nodes.campaign(again.body.id, (row) => row.queued === 2);
    expect(submitted(made?.id)).toEqual([]);
    expect(await nodes.campaign(made?.id)).toMatchObject({ status: "canceled", canceled: 2 });
  });

  it.each<[string, object, number, string]>([
    ["no number", { text: "Hi" }, 400, "request_invalid"],
    ["no text", { to: phone }, 400, "request_invalid"],
    ["an empty list", text({ to: [] }), 400, "request_invalid"],
    ["101 numbers", text({ to: Array.from({ length: 101 }, (_, at) => `+3584010000${100 + at}`) }), 400, "request_invalid"],
    ["a number as a number", text({ to: 358401234567 }), 400, "request_invalid"],
    ["a number of 200 characters", text({ to: "1".repeat(200) }), 400, "request_invalid"],
    ["an empty number", text({ to: "" }), 422, "recipients_rejected"],
    ["an empty text", text({ text: " \u200b" }), 422, "text_invalid"],
    ["half of a character", text({ text: "a\ud800" }), 400, "request_invalid"],
    ["a NUL", text({ text: "a\0b" }), 422, "text_invalid"],
    ["a replacement character", text({ text: "a\ufffdb" }), 422, "text_invalid"],
    ["a text of 20 parts", text({ text: "x".repeat(1_999) }), 422, "text_too_long"],
    ["a text of 3,000 characters", text({ text: "x".repeat(3_000) }), 422, "text_too_long"],
    ["a sender of two lines", text({ sender: "a\nb" }), 422, "sender_invalid"],
    ["an unknown field", text({ name: "x" }), 422, "field_unknown"],
    ["a country of its name", text({ country: "Finland" }), 400, "request_invalid"],
    ["a deadline of no time", text({ deadline_s: 0 }), 400, "request_invalid"],
    ["a deadline of half a second", text({ deadline_s: 0.5 }), 400, "request_invalid"],
    ["a carrier that does not exist", text({ carrier: "telia" }), 404, "carrier_not_found"],
    ["a callback to a file", text({ callback_url: "file:///etc/passwd" }), 422, "callback_url_invalid"],
    ["a callback with a password", text({ callback_url: "https://a:b@example.com/" }), 422, "callback_url_invalid"],
    ["a callback to words", text({ callback_url: "call me" }), 422, "callback_url_invalid"],
    ["a callback to loopback", text({ callback_url: "http://127.0.0.1:8000/" }), 422, "callback_url_invalid"],
    ["a callback to loopback in hexadecimal", text({ callback_url: "http://0x7f.1/" }), 422, "callback_url_invalid"],
    ["a callback to loopback as one number", text({ callback_url: "http://2130706433/" }), 422, "callback_url_invalid"],
    ["a callback to IPv6 loopback", text({ callback_url: "http://[::1]/" }), 422, "callback_url_invalid"],
    ["a callback to mapped loopback", text({ callback_url: "http://[::ffff:127.0.0.1]/" }), 422, "callback_url_invalid"],
    ["a callback to a cloud's metadata", text({ callback_url: "http://169.254.169.254/latest" }), 422, "callback_url_invalid"],
    ["a callback of 3,000 characters", text({ callback_url: `https://example.com/${"x".repeat(3_000)}` }), 400, "request_invalid"],
    ["a callback that grows too long", text({ callback_url: `https://example.com/${"ä".repeat(1_000)}` }), 422, "callback_url_invalid"],
  ])("for %s has no effect", async (_what, body, status, code) => {
    const before = await footprint();
    const answer = await post(body, { idempotencyKey: randomUUID() });
    expect([answer.status, answer.body.code], JSON.stringify(answer.body)).toEqual([status, code]);
    expect(await footprint()).toEqual(before);
  });

  it("for its key, its scope or its Idempotency-Key has no effect", async () => {
    const before = await footprint();
    const cases = [
      await nodes.http("POST", "/messages", { body: text(), key: null }),
      await nodes.http("POST", "/messages", { body: text(), key: nodes.credit.adminKey }),
      await post(text(), { idempotencyKey: "x".repeat(256) }),
      await post(text(), { idempotencyKey: "two words" }),
      await post("{"),
      await post("x".repeat(100_000)),
    ];
    expect(cases.map(({ body }) => body.code)).toEqual([
      ...["key_missing", "scope_missing", "idempotency_key_invalid", "idempotency_key_invalid", "json_invalid", "body_too_large"],
    ]);
    expect(await footprint()).toEqual(before);
  });

  it(`never comes as a 500, whatever words and numbers are given (seed ${seed})`, async () => {
    const bodies = fc.record({
      to: fc.oneof(anyText({ maxLength: 20 }), fc.constant(phone)),
      text: anyText({ minLength: 1, maxLength: 40 }),
    });
    for (const body of fc.sample(bodies, { seed, numRuns: randomRuns(60) })) {
      const answer = await post(body);
      expect([202, 400, 422], JSON.stringify({ body, answer: answer.body })).toContain(answer.status);
      // as it is kept for all texts: NFC, \n for each line break
      if (answer.status === 202) expect(answer.body.text).toBe(body.text.replace(/\r\n?/g, "\n").normalize("NFC"));
    }
  });
});

describe("a repeat under an Idempotency-Key", () => {
  it("gets the same message as it is now, and texts nobody again", async () => {
    const idempotencyKey = randomUUID();
    const first = await post(text(), { idempotencyKey });
    await nodes.campaign(first.body.id, (row) => row.queued === 1);
    await nodes.receive(first.body.id, [1], "delivered");
    const again = await post(text({ to: [phone] }), { idempotencyKey });
    expect([again.status, again.headers.get("idempotent-replayed")]).toEqual([202, "true"]);
    expect(again.body).toMatchObject({ id: first.body.id, recipients: [{ status: "delivered" }] });
    expect(submitted(first.body.id)).toHaveLength(1);
  });

  it("at the same moment, many times, makes one", async () => {
    const idempotencyKey = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(text(), { idempotencyKey })));
    expect(answers.map(({ status }) => status)).toEqual(Array(8).fill(202));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => headers.get("idempotent-replayed") === null)).toHaveLength(1);
    const [{ id }] = answers.map(({ body }) => body) as [{ id: string }];
    await nodes.campaign(id, (row) => row.queued === 1);
    expect(submitted(id)).toHaveLength(1);
    expect(await nodes.owner`select from bulksms_run where bulksms_id = ${id}`).toHaveLength(1);
  });

  it("with other words, or of POST /create, is refused; another workspace has keys of its own", async () => {
    const idempotencyKey = randomUUID();
    const first = await post(text(), { idempotencyKey });
    for (const fields of [
      { text: "Other" },
      { to: "+358407654321" },
      { sender: "Oulu" },
      { callback_url: "https://example.com" },
      { country: "SE" },
    ]) {
      const { status, body } = await post(text(fields), { idempotencyKey });
      expect([status, body.code], JSON.stringify(fields)).toEqual([422, "idempotency_key_reused"]);
    }
    const form = new FormData();
    form.set("text", "Hello");
    form.set("file", new Blob([`phone\n${phone}\n`]), "a.csv");
    const created = await nodes.http("POST", "/create", { key: workspace.key, body: form, headers: { "idempotency-key": idempotencyKey } });
    expect([created.status, created.body.code]).toEqual([422, "idempotency_key_reused"]);
    const stranger = await nodes.credit.makeWorkspace("1");
    expect((await post(text(), { idempotencyKey, key: stranger.key })).body.id).not.toBe(first.body.id);
  });
});

describe("a message whose credit was not held, because its process died or rpc is silent,", () => {
  let isRpcUp = true;
  const setRpc = async (isUp: boolean) => {
    if (isUp === isRpcUp) return;
    isRpcUp = isUp;
    await (isUp ? nodes.credit.startRpc() : nodes.credit.stopRpc());
    if (isUp) await expect.poll(async () => (await nodes.http("GET", "/ready", { key: null })).status, { timeout: 15_000 }).toBe(200);
  };
  afterEach(() => setRpc(true));
  /** As its transaction leaves it: `reserving`, and nobody at work. */
  async function left(idempotencyKey: string): Promise<string> {
    await post(text(), { key: workspace.key }); // the key and the price list are known
    await setRpc(false);
    const { status, body } = await post(text(), { idempotencyKey });
    expect([status, body.status]).toEqual([202, "reserving"]);
    return body.id;
  }

  it("is ended by the sweeper, once", async () => {
    const id = await left(randomUUID());
    await setRpc(true);
    await nodes.campaign(id, (row) => row.queued === 1);
    expect(submitted(id)).toHaveLength(1);
    expect(await nodes.owner`select from bulksms_run where bulksms_id = ${id}`).toHaveLength(1);
  });

  it("is ended by a repeat, once", async () => {
    const idempotencyKey = randomUUID();
    const id = await left(idempotencyKey);
    // the sweeper does not see it for a while: a repeat has to do
    await nodes.owner`update bulksms set next_ring_at = now() + interval '1 hour' where id = ${id}`;
    await setRpc(true);
    const again = await Promise.all([1, 2, 3].map(() => post(text(), { idempotencyKey })));
    expect(again.map(({ body }) => [body.id, body.status])).toEqual(Array(3).fill([id, "running"]));
    await nodes.campaign(id, (row) => row.queued === 1);
    expect(submitted(id)).toHaveLength(1);
  });

  it("and for which there is too little, is never sent: a repeat is a new one", async () => {
    const poor = await nodes.credit.makeWorkspace("0.1");
    expect((await post(text(), { key: poor.key })).status).toBe(202);
    await setRpc(false);
    const idempotencyKey = randomUUID();
    const { body } = await post(text(), { idempotencyKey, key: poor.key });
    expect(body.status).toBe("reserving");
    await setRpc(true);
    expect(await nodes.campaign(body.id, (row) => row.status === "canceled")).toMatchObject({
      canceled: 1,
      last_error: "insufficient_credit",
    });
    const repeat = await post(text(), { idempotencyKey, key: poor.key });
    expect([repeat.status, repeat.body.code]).toEqual([402, "insufficient_credit"]);
    expect(submitted(body.id)).toEqual([]);
  });
});

describe("a message through a real carrier", () => {
  const smpp = { protocol: "smpp", host: "smpp.example", port: 2775, system_id: "oulu" };
  const carriers = (path: string, body: object) => nodes.http("POST", `/carriers${path}`, { key: nodes.credit.adminKey, body });

  it("keeps to its senders, its destinations and its test phones, and waits for no carrier that is paused", async () => {
    const added = await carriers("", { name: "telia", settings: smpp, secret: "x", senders: ["Oulu"], test_phones: [phone] });
    expect(added.status).toBe(201);
    const through = (fields: object = {}) => post(text({ carrier: "telia", sender: "Oulu", ...fields }));
    expect((await through({ sender: "Turku" })).body.code).toBe("sender_not_allowed");
    expect((await through({ to: "+358407654321" })).body).toMatchObject({ code: "recipients_rejected", reason: "not_a_test_phone" });
    const taken = await through();
    expect([taken.status, taken.body.carrier]).toEqual([202, { name: "telia", simulated: false }]);
    expect((await carriers("/telia", { state: "live" })).status).toBe(200);
    expect((await through({ to: "+46701234567" })).body).toMatchObject({ code: "recipients_rejected", reason: "destination_not_allowed" });
    expect((await carriers("/telia", { state: "paused" })).status).toBe(200);
    const before = await footprint();
    const paused = await through();
    expect([paused.status, paused.body.code]).toEqual([409, "carrier_not_live"]);
    expect(await footprint()).toEqual(before);
  });
});

// Callbacks from POST /messages to the application that is called: signed, in order, with the
// secret that the workspace was shown.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Webhook } from "standardwebhooks";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import type { CallbackBody, CallbackSecretAnswer, MessageView } from "../../contracts/messages.ts";
import { addSealKey, dropOldSealKeys } from "../../platform/seal_keys.ts";
import { sha256 } from "../../platform/sha256.ts";

let nodes: SalesNodes;
let workspace: { id: string; key: string };
let adminKey: string;
let application: Server;
let url: string;
let seen: { headers: Record<string, string>; body: string; status: number }[] = [];
let status = 204;

beforeAll(async () => {
  nodes = await startSalesNodes({ settings: { BULKSMS_CALLBACK_PRIVATE_TARGETS: "allow" } });
  workspace = await nodes.credit.makeWorkspace("100");
  adminKey = `bk_admin_${randomUUID()}`;
  await nodes.credit.owner`
    insert into api_key (workspace_id, name, secret_sha256, scopes) values (${workspace.id}, 'admin', ${sha256(adminKey)}, ${["admin"]})`;
  application = createServer(async (request, response) => {
    seen.push({ headers: request.headers as Record<string, string>, body: await text(request), status });
    response.writeHead(status).end();
  });
  await once(application.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(application.address() as AddressInfo).port}/sms`;
});
afterEach(() => {
  seen = [];
  status = 204;
});
afterAll(async () => {
  await nodes?.stop();
  application?.closeAllConnections();
  application?.close();
});

const ask = (method: string, path: string, key: string | null = adminKey) => nodes.http(method, path, { key });
const secretOf = async (): Promise<CallbackSecretAnswer> => (await ask("GET", "/callback-secret")).body;
const post = async (fields: object = {}): Promise<MessageView> =>
  (await nodes.http("POST", "/messages", { key: workspace.key, body: { to: "+358401234567", text: "Hi", callback_url: url, ...fields } }))
    .body;
const get = async (id: string): Promise<MessageView> => (await nodes.http("GET", `/messages/${id}`, { key: workspace.key })).body;
const bodies = (): CallbackBody[] => seen.map(({ body }) => JSON.parse(body));
const makeDue = (id: string) => nodes.owner`update message_callback set due_at = now() where bulksms_id = ${id} and due_at is not null`;

describe("an application", () => {
  it("is called for each state of its text, in order, and verifies each call with the library of Standard Webhooks", async () => {
    const message = await post();
    expect(message.callback).toMatchObject({ url, untold: 0, tries: 0, given_up_at: null });
    await nodes.campaign(message.id, (row) => row.queued === 1);
    for (const [count, state] of (["queued", "sent", "delivered"] as const).entries()) {
      if (state !== "queued") await nodes.receive(message.id, [1], state);
      await expect.poll(() => bodies().map(({ data }) => data.status), { timeout: 10_000 }).toHaveLength(count + 1);
    }
    expect(bodies().map(({ data }) => data.status)).toEqual(["queued", "sent", "delivered"]);
    const { secret } = await secretOf();
    for (const { headers, body } of seen) {
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
      expect(() => new Webhook(secret).verify(body.replace("358", "359"), headers)).toThrow();
    }
    const ended = await get(message.id);
    expect(bodies().at(-1)).toEqual({
      type: "recipient.updated",
      timestamp: ended.recipients[0]?.updated_at,
      data: { message_id: message.id, ...ended.recipients[0] },
    });
    await expect.poll(async () => (await get(message.id)).callback?.next_try_at).toBeNull();
    expect((await get(message.id)).callback).toMatchObject({ untold: 0, tries: 0, last_error: null });
  });

  it("that was down is told when it is back, and meanwhile GET says why it was not", async () => {
    status = 500;
    const message = await post({ to: ["+358401234567", "+358407654321"] });
    await nodes.campaign(message.id, (row) => row.queued === 2);
    await expect
      .poll(async () => (await get(message.id)).callback, { timeout: 10_000 })
      .toMatchObject({ untold: 2, last_error: "status_500", next_try_at: expect.any(String) });
    await nodes.receive(message.id, [1, 2], "delivered");
    status = 200;
    await makeDue(message.id);
    await expect
      .poll(async () => (await get(message.id)).callback, { timeout: 10_000 })
      .toMatchObject({ untold: 0, tries: 0, last_error: null });
    const taken = seen.filter((call) => call.status === 200).map(({ body }) => (JSON.parse(body) as CallbackBody).data.status);
    expect(taken).toEqual(["delivered", "delivered"]);
  });

  it("hears of a text that was refused for lack of credit, and of none without a URL", async () => {
    const poor = await nodes.credit.makeWorkspace("0.05");
    const answer = await nodes.http("POST", "/messages", { key: poor.key, body: { to: "+358401234567", text: "Hi", callback_url: url } });
    expect(answer.status).toBe(402);
    await expect.poll(() => bodies().map(({ data }) => data.status), { timeout: 10_000 }).toEqual(["canceled"]);
    const silent = await post({ callback_url: undefined });
    await nodes.campaign(silent.id, (row) => row.queued === 1);
    expect(silent.callback).toBeNull();
    expect(await nodes.owner`select from message_callback where bulksms_id = ${silent.id}`).toHaveLength(0);
  });
});

describe("the secret", () => {
  it("belongs to the workspace, is shown to its admins alone, and is sealed", async () => {
    const { secret } = await secretOf();
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(await secretOf()).toEqual(await secretOf());
    for (const [key, code] of [
      [workspace.key, "scope_missing"],
      [nodes.credit.adminKey, "scope_missing"],
      [null, "key_missing"],
    ] as const) {
      expect((await ask("GET", "/callback-secret", key)).body.code).toBe(code);
      expect((await ask("POST", "/callback-secret/rotate", key)).body.code).toBe(code);
    }
    expect((await ask("POST", "/callback-secrets/reseal")).body.code).toBe("scope_missing");
    expect((await secretOf()).secret).toBe(secret);
    const [stored] = await nodes.owner<{ sealed: Buffer }[]>`select sealed_secret as sealed from callback_account`;
    const base64 = secret.slice("whsec_".length);
    for (const plain of [Buffer.from(base64), Buffer.from(base64, "base64")]) expect(stored?.sealed.includes(plain)).toBe(false);
  });

  it("is replaced by a call: for a day both sign, then the new one alone", async () => {
    const before = await secretOf();
    const rotated = (await ask("POST", "/callback-secret/rotate")).body as CallbackSecretAnswer;
    expect(rotated.secret).not.toBe(before.secret);
    expect(Date.parse(rotated.previous_until as string)).toBeGreaterThan(Date.now() + 23 * 3_600_000);
    expect(await secretOf()).toEqual(rotated);
    const first = await post();
    await nodes.campaign(first.id, (row) => row.queued === 1);
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBeGreaterThan(0);
    const [call] = seen;
    for (const { secret } of [before, rotated]) new Webhook(secret).verify(call?.body as string, call?.headers as Record<string, string>);

    await nodes.owner`update callback_account set previous_until = now() - interval '1 s' where workspace_id = ${workspace.id}`;
    await nodes.receive(first.id, [1], "delivered");
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(2);
    const [, last] = seen;
    new Webhook(rotated.secret).verify(last?.body as string, last?.headers as Record<string, string>);
    expect(() => new Webhook(before.secret).verify(last?.body as string, last?.headers as Record<string, string>)).toThrow();
    expect((await secretOf()).previous_until).toBeNull();
  });

  it("lives through a new key that seals it", async () => {
    await ask("POST", "/callback-secret/rotate");
    const before = await secretOf();
    const file = nodes.environment.BULKSMS_CARRIER_KEYS as string;
    addSealKey(file);
    const { status: answered, body } = await ask("POST", "/callback-secrets/reseal", nodes.credit.adminKey);
    expect([answered, body.resealed]).toEqual([
      200,
      (await nodes.owner`select from callback_account where sealed_secret is not null`).length,
    ]);
    dropOldSealKeys(file);
    expect(await secretOf()).toEqual(before);
  });

  it("is made once, however many ask first", async () => {
    const other = await nodes.credit.makeWorkspace("1");
    const key = `bk_admin_${randomUUID()}`;
    await nodes.credit
      .owner`insert into api_key (workspace_id, name, secret_sha256, scopes) values (${other.id}, 'admin', ${sha256(key)}, ${["admin"]})`;
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask("GET", "/callback-secret", key)));
    expect(new Set(answers.map(({ body }) => body.secret)).size).toBe(1);
  });
});

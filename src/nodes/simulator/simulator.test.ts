import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ReceiptsReceiver, startReceiptsReceiver } from "../../../testing/receipts_receiver.ts";
import { submitMessagesMax } from "../../contracts/receipts.ts";
import { readConfig } from "../../platform/config.ts";
import { type HttpClient, type HttpResponse, openHttpClient } from "../../platform/http_client.ts";
import { createLog } from "../../platform/log.ts";
import { config, create, type SimulatorNode } from "./main.ts";

const key = "the simulator's key of the test";
const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";
let folder: string;
let receiver: ReceiptsReceiver;
let node: SimulatorNode;
let client: HttpClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulksms-simulator-node-"));
  receiver = await startReceiptsReceiver();
  const settings = readConfig(
    {
      BULKSMS_SIMULATOR_KEY: key.replaceAll(" ", "-"),
      BULKSMS_SIMULATOR_DATA: folder,
      BULKSMS_SIMULATOR_PORT: "0",
      BULKSMS_SIMULATOR_SPEED: "max",
      BULKSMS_SIMULATOR_PROFILE: "answered",
      BULKSMS_SIMULATOR_RECEIPTS_URL: receiver.url,
      BULKSMS_RECEIPT_SECRETS: receiver.secret,
    },
    config,
  );
  node = create(settings, createLog("simulator", { level: "error", format: "json" }));
  await node.start();
  client = openHttpClient(`http://127.0.0.1:${node.ports().http}`, { timeoutMs: 10_000 });
});
afterAll(async () => {
  await client.close();
  await node.stop();
  await receiver.close();
  await rm(folder, { recursive: true, force: true });
});

const bearer = { authorization: `Bearer ${key.replaceAll(" ", "-")}` };
const body = (changes: Record<string, unknown> = {}) => ({
  batch_id: batchId,
  sender: "Oulu",
  text: "Hello",
  valid_until: new Date(Date.now() + 60_000).toISOString(),
  messages: [{ row_no: 1, to: "+46701740610", parts: 1 }],
  ...changes,
});
const post = (sent: unknown, headers: Record<string, string> = bearer): Promise<HttpResponse> =>
  client.request({ method: "POST", path: "/messages", headers, body: sent });
const codeOf = ({ status, body: problem }: HttpResponse): unknown[] => [status, (problem as { code?: string } | undefined)?.code];

describe("a bad submit has a clear answer and no effect", () => {
  const messages = (count: number) => Array.from({ length: count }, (_, at) => ({ row_no: at + 1, to: "+46701740610", parts: 1 }));
  test.each([
    ["no key", body(), {}, 401, "key_missing"],
    ["a wrong key", body(), { authorization: "Bearer wrong" }, 401, "key_invalid"],
    ["a wrong key and a broken body", "{", { authorization: "Bearer wrong" }, 401, "key_invalid"],
    ["broken JSON", '{"batch_id":', bearer, 400, "json_invalid"],
    ["an empty body", "", { ...bearer, "content-type": "application/json" }, 400, "json_invalid"],
    ["another content type", "a=b", { ...bearer, "content-type": "application/x-www-form-urlencoded" }, 415, "content_type_unsupported"],
    ["plain text", "{}", { ...bearer, "content-type": "text/plain" }, 415, "content_type_unsupported"],
    ["an unknown field", body({ urgent: true }), bearer, 422, "field_unknown"],
    ["a wrong type", body({ sender: 5 }), bearer, 400, "request_invalid"],
    ["a malformed number", body({ messages: [{ row_no: 1, to: "0401234567", parts: 1 }] }), bearer, 400, "request_invalid"],
    ["a duplicate row", body({ messages: [...messages(2), ...messages(1)] }), bearer, 400, "request_invalid"],
    ["too many messages", body({ messages: messages(submitMessagesMax + 1) }), bearer, 413, "body_too_large"],
    ["too large a body", Buffer.alloc(17 * 1024 * 1024, " "), bearer, 413, "body_too_large"],
    ["a list instead of an object", [1], bearer, 400, "request_invalid"],
    ["the key __proto__", '{"__proto__": {"admin": true}}', bearer, 400, "request_invalid"],
  ])("%s", async (_says, sent, headers, status, code) => {
    expect(codeOf(await post(sent, headers))).toEqual([status, code]);
  });

  test("another method names the one that is possible", async () => {
    const answer = await client.request({ method: "DELETE", path: "/messages", headers: bearer });
    expect([answer.status, answer.headers.allow]).toEqual([405, "POST"]);
  });

  test("and afterwards the simulator knows of no message", async () => {
    const sums = await client.request({ method: "GET", path: `/statistics?batch_id=${batchId}`, headers: bearer });
    expect(sums.body).toMatchObject({ accepted: 0, rejected: 0, sent: 0 });
  });
});

test("a submitted message can be followed by its reference, and counts in the sums", async () => {
  const batch = "0192f0c1-2345-7abc-8def-0123456789ad";
  const verdict = await post(body({ batch_id: batch, messages: [{ row_no: 7, to: "+46701740610", parts: 3 }] }));
  expect([verdict.status, verdict.body]).toEqual([200, { batch_id: batch, accepted: 1, rejected: [] }]);
  await receiver.until(() => receiver.answered().some(({ id }) => id === `${batch}.7.3`));
  const fate = () => client.request({ method: "GET", path: `/messages/${batch}.7`, headers: bearer });
  let answer = await fate();
  while ((answer.body as { receipts_answered: string[] }).receipts_answered.length < 3) answer = await fate();
  expect(answer.body).toMatchObject({
    verdict: "accepted",
    state: "delivered",
    parts: 3,
    receipts_answered: ["queued", "sent", "delivered"],
  });
  const sums = await client.request({ method: "GET", path: `/statistics?batch_id=${batch.toUpperCase()}`, headers: bearer });
  expect(sums.body).toMatchObject({ batch_id: batch, accepted: 1, sent: 1, parts_sent: 3, delivered: 1 });
  const all = await client.request({ method: "GET", path: "/statistics", headers: bearer });
  expect(all.body).toMatchObject({ accepted: 1, parts_sent: 3, receipts_answered: 3 });
});

test.each(["nonsense", `${batchId}.0`, `${batchId}.99999999999`, `${batchId}.5`])("the message %s is not found", async (reference) => {
  expect(codeOf(await client.request({ method: "GET", path: `/messages/${reference}`, headers: bearer }))).toEqual([
    404,
    "message_not_found",
  ]);
});

test("reads need the key too, and a batch that is no UUID is refused", async () => {
  expect((await client.request({ method: "GET", path: "/statistics" })).status).toBe(401);
  expect((await client.request({ method: "GET", path: "/statistics?batch_id=x", headers: bearer })).status).toBe(400);
});

describe("the receipt weather", () => {
  const put = (sent: unknown, headers: Record<string, string> = bearer) =>
    client.request({ method: "PUT", path: "/weather", headers, body: sent });

  test("is clear at first, is set and read back with its defaults, and cleared", async () => {
    const read = async () => (await client.request({ method: "GET", path: "/weather", headers: bearer })).body;
    expect(await read()).toMatchObject({ weather: {}, happened: { lost: 0 }, strays: { wrongly_taken: 0 } });
    const set = await put({ doubled: { share: 0.5 }, lost: { share: 0.25 } });
    expect([set.status, set.body]).toMatchObject([200, { weather: { doubled: { share: 0.5, times: 2 }, lost: { share: 0.25 } } }]);
    expect(await read()).toMatchObject({ weather: { doubled: { share: 0.5, times: 2 }, lost: { share: 0.25 } } });
    expect((await put({})).body).toMatchObject({ weather: {} });
  });

  test.each([
    ["no key", {}, {}, 401, "key_missing"],
    ["a share above 1", { lost: { share: 1.5 } }, bearer, 400, "request_invalid"],
    ["a share that is text", { lost: { share: "all" } }, bearer, 400, "request_invalid"],
    ["doubled six times", { doubled: { share: 1, times: 6 } }, bearer, 400, "request_invalid"],
    ["held for an hour", { burst: { hold_ms: 3_600_000 } }, bearer, 400, "request_invalid"],
    ["an unknown kind", { snow: { share: 1 } }, bearer, 422, "field_unknown"],
    ["an unknown option", { lost: { share: 1, times: 2 } }, bearer, 422, "field_unknown"],
    ["broken JSON", '{"lost":', bearer, 400, "json_invalid"],
    ["a list", [], bearer, 400, "request_invalid"],
  ])("%s is refused and changes nothing", async (_says, sent, headers, status, code) => {
    expect(codeOf(await put(sent, headers))).toEqual([status, code]);
    expect((await client.request({ method: "GET", path: "/weather", headers: bearer })).body).toMatchObject({ weather: {} });
  });
});

test("health, readiness, metrics and documentation answer without a key", async () => {
  for (const path of ["/health", "/ready", "/metrics", "/docs/json"]) {
    expect([path, (await client.request({ method: "GET", path })).status]).toEqual([path, 200]);
  }
});

// Nonsense against webapi, beside what webapi.database.test.ts and sockets.database.test.ts have:
// odd bodies and queries on every route, handshakes and frames that no WebSocket client makes.
// Always a clear answer, no effect, and the listener answers afterwards.
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anyText } from "../../../testing/any_text.ts";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import { randomRuns } from "../../../testing/random_runs.ts";
import { askRaw, type RawRequest } from "../../../testing/raw_http.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
let nodes: CreditNodes;
let port: number;
let mine: { id: string; key: string };

beforeAll(async () => {
  nodes = await startCreditNodes({ processes: ["rpc", "webapi"] });
  port = Number(new URL(nodes.webapiUrl).port);
  mine = await nodes.makeWorkspace("5.0");
});
afterAll(() => nodes?.stop());

const bearer = (key = nodes.adminKey) => ["Authorization", `Bearer ${key}`] as const;
const json = ["Content-Type", "application/json"] as const;
const get = (path: string, key?: string) => askRaw(port, { path, headers: [bearer(key)] });
const post = (path: string, body: string) => askRaw(port, { method: "POST", path, headers: [bearer(), json], body });
async function footprint() {
  const [row] = await nodes.owner`
    select (select count(*)::int from workspace) as workspaces, (select count(*)::int from api_key) as keys, (select count(*)::int from credit_ledger) as entries`;
  return row;
}

describe("a body", () => {
  test.each<[string, string, () => string, number, string]>([
    ["/workspaces", '{"name":"\\ud800"}', () => "/workspaces", 400, "request_invalid"],
    ["/workspaces", '{"name":"a\\udc00b"}', () => "/workspaces", 400, "request_invalid"],
    ["/workspaces", '{"name":"\\u0085"}', () => "/workspaces", 400, "request_invalid"],
    ["/workspaces", '{"name":"\\u00a0\\u2003"}', () => "/workspaces", 400, "request_invalid"],
    ["/workspaces", '{"name":["a"]}', () => "/workspaces", 400, "request_invalid"],
    ["/workspaces", '{"name":{"toString":"a"}}', () => "/workspaces", 400, "request_invalid"],
    ["credit", '{"amount":"١"}', () => `/workspaces/${mine.id}/credit`, 400, "amount_invalid"],
    ["credit", '{"amount":"1\\n"}', () => `/workspaces/${mine.id}/credit`, 400, "amount_invalid"],
    ["credit", '{"amount":"+1"}', () => `/workspaces/${mine.id}/credit`, 400, "amount_invalid"],
    ["credit", '{"amount":"0x10"}', () => `/workspaces/${mine.id}/credit`, 400, "amount_invalid"],
    ["credit", '{"amount":"Infinity"}', () => `/workspaces/${mine.id}/credit`, 400, "amount_invalid"],
    ["credit", '{"amount":".5"}', () => `/workspaces/${mine.id}/credit`, 400, "amount_invalid"],
    ["credit", '{"amount":1e400}', () => `/workspaces/${mine.id}/credit`, 400, "request_invalid"],
    ["/keys", '{"name":"k","scopes":["read","read","read","read"]}', () => "/keys", 400, "request_invalid"],
    ["/keys", '{"name":"k","scopes":{"0":"read","length":1}}', () => "/keys", 400, "request_invalid"],
    ["/keys", '{"name":"k","scopes":["__proto__"]}', () => "/keys", 400, "request_invalid"],
    ["/keys", '{"name":"k","scopes":["read"],"workspace_id":"x"}', () => "/keys", 400, "request_invalid"],
    ["/keys", '{"name":"k","scopes":["read"],"workspace_id":{}}', () => "/keys", 400, "request_invalid"],
    ["/keys", '{"name":"k","scopes":["read"],"secret":"mine"}', () => "/keys", 422, "field_unknown"],
  ])("of %s: %s is refused without effect", async (_route, body, path, status, code) => {
    const before = await footprint();
    const answer = await post(path(), body);
    expect([answer.status, answer.body?.code]).toEqual([status, code]);
    expect(await footprint()).toEqual(before);
  });

  test("that would make the credit too large to count is refused without effect", async () => {
    const { id } = await nodes.makeWorkspace("1.0");
    await nodes.owner`update workspace set available = 9223372036854775000 where id = ${id}`;
    const answer = await post(`/workspaces/${id}/credit`, '{"amount":"1"}');
    expect([answer.status, answer.body.code]).toEqual([400, "amount_invalid"]);
    expect((await get(`/workspaces/${id}`)).body.available).toBe("9223372036854775.0");
  });

  test(`of any JSON never comes to a 500 (seed ${seed})`, async () => {
    // a workspace of its own: some of the bodies are good
    const { id } = await nodes.makeWorkspace("1.0");
    const value = fc.oneof(fc.jsonValue(), anyText({ maxLength: 20 }), fc.constantFrom("read", id, randomUUID(), "1.0", ["read"]));
    const body = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom("name", "scopes", "workspace_id", "amount", "extra"), value, { maxKeys: 3 }),
    );
    const path = fc.constantFrom("/workspaces", "/keys", `/workspaces/${id}/credit`);
    const all = fc.sample(fc.tuple(path, body), { seed, numRuns: randomRuns(50) });
    const statuses = await Promise.all(all.map(async ([route, asked]) => (await post(route, JSON.stringify(asked))).status));
    for (const [index, status] of statuses.entries()) expect([201, 400, 404, 422], JSON.stringify(all[index])).toContain(status);
  });
});

describe("a query", () => {
  test("of the ledger that means nothing is refused", async () => {
    const path = `/workspaces/${mine.id}/ledger`;
    const cursor = (words: string) => Buffer.from(words).toString("base64url");
    for (const query of [
      "limit=",
      "limit=1&limit=2",
      "limit=1.5",
      "limit=Infinity",
      "limit=9007199254740993",
      "limit=%00",
      "cursor=a&cursor=b",
      `cursor=${"a".repeat(199)}`,
      `cursor=${cursor("2026-01-01T00:00:00.000000Z not-an-id")}`,
      `cursor=${cursor(`2026-01-01 00:00:00 ${randomUUID()}`)}`,
      `cursor=${cursor(`infinity ${randomUUID()}`)}`,
      `cursor=${cursor(`2026-01-01T00:00:00.000000Z ${randomUUID()}'; select 1`)}`,
      `cursor=${cursor("\0".repeat(30))}`,
      `cursor=${encodeURIComponent("😀")}`,
    ]) {
      const answer = await get(`${path}?${query}`);
      expect([answer.status, answer.body?.code], query).toEqual([400, "request_invalid"]);
    }
    for (const query of ["__proto__=1", "constructor=1", "limit[]=1"]) expect((await get(`${path}?${query}`)).status, query).toBe(422);
  });

  test("finds a workspace and a key however the case of their ids, and none by anything else", async () => {
    expect((await get(`/workspaces/${mine.id.toUpperCase()}/credit`, mine.key)).body).toMatchObject({
      workspace_id: mine.id,
      credit: "5.0",
    });
    expect((await get(`/workspaces/${mine.id.toUpperCase()}/ledger`, mine.key)).status).toBe(200);
    for (const id of [
      `{${mine.id}}`,
      mine.id.replaceAll("-", ""),
      `${mine.id}%00`,
      `%20${mine.id}`,
      "00000000-0000-0000-0000-000000000000",
      "%C3%BF",
    ]) {
      expect([400, 404], id).toContain((await get(`/workspaces/${id}`)).status);
    }
  });
});

describe("a handshake", () => {
  const shake = (headers: readonly (readonly [string, string])[], more: Partial<RawRequest> = {}) =>
    askRaw(port, {
      path: "/ws",
      isBare: true,
      headers: [["Host", "127.0.0.1"], bearer(), ["Connection", "Upgrade"], ["Upgrade", "websocket"], ...headers],
      ...more,
    });
  const version = ["Sec-WebSocket-Version", "13"] as const;
  const key = ["Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="] as const;

  test.each<[string, readonly (readonly [string, string])[]]>([
    ["no key", [version]],
    ["a key that is too short", [version, ["Sec-WebSocket-Key", "x"]]],
    ["no version", [key]],
    ["an old version", [key, ["Sec-WebSocket-Version", "7"]]],
    ["protocols that are none", [version, key, ["Sec-WebSocket-Protocol", "a,,b"]]],
  ])("with %s is a problem with a code", async (_says, headers) => {
    const answer = await shake(headers);
    expect([answer.status, answer.body?.code]).toEqual([400, "request_invalid"]);
  });

  test("by POST is 405, at another path a plain request, and with an odd extension goes on without it", async () => {
    expect((await shake([version, key], { method: "POST" })).status).toBe(405);
    expect((await shake([version, key], { path: "/nowhere" })).body?.code).toBe("not_found");
    const opened = await shake([version, key, ["Sec-WebSocket-Extensions", 'permessage-deflate; x="; ,,']]);
    expect([opened.status, opened.headers["sec-websocket-extensions"]]).toEqual([101, undefined]);
  });
});

describe("a frame", () => {
  const handshake = () =>
    `GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\n${bearer().join(": ")}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`;
  /** Masked with zeros, as a client's frame must be masked. */
  const frame = (first: number, payload: Buffer, length = payload.length, isMasked = true) => {
    const size =
      length < 126 ? Buffer.from([length]) : length < 65_536 ? Buffer.from([126, length >> 8, length & 255]) : Buffer.alloc(9, 255);
    if (length >= 65_536) size[0] = 127;
    size[0] = (size[0] as number) | (isMasked ? 0x80 : 0);
    return Buffer.concat([Buffer.from([first]), size, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
  };
  const text = 0x81;
  const words = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

  /**
   * Sends the bytes after a handshake. @returns the code of the close frame that comes; 0 when the
   * connection ends without one.
   */
  const closeCodeOf = (bytes: Buffer) =>
    new Promise<number>((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => socket.write(handshake()));
      const overdue = setTimeout(() => reject(new Error("neither an answer nor an end")), 10_000);
      let received = Buffer.alloc(0);
      let isOpen = false;
      socket.on("data", (chunk) => {
        received = Buffer.concat([received, chunk]);
        const head = received.indexOf("\r\n\r\n");
        if (!isOpen && head !== -1) {
          isOpen = true;
          received = received.subarray(head + 4);
          socket.write(bytes);
        }
        // nothing but the close frame is awaited
        if (isOpen && received.length >= 4 && received[0] === 0x88) end(received.readUInt16BE(2));
      });
      const end = (code: number) => {
        clearTimeout(overdue);
        socket.destroy();
        resolve(code);
      };
      socket.on("error", () => end(0));
      socket.on("close", () => end(0));
    });

  test.each<[string, () => Buffer, number]>([
    ["without a mask", () => frame(text, words({}), 2, false), 1002],
    ["with reserved bits", () => frame(0xf1, words("{}")), 1002],
    ["that says it is packed", () => frame(0xc1, words("{}")), 1002],
    ["of an unknown kind", () => frame(0x83, words("{}")), 1002],
    ["that goes on with nothing", () => frame(0x80, words("{}")), 1002],
    ["of control in pieces", () => frame(0x09, words("x")), 1002],
    ["of control above 125 bytes", () => frame(0x89, Buffer.alloc(126)), 1002],
    ["of close with a code that is none", () => frame(0x88, Buffer.from([0, 5])), 1002],
    ["of text that is not valid UTF-8", () => frame(text, Buffer.from([0xff, 0xfe])), 1007],
    ["of close whose reason is not valid UTF-8", () => frame(0x88, Buffer.from([3, 232, 0xff])), 1007],
    ["of 2^63 bytes", () => frame(text, words("{}"), 65_536), 1009],
    ["of bytes", () => frame(0x82, words("{}")), 4400],
    [
      "of many pieces that are too long together",
      () => Buffer.concat([frame(0x01, words("x".repeat(100))), ...Array.from({ length: 200 }, () => frame(0x00, words("x".repeat(100))))]),
      1009,
    ],
    ["of 8,000 lists in each other", () => frame(text, words("[".repeat(8_000) + "]".repeat(8_000))), 4400],
    ["of a field twice", () => frame(text, words('{"subscribe":[],"subscribe":[{"topic":"workspace_credit","channel":"x"}]}')), 4400],
    ["of __proto__", () => frame(text, words('{"__proto__":{"subscribe":[]}}')), 4400],
    ["of a channel with a NUL", () => frame(text, words({ subscribe: [{ topic: "workspace_credit", channel: `${mine.id}\0` }] })), 4400],
    [
      "of a channel that is a pattern",
      () => frame(text, words({ subscribe: [{ topic: "bulksms_progress", channel: "????????-*" }] })),
      4400,
    ],
    [
      "of a thousand requests at once",
      () =>
        Buffer.concat(
          Array.from({ length: 1_000 }, () => frame(text, words({ subscribe: [{ topic: "workspace_credit", channel: randomUUID() }] }))),
        ),
      4403,
    ],
  ])("%s closes its socket with the code that says so", async (_what, bytes, code) => {
    // whoever floods may also be told so before the first is answered
    expect(code === 4403 ? [4403, 1013] : [code]).toContain(await closeCodeOf(bytes()));
  });

  test(`of any text closes its own socket alone (seed ${seed})`, async () => {
    const message = fc.oneof(fc.json({ maxDepth: 2 }), anyText({ maxLength: 100 }));
    const all = fc.sample(message, { seed, numRuns: randomRuns(40) });
    const codes = await Promise.all(all.map((asked) => closeCodeOf(frame(text, Buffer.from(asked)))));
    for (const [index, code] of codes.entries()) expect(code, all[index]).toBe(4400);
  });
});

test("and afterwards the listener answers, no socket is left, and the log has no error", async () => {
  expect((await get("/ready")).status).toBe(200);
  await expect.poll(async () => /^bulksms_sockets\{[^}]*\} (\d+)/m.exec((await get("/metrics")).text)?.[1], { timeout: 10_000 }).toBe("0");
  const levels = nodes.logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === "error" || level >= 50);
  expect(levels).toEqual([]);
});

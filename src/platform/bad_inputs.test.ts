// How every HTTP listener of ours answers nonsense: bytes, URLs, methods, headers, bodies. Always a
// problem with a stable code, never a 500, never silence.
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { anyText } from "../../testing/any_text.ts";
import { randomRuns } from "../../testing/random_runs.ts";
import { askRaw, type RawAnswer, type RawRequest, sendBytes } from "../../testing/raw_http.ts";
import type { errorRules } from "../contracts/errors.ts";
import { createHttpServer, type HttpServer, listen } from "./http.ts";
import { createMetrics } from "./metrics.ts";
import { sleep } from "./time/sleep.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const bodyStallMs = 300;
let app: HttpServer;
let port: number;
/** Bodies that reached the route. */
const taken: unknown[] = [];
const logLines: string[] = [];

beforeAll(async () => {
  app = await createHttpServer({
    name: "test",
    description: "a test",
    log: pino({ level: "warn" }, { write: (line: string) => void logLines.push(line) }),
    metrics: createMetrics("test"),
    checks: {},
    host: "127.0.0.1",
    allowedHosts: ["Bulksms.Example"],
    requestsPerMinute: null,
    bodyStallMs,
  });
  app.post("/things", { schema: { body: z.strictObject({ name: z.string() }) } }, async ({ body }) => {
    taken.push(body);
    return { name: body.name };
  });
  app.get("/things/:id", async ({ params }) => ({ id: (params as { id: string }).id }));
  port = await listen(app, { host: "127.0.0.1", port: 0 });
});
afterAll(() => app.close());

const json = ["Content-Type", "application/json"] as const;
const ask = (request: RawRequest) => askRaw(port, request);
const post = (body: string | Buffer, ...headers: (readonly [string, string])[]) =>
  ask({ method: "POST", path: "/things", headers: headers.length === 0 ? [json] : headers, body });

function expectProblem(answer: RawAnswer, status: number, code: keyof typeof errorRules): void {
  expect({ status: answer.status, code: answer.body?.code, text: answer.text.slice(0, 200) }).toMatchObject({ status, code });
  expect(answer.headers["content-type"]).toContain("application/problem+json");
  expect(answer.body).toMatchObject({ status, title: expect.any(String), detail: expect.any(String) });
}

describe("a URL", () => {
  test.each<[string, number, keyof typeof errorRules]>([
    ["/things/%zz", 404, "not_found"],
    ["/things/%ff%fe", 404, "not_found"],
    ["/%", 404, "not_found"],
    ["//things", 404, "not_found"],
    ["/THINGS", 404, "not_found"],
    ["*", 404, "not_found"],
    ["/%00", 404, "not_found"],
    ["/things/../../etc/passwd", 404, "not_found"],
    ["/docs/../../etc/passwd", 404, "not_found"],
    ["/docs/static/../../../package.json", 404, "not_found"],
    ["/docs/static/%2e%2e%2f%2e%2e%2fpackage.json", 404, "not_found"],
    ["/docs/static/..%5c..%5cpackage.json", 404, "not_found"],
    ["/docs/static/%00", 404, "not_found"],
    ["/docs/static/no_such_file", 404, "not_found"],
    ["/things/a b", 400, "request_invalid"],
    ["/th\xe4ngs", 400, "request_invalid"],
    ["/th\0ngs", 400, "request_invalid"],
  ])("%s is %i %s", async (path, status, code) => {
    expectProblem(await ask({ path }), status, code);
  });

  test("that is too long is 404, and 431 beyond the limit of all headers", async () => {
    for (const length of [300, 15_000]) expectProblem(await ask({ path: `/things/${"a".repeat(length)}` }), 404, "not_found");
    expectProblem(await ask({ path: `/${"a".repeat(20_000)}` }), 431, "header_too_large");
  });

  test("with any query is answered where none is read", async () => {
    for (const query of ["%zz", "__proto__=1", "constructor[prototype]=1", `${"a=1&".repeat(3_000)}`, "&&&=", "%00"]) {
      expect((await ask({ path: `/health?${query}` })).status, query.slice(0, 20)).toBe(200);
    }
  });
});

describe("a method", () => {
  test.each(["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "M-SEARCH"])(
    "%s that a path lacks is 405 with Allow",
    async (method) => {
      const answer = await ask({ method, path: "/things" });
      expectProblem(answer, 405, "method_not_allowed");
      expect(answer.headers.allow).toBe("POST");
    },
  );

  test("that is none is 400, CONNECT 405, and QUERY without a type 400", async () => {
    for (const method of ["FOO", "get", "GET/POST", ""]) expectProblem(await ask({ method, path: "/health" }), 400, "request_invalid");
    expectProblem(await ask({ method: "CONNECT", path: "evil.example:443" }), 405, "method_not_allowed");
    expectProblem(await ask({ method: "QUERY", path: "/health" }), 400, "request_invalid");
  });

  test("HEAD is answered without a body", async () => {
    expect(await ask({ method: "HEAD", path: "/health" })).toMatchObject({ status: 200, text: "" });
    expect(await ask({ method: "HEAD", path: "/nowhere" })).toMatchObject({ status: 404, text: "" });
  });
});

describe("a Host or an Origin", () => {
  const withHost = (...hosts: string[]): RawRequest => ({
    path: "/health",
    isBare: true,
    headers: [...hosts.map((host) => ["Host", host] as const), ["Connection", "close"]],
  });

  test.each(["localhost", "LOCALHOST:8000", "[::1]:80", "127.0.0.1:99999999", "bulksms.example", "BULKSMS.example:443"])(
    "%s is ours",
    async (host) => {
      expect((await ask(withHost(host))).status).toBe(200);
    },
  );

  test.each([
    "",
    "[::1",
    "a:b:c",
    "127.0.0.1 evil.example",
    "127.0.0.1,evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "evil@127.0.0.1",
    "0.0.0.0",
    "2130706433",
    "\xff",
  ])("%j as Host is refused", async (host) => {
    expectProblem(await ask(withHost(host)), 403, "origin_refused");
  });

  test("no Host is 400", async () => {
    expectProblem(await ask(withHost()), 400, "request_invalid");
  });

  test.each([
    "null",
    "",
    "x",
    "file://",
    "http://[",
    "http://localhost.evil.example",
    "https://127.0.0.1@evil.example",
    "http://evil.example#127.0.0.1",
    "javascript:127.0.0.1",
  ])("%j as Origin is refused", async (origin) => {
    expectProblem(await ask({ path: "/health", headers: [["Origin", origin]] }), 403, "origin_refused");
  });
});

describe("headers", () => {
  test.each<[string, readonly (readonly [string, string])[], number, keyof typeof errorRules]>([
    ["a range behind the end of a file", [["Range", "bytes=99999999-"]], 400, "request_invalid"],
    ["a condition that fails", [["If-Match", '"x"']], 400, "request_invalid"],
    ["a time that has passed", [["If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"]], 400, "request_invalid"],
    ["20 kB in one", [["X-Large", "a".repeat(20_000)]], 431, "header_too_large"],
    ["20 kB in many", Array.from({ length: 2_000 }, (_, at) => [`X-${at}`, "aaaa"] as const), 431, "header_too_large"],
    ["a NUL", [["X-Nul", "a\0b"]], 400, "request_invalid"],
    ["a blank in a name", [["X Blank", "1"]], 400, "request_invalid"],
    ["two lengths", [json, ["Content-Length", "2"], ["Content-Length", "3"]], 400, "request_invalid"],
    ["a length and chunks", [json, ["Content-Length", "2"], ["Transfer-Encoding", "chunked"]], 400, "request_invalid"],
    ["a length below zero", [json, ["Content-Length", "-1"]], 400, "request_invalid"],
    ["a length that no number holds", [json, ["Content-Length", "99999999999999999999"]], 400, "request_invalid"],
    ["a transfer coding that ends in no chunks", [json, ["Transfer-Encoding", "gzip"]], 400, "request_invalid"],
  ])("with %s", async (_says, headers, status, code) => {
    expectProblem(await ask({ path: "/docs/static/index.css", headers }), status, code);
  });

  test("with conditions and expectations that mean nothing are taken for none", async () => {
    for (const header of [
      ["If-Modified-Since", "garbage"],
      ["If-None-Match", '"'],
      ["Range", "lines=1-2"],
      ["Expect", "the best"],
      ["Upgrade", "h2c"],
      ["Connection", "Upgrade, HTTP2-Settings"],
    ] as const) {
      const isClosed = header[0] !== "Connection";
      const closing = isClosed ? [] : ([["Connection", "close"]] as const);
      expect((await ask({ path: "/docs/static/index.css", headers: [header, ...closing] })).status, header[0]).toBe(200);
    }
  });

  test("of a body that is packed are 415, whatever is in it", async () => {
    for (const encoding of ["gzip", "br", "deflate", "gzip, gzip", "x"]) {
      expectProblem(await post(gzipSync('{"name":"x"}'), json, ["Content-Encoding", encoding]), 415, "content_type_unsupported");
    }
    expect((await post('{"name":"identity"}', json, ["Content-Encoding", "Identity"])).status).toBe(200);
  });
});

describe("a body", () => {
  test.each<[string, string | Buffer, number, keyof typeof errorRules]>([
    ["bytes that are no UTF-8", Buffer.from('{"name":"\xff\xfe"}', "latin1"), 400, "json_invalid"],
    ["UTF-8 cut short", Buffer.from('{"name":"\xe2\x82"}', "latin1"), 400, "json_invalid"],
    ["a surrogate in UTF-8", Buffer.from('{"name":"\xed\xa0\x80"}', "latin1"), 400, "json_invalid"],
    ["UTF-16", Buffer.from('{"name":"x"}', "utf16le"), 400, "json_invalid"],
    ["a raw NUL", '{"name":"a\0"}', 400, "json_invalid"],
    ["words behind its end", '{"name":"x"} x', 400, "json_invalid"],
    ["a comment", '{"name":"x"/**/}', 400, "json_invalid"],
    ["single quotes", "{'name':'x'}", 400, "json_invalid"],
    ["a trailing comma", '{"name":"x",}', 400, "json_invalid"],
    ["no number", "NaN", 400, "json_invalid"],
    ["__proto__", '{"__proto__":{"x":1},"name":"a"}', 400, "json_invalid"],
    ["__proto__ spelt with an escape", '{"\\u005f_proto__":{"x":1},"name":"a"}', 400, "json_invalid"],
    ["constructor.prototype", '{"constructor":{"prototype":{"x":1}},"name":"a"}', 400, "json_invalid"],
    ["only a list", "[]", 400, "request_invalid"],
    ["only null", "null", 400, "request_invalid"],
    ["only a text", '"x"', 400, "request_invalid"],
    ["a number above all", '{"name":1e400}', 400, "request_invalid"],
    ["30,000 lists in each other", `${"[".repeat(30_000)}${"]".repeat(30_000)}`, 400, "request_invalid"],
    ["30,000 lists in its field", `{"name":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, 400, "request_invalid"],
    ["10,000 objects in each other", `${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}`, 400, "request_invalid"],
    [
      "10,000 unknown fields",
      JSON.stringify(Object.fromEntries(Array.from({ length: 6_000 }, (_, at) => [`f${at}`, 1]))),
      400,
      "request_invalid",
    ],
  ])("of %s", async (_says, body, status, code) => {
    const before = taken.length;
    expectProblem(await post(body), status, code);
    expect(taken).toHaveLength(before);
  });

  test.each(["application/jsonx", "application/vnd.api+json", "", ";", "/", "text/json", "\xff", "application/json, text/plain"])(
    "of type %j is 415",
    async (type) => {
      expectProblem(await post('{"name":"x"}', ["Content-Type", type]), 415, "content_type_unsupported");
    },
  );

  test("with a field twice means its last, as JSON.parse does, and happens once", async () => {
    const before = taken.length;
    expect((await post('{"name":"first","name":"last"}')).body).toEqual({ name: "last" });
    expect(taken.slice(before)).toEqual([{ name: "last" }]);
  });

  test("in broken chunks is 400", async () => {
    const chunked = (body: string) => ask({ method: "POST", path: "/things", headers: [json, ["Transfer-Encoding", "chunked"]], body });
    for (const body of [
      "zz\r\n{}\r\n0\r\n\r\n",
      "FFFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n",
      `2;${"x".repeat(20_000)}\r\n{}\r\n0\r\n\r\n`,
      "2\r\n{}xx0\r\n\r\n",
    ]) {
      expectProblem(await chunked(body), 400, "request_invalid");
    }
    const withTrailers = await chunked('c\r\n{"name":"x"}\r\n0\r\nAuthorization: Bearer x\r\n__proto__: 1\r\n\r\n');
    expect(withTrailers).toMatchObject({ status: 200, body: { name: "x" } });
  });

  test("that stops in its middle is given up with 408, so that nobody holds a place forever", async () => {
    const startedAt = performance.now();
    const head = "POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    expectProblem(await sendBytes(port, `${head}{"name":`), 408, "request_incomplete");
    expect(performance.now() - startedAt).toBeGreaterThan(bodyStallMs / 2);
  });

  test("that trickles below a kilobyte a second is given up too, one that is only slow is not", async () => {
    const slow = async (bytesAtOnce: number) => {
      const socket = connect(port, "127.0.0.1");
      const body = JSON.stringify({ name: "x".repeat(bytesAtOnce * 40) });
      socket.write(
        `POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
      );
      const answered = socket.setEncoding("utf8").toArray();
      for (let at = 0; at < body.length && !socket.destroyed && socket.writable; at += bytesAtOnce) {
        socket.write(body.slice(at, at + bytesAtOnce));
        await sleep(25);
      }
      return Number(/ (\d{3}) /.exec((await answered).join(""))?.[1]);
    };
    expect(await Promise.all([slow(2), slow(500)])).toEqual([408, 200]);
  });
});

describe("bytes", () => {
  test.each([
    "nonsense\r\n\r\n",
    "\0\0\0\0",
    "\x16\x03\x01\x02\0\x01",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET / HTTP/9.9\r\n\r\n",
    "GET / HTTP/1.1\r\n folded: 1\r\n\r\n",
    "GET / HTTP/1.1\nHost: 127.0.0.1\n\n",
  ])("that are no HTTP are 400: %j", async (bytes) => {
    expectProblem(await sendBytes(port, Buffer.from(bytes, "latin1")), 400, "request_invalid");
  });

  test("that end before their request does have no effect", async () => {
    const before = taken.length;
    for (const bytes of [
      "",
      "\r\n",
      "GET /hea",
      "POST /things HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
    ]) {
      expect([0, 400]).toContain((await sendBytes(port, bytes, { isCut: true })).status);
    }
    expect(taken).toHaveLength(before);
  });

  test(`of a random request never come to a 500 or to silence (seed ${seed})`, async () => {
    const word = fc.oneof(fc.constantFrom("/things", "/things/1", "/health", "/docs", "*", "/"), anyText({ maxLength: 30 }));
    const header = fc.tuple(
      fc.oneof(
        fc.constantFrom(
          "Content-Type",
          "Content-Length",
          "Transfer-Encoding",
          "Host",
          "Origin",
          "Authorization",
          "Expect",
          "Range",
          "Upgrade",
          "Accept",
          "Idempotency-Key",
        ),
        fc.string({ maxLength: 10 }),
      ),
      fc.oneof(
        fc.constantFrom("application/json", "chunked", "0", "2", "127.0.0.1", "close", "100-continue", "Bearer x"),
        anyText({ maxLength: 30 }),
      ),
    );
    const request = fc.record({
      method: fc.oneof(fc.constantFrom("GET", "POST", "PUT", "HEAD", "OPTIONS"), fc.string({ maxLength: 8 })),
      path: word,
      headers: fc.array(header, { maxLength: 4 }),
      body: fc.oneof(fc.json(), anyText({ maxLength: 60 })),
    });
    for (let round = 0; round < 3; round++) {
      const all = fc.sample(request, { seed: seed + round, numRuns: randomRuns(40) });
      const statuses = await Promise.all(all.map(async (asked) => (await ask(asked)).status));
      for (const [index, status] of statuses.entries())
        expect(status >= 100 && status < 200 ? 500 : status, JSON.stringify(all[index])).toBeLessThan(500);
    }
  });
});

test("and afterwards the listener answers, and the log has no error", async () => {
  expect((await ask({ path: "/health" })).status).toBe(200);
  expect(logLines).toEqual([]);
  expect((await post('{"name":"good"}')).body).toEqual({ name: "good" });
});

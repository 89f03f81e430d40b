import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { AppError } from "../contracts/errors.ts";
import { createHttpServer, type HttpServer, listen } from "./http.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";

let app: HttpServer;
let port: number;
let isDatabaseUp = true;

beforeAll(async () => {
  app = await createHttpServer({
    name: "webapi",
    description: "a test",
    log: createLog("webapi", { level: "fatal", format: "json" }),
    metrics: createMetrics("webapi"),
    checks: { postgres: async () => (isDatabaseUp ? undefined : Promise.reject(new Error("down"))) },
    host: "127.0.0.1",
    allowedHosts: ["bulksms.example"],
    requestsPerMinute: 50,
  });
  app.post("/run", { schema: { body: z.strictObject({ bulksms_id: z.uuid() }) } }, async ({ body }) => ({ id: body.bulksms_id }));
  app.get("/bulksms/:id", async () => {
    throw new AppError("insufficient_credit", "Too little.", { details: { needed: "5.0", available: "1.0" } });
  });
  app.get("/broken", async () => {
    throw new Error("a secret of the inside");
  });
  port = await listen(app, { host: "127.0.0.1", port: 0 });
});
afterAll(() => app.close());

const ask = async (method: string, path: string, options: { body?: string; headers?: Record<string, string> } = {}) =>
  new Promise<{ status: number; headers: Record<string, unknown>; body: Record<string, unknown> }>((resolve, reject) => {
    const request = httpRequest({ host: "127.0.0.1", port, method, path, headers: options.headers }, (response) => {
      let text = "";
      response.on("data", (bytes) => {
        text += bytes;
      });
      response.on("end", () => {
        const isJson = String(response.headers["content-type"]).includes("json");
        resolve({ status: response.statusCode as number, headers: response.headers, body: isJson ? JSON.parse(text) : { text } });
      });
    });
    request.on("error", reject);
    request.end(options.body);
  });
const json = { "content-type": "application/json" };

test("a valid request is answered", async () => {
  const id = "0199d3c0-0000-7000-8000-000000000001";
  expect(await ask("POST", "/run", { body: JSON.stringify({ bulksms_id: id }), headers: json })).toMatchObject({
    status: 200,
    body: { id },
  });
});

test.each([
  ["broken JSON", "{", json, 400, "json_invalid"],
  ["an empty body", "", json, 400, "json_invalid"],
  ["a wrong type", '{"bulksms_id":5}', json, 400, "request_invalid"],
  ["a missing field", "{}", json, 400, "request_invalid"],
  ["an unknown field", '{"bulksms_id":"0199d3c0-0000-7000-8000-000000000001","color":"red"}', json, 422, "field_unknown"],
  ["another content type", "a=b", { "content-type": "application/x-www-form-urlencoded" }, 415, "content_type_unsupported"],
  ["plain text", "{}", { "content-type": "text/plain" }, 415, "content_type_unsupported"],
  ["a body over the limit", JSON.stringify({ a: "x".repeat(70_000) }), json, 413, "body_too_large"],
])("%s gets one clear problem with a stable code", async (_title, body, headers, status, code) => {
  const answer = await ask("POST", "/run", { body, headers });
  expect(answer).toMatchObject({ status, body: { status, code } });
  expect(answer.headers["content-type"]).toContain("application/problem+json");
});

test("a refusal carries its facts beside its code", async () => {
  expect((await ask("GET", "/bulksms/1")).body).toMatchObject({
    code: "insufficient_credit",
    needed: "5.0",
    available: "1.0",
    is_without_effect: true,
  });
});

test("an impossible error tells nothing of the inside", async () => {
  const answer = await ask("GET", "/broken");
  expect(answer).toMatchObject({ status: 500, body: { code: "internal" } });
  expect(JSON.stringify(answer.body)).not.toContain("secret");
});

test("a wrong method is 405 with Allow, an unknown path is 404", async () => {
  const wrongMethod = await ask("DELETE", "/bulksms/7");
  expect(wrongMethod).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
  expect(wrongMethod.headers.allow).toBe("GET");
  expect(await ask("GET", "/nothing")).toMatchObject({ status: 404, body: { code: "not_found" } });
});

test("a foreign Host or Origin is refused on loopback, a configured one is not", async () => {
  expect(await ask("GET", "/health", { headers: { host: "evil.example" } })).toMatchObject({
    status: 403,
    body: { code: "origin_refused" },
  });
  expect(await ask("GET", "/health", { headers: { origin: "http://evil.example" } })).toMatchObject({ status: 403 });
  expect(await ask("GET", "/health", { headers: { origin: "null" } })).toMatchObject({ status: 403 });
  expect(await ask("GET", "/health", { headers: { host: "bulksms.example" } })).toMatchObject({ status: 200 });
  expect(await ask("GET", "/health", { headers: { host: "localhost:8000", origin: "http://localhost:3000" } })).toMatchObject({
    status: 200,
  });
});

test("readiness follows the dependencies, health does not", async () => {
  expect(await ask("GET", "/ready")).toMatchObject({ status: 200, body: { checks: { postgres: "ok" } } });
  isDatabaseUp = false;
  expect(await ask("GET", "/ready")).toMatchObject({ status: 503, body: { checks: { postgres: "silent" } } });
  expect(await ask("GET", "/health")).toMatchObject({ status: 200 });
  isDatabaseUp = true;
});

test("metrics and the API's description are served", async () => {
  expect((await ask("GET", "/metrics")).body.text).toContain('process_cpu_seconds_total{process="webapi"}');
  expect(Object.keys((await ask("GET", "/docs/json")).body.paths as object)).toContain("/run");
});

test("requests with a key are counted; probes and signed receipts, which carry none, are not", async () => {
  const counted = async (): Promise<number> => {
    const { text } = (await ask("GET", "/metrics")).body as { text: string };
    return Number(/^bulksms_http_requests_total\{[^}]*\} (\d+)$/m.exec(text)?.[1] ?? 0);
  };
  const before = await counted();
  await ask("GET", "/bulksms/1", { headers: { authorization: "Bearer counted" } });
  await ask("GET", "/bulksms/1");
  await ask("GET", "/health");
  expect(await counted()).toBe(before + 1);
});

test("a caller over its rate gets 429 with Retry-After, another key does not", async () => {
  const key = { authorization: "Bearer first" };
  for (let count = 0; count < 50; count++) await ask("GET", "/bulksms/1", { headers: key });
  const refused = await ask("GET", "/bulksms/1", { headers: key });
  expect(refused).toMatchObject({ status: 429, body: { code: "rate_limited" } });
  expect(Number(refused.headers["retry-after"])).toBeGreaterThan(0);
  expect((await ask("GET", "/bulksms/1", { headers: { authorization: "Bearer second" } })).status).toBe(402);
  for (const spelling of ["Bearer  first", "bearer first", "BEARER   first"]) {
    expect((await ask("GET", "/bulksms/1", { headers: { authorization: spelling } })).status, spelling).toBe(429);
  }
});

test("headers that are too large, or no HTTP at all, get a problem too", async () => {
  const huge = await ask("GET", "/health", { headers: { "x-large": "a".repeat(20_000) } });
  expect(huge).toMatchObject({ status: 431, body: { status: 431, code: "header_too_large" } });
  expect(huge.headers["content-type"]).toBe("application/problem+json");
  const socket = connect(port, "127.0.0.1");
  socket.end("nonsense\r\n\r\n");
  const answer = (await socket.setEncoding("utf8").toArray()).join("");
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(JSON.parse(answer.split("\r\n\r\n")[1] as string)).toMatchObject({ status: 400, code: "request_invalid" });
});

test("a request that comes while the process drains is refused with a stable code, and what is in hand is answered", async () => {
  const log = createLog("webapi", { level: "fatal", format: "json" });
  const metrics = createMetrics("draining");
  const options = { log, metrics, checks: {}, host: "127.0.0.1", allowedHosts: [], requestsPerMinute: null };
  const draining = await createHttpServer({ name: "webapi", description: "a test", ...options });
  let finish = (): void => {};
  const inHand = new Promise<void>((resolve) => {
    draining.get("/slow", async () => {
      resolve();
      await new Promise<void>((end) => {
        finish = end;
      });
      return { ended: true };
    });
  });
  const socket = connect(await listen(draining, { host: "127.0.0.1", port: 0 }), "127.0.0.1");
  // pipelined: the second request is read while the first is being handled
  const request = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`;
  let heard = "";
  socket.setEncoding("utf8").on("data", (text) => {
    heard += text;
  });
  socket.write(request("/slow"));
  await inHand;
  const closed = draining.close();
  const refused = new Promise<void>((resolve) => draining.server.once("request", () => resolve()));
  socket.write(request("/health"));
  await refused;
  finish();
  await once(socket, "close");
  await closed;
  expect(heard).toContain('{"ended":true}');
  expect(heard).toContain("HTTP/1.1 503");
  expect(heard).toContain('"code":"service_unavailable"');
  expect(heard.toLowerCase()).toContain("retry-after: 1");
});

async function startDraining(route: () => Promise<object>) {
  const log = createLog("webapi", { level: "fatal", format: "json" });
  const metrics = createMetrics("draining");
  const options = { log, metrics, checks: {}, host: "127.0.0.1", allowedHosts: [], requestsPerMinute: null };
  const app = await createHttpServer({ name: "webapi", description: "a test", ...options });
  app.post("/slow", route);
  return { app, port: await listen(app, { host: "127.0.0.1", port: 0 }) };
}

test("a client that keeps its connection open does not hold up the end of the process", async () => {
  let close: Promise<void> | undefined;
  const { app, port: ofApp } = await startDraining(async () => {
    close = app.close();
    return { ended: true };
  });
  const socket = connect(ofApp, "127.0.0.1").setEncoding("utf8");
  const heard = socket.toArray();
  socket.write("POST /slow HTTP/1.1\r\nhost: localhost\r\nconnection: keep-alive\r\ncontent-length: 0\r\n\r\n");
  // the socket ends although we never close our half: its last answer was whole
  expect((await heard).join("")).toContain('{"ended":true}');
  await close;
});

test("a body that is still arriving when the process ends is given up with a stable code", async () => {
  const { app, port: ofApp } = await startDraining(async () => ({ ended: true }));
  const arrived = new Promise<void>((resolve) => app.server.once("request", () => resolve()));
  const socket = connect(ofApp, "127.0.0.1").setEncoding("utf8");
  const heard = socket.toArray();
  socket.write('POST /slow HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 20\r\n\r\n{"half":');
  await arrived;
  await app.close();
  const answer = (await heard).join("");
  expect(answer).toMatch(/^HTTP\/1\.1 503 /);
  expect(JSON.parse(answer.split("\r\n\r\n")[1] as string)).toMatchObject({ status: 503, code: "service_unavailable" });
});

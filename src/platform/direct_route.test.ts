// Requests to a path that has both a direct route and one of the framework: which of them answers,
// and that a client cannot tell their refusals apart.
import { connect } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AppError } from "../contracts/errors.ts";
import { createHttpServer, type HttpServer, listen } from "./http.ts";
import { createLog } from "./log.ts";
import { createMetrics } from "./metrics.ts";

let app: HttpServer;
let port: number;
/** Bodies whose answer is held back until the test releases it. */
const waiting = new Map<string, () => void>();

beforeAll(async () => {
  app = await createHttpServer({
    name: "salesapi",
    description: "a test",
    log: createLog("salesapi", { level: "fatal", format: "json" }),
    metrics: createMetrics("salesapi"),
    checks: {},
    host: "127.0.0.1",
    allowedHosts: ["bulksms.example"],
    requestsPerMinute: null,
    directRoutes: [
      {
        path: "/receipts/simulated",
        bodyBytesMax: 1_000,
        async answer(_headers, body) {
          const text = String(body);
          if (text === "refused") throw new AppError("overloaded", "Too many.", { retryAfterS: 7 });
          if (text === "broken") throw new Error("a secret of the inside");
          if (text.startsWith("wait")) await new Promise<void>((resolve) => waiting.set(text, resolve));
          return { direct: text };
        },
      },
    ],
  });
  app.post("/receipts/:carrier", async () => ({ direct: null }));
  port = await listen(app, { host: "127.0.0.1", port: 0 });
});
afterAll(() => app.close());

const post = (body: string, head: Record<string, string> = {}, path = "/receipts/simulated") => {
  const headers = { host: "127.0.0.1", "content-type": "application/json", "content-length": String(Buffer.byteLength(body)), ...head };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join("")}\r\n${body}`;
};

/** Sends the text and returns everything received up to the last of `expected`. */
function exchange(text: string, ...expected: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let seen = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.on("error", reject);
    socket.on("close", () => resolve(seen));
    socket.on("data", (bytes) => {
      seen += bytes;
      if (expected.every((part) => seen.includes(part))) socket.destroy();
    });
  });
}

test("a usual request is answered directly, whatever its pieces", async () => {
  const text = post('{"a":1}');
  expect(await exchange(text, "}")).toMatch(
    /^HTTP\/1.1 200 OK\r\n.*content-type: application\/json; charset=utf-8\r\n.*\{"direct":"\{\\"a\\":1\}"\}$/s,
  );
  const socket = connect(port, "127.0.0.1");
  const answer = new Promise<string>((resolve) => socket.on("data", (bytes) => resolve(String(bytes))));
  for (const character of text) await new Promise((resolve) => socket.write(character, resolve));
  expect(await answer).toContain("200 OK");
  socket.destroy();
});

test("requests one behind the other on a connection are answered in their order, each when it is ready", async () => {
  const answers = exchange(post("wait 1") + post("wait 2") + post("third"), "third");
  await expect.poll(() => waiting.size).toBe(2);
  waiting.get("wait 2")?.();
  await new Promise((resolve) => setImmediate(resolve));
  waiting.get("wait 1")?.();
  const bodies = [...(await answers).matchAll(/\{"direct":"([^"]*)"\}/g)].map(([, body]) => body);
  expect(bodies).toEqual(["wait 1", "wait 2", "third"]);
});

test("a refusal is the framework's problem, and an inner error tells nothing of the inside", async () => {
  const refused = await exchange(post("refused"), "}");
  expect(refused).toMatch(/^HTTP\/1.1 503 .*content-type: application\/problem\+json\r\n.*retry-after: 7\r\n/s);
  expect(refused).toContain('"code":"overloaded"');
  const broken = await exchange(post("broken"), "}");
  expect(broken).toContain('"code":"internal"');
  expect(broken).not.toContain("secret");
});

test.each<[string, string, string]>([
  ["another path", post("{}", {}, "/receipts/simulated?x=1"), '"direct":null'],
  ["another type", post("{}", { "content-type": "text/plain" }), "content_type_unsupported"],
  ["a packed body", post("{}", { "content-encoding": "gzip" }), "content_type_unsupported"],
  ["a body over the limit", post(`"${"x".repeat(999)}"`), '"direct":null'],
  ["a page of another site", post("{}", { origin: "https://evil.example" }), "origin_refused"],
  ["a foreign host", post("{}", { host: "evil.example" }), "origin_refused"],
  ["a host that is none", post("{}", { host: "a b:c" }), "HTTP/1.1 4"],
  [
    "a body in chunks",
    "POST /receipts/simulated HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    '"direct":null',
  ],
])("%s is left to the framework", async (_says, request, expected) => {
  expect(await exchange(request, expected)).toContain(expected);
});

test("a host that is allowed by name is answered directly", async () => {
  expect(await exchange(post("{}", { host: "BULKSMS.example:8002" }), "}")).toContain('{"direct":"{}"}');
});

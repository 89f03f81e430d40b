// Nonsense sent to the simulator's listener, in addition to simulator.test.ts: impossible times,
// arbitrary JSON bodies, references of any bytes.
import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { anyText } from "../../../testing/any_text.ts";
import { randomRuns } from "../../../testing/random_runs.ts";
import { askRaw } from "../../../testing/raw_http.ts";
import { readConfig } from "../../platform/config.ts";
import { config, create, type SimulatorNode } from "./main.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const key = "simulator-key-of-a-test";
const logLines: string[] = [];
let folder: string;
let node: SimulatorNode;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bulksms-simulator-bad-"));
  const settings = readConfig(
    {
      BULKSMS_SIMULATOR_KEY: key,
      BULKSMS_SIMULATOR_DATA: folder,
      BULKSMS_SIMULATOR_PORT: "0",
      BULKSMS_SIMULATOR_SPEED: "max",
      // nothing listens there: receipts wait
      BULKSMS_SIMULATOR_RECEIPTS_URL: "http://127.0.0.1:9/receipts/simulated",
      BULKSMS_RECEIPT_SECRETS: "receipt-secret-of-a-test",
    },
    config,
  );
  node = create(settings, pino({ level: "error" }, { write: (line: string) => void logLines.push(line) }));
  await node.start();
});
afterAll(async () => {
  await node?.stop();
  await rm(folder, { recursive: true, force: true });
});

const bearer = ["Authorization", `Bearer ${key}`] as const;
const json = ["Content-Type", "application/json"] as const;
const get = (path: string) => askRaw(node.ports().http, { path, headers: [bearer] });
const send = (method: string, path: string, body: string | Buffer) =>
  askRaw(node.ports().http, { method, path, headers: [bearer, json], body });
const submit = (body: unknown) => send("POST", "/messages", Buffer.isBuffer(body) ? body : JSON.stringify(body));
const message = { row_no: 1, to: "+46701740610", parts: 1 };
const good = (changes: object = {}) => ({
  batch_id: randomUUID(),
  sender: "Oulu",
  text: "Hello",
  valid_until: "2030-01-01T00:00:00Z",
  messages: [message],
  ...changes,
});

describe("a submit", () => {
  test.each<[string, () => unknown, number, string]>([
    ["a text that is not valid UTF-8", () => Buffer.from(JSON.stringify(good({ text: "Hyv\u00e4" })), "latin1"), 400, "json_invalid"],
    ["a million lists in each other", () => Buffer.from(`${"[".repeat(1_000_000)}${"]".repeat(1_000_000)}`), 400, "request_invalid"],
    [
      "a message of a million lists",
      () => Buffer.from(JSON.stringify(good()).replace('"parts":1', `"parts":${"[".repeat(500_000)}${"]".repeat(500_000)}`)),
      400,
      "request_invalid",
    ],
    ["no message", () => good({ messages: [] }), 400, "request_invalid"],
    ["messages that are no list", () => good({ messages: { length: 1, 0: message } }), 400, "request_invalid"],
    ["a message that is a list", () => good({ messages: [[1, "+46701740610", 1]] }), 400, "request_invalid"],
    ["an unknown field in a message", () => good({ messages: [{ ...message, urgent: true }] }), 422, "field_unknown"],
    ["no text anywhere", () => good({ text: undefined }), 400, "request_invalid"],
    ["a row above 2^31", () => good({ messages: [{ ...message, row_no: 2 ** 31 }] }), 400, "request_invalid"],
    ["a row above 2^53", () => good({ messages: [{ ...message, row_no: 2 ** 53 + 2 }] }), 400, "request_invalid"],
    ["a row of a half", () => good({ messages: [{ ...message, row_no: 1.5 }] }), 400, "request_invalid"],
    ["256 parts", () => good({ messages: [{ ...message, parts: 256 }] }), 400, "request_invalid"],
    ["no part", () => good({ messages: [{ ...message, parts: 0 }] }), 400, "request_invalid"],
    ["Arabic digits", () => good({ messages: [{ ...message, to: "+٤٦٧٠١٧٤٠٦١٠" }] }), 400, "request_invalid"],
    ["a number of two lines", () => good({ messages: [{ ...message, to: "+46701740610\n" }] }), 400, "request_invalid"],
    ["a batch that is a path", () => good({ batch_id: "../../../../etc/passwd/00000000-0000" }), 400, "request_invalid"],
    ["the 30th of February", () => good({ valid_until: "2030-02-30T00:00:00Z" }), 400, "request_invalid"],
    ["the year 10000", () => good({ valid_until: "+010000-01-01T00:00:00Z" }), 400, "request_invalid"],
    ["a time in seconds", () => good({ valid_until: 1_900_000_000 }), 400, "request_invalid"],
    ["a time of another zone", () => good({ valid_until: "2030-01-01T00:00:00+02:00" }), 400, "request_invalid"],
  ])("of %s is refused without effect", async (_says, body, status, code) => {
    const before = (await get("/statistics")).body;
    const answer = await submit(body());
    expect([answer.status, answer.body?.code], answer.text.slice(0, 200)).toEqual([status, code]);
    expect((await get("/statistics")).body).toEqual(before);
  });

  test.each(["0000-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"])(
    "valid until %s has a verdict, kept for its repeat",
    async (valid_until) => {
      const asked = good({ valid_until });
      const first = await submit(asked);
      expect([first.status, first.body.batch_id]).toEqual([200, asked.batch_id]);
      expect((await submit(asked)).body).toEqual(first.body);
      expect((await get(`/messages/${asked.batch_id}.1`)).status).toBe(200);
    },
  );

  test("of odd characters and the last row there can be is taken, and its repeat is the same message", async () => {
    const asked = good({ sender: "\ud800", text: "\ud800\0\u202e😀", messages: [{ ...message, row_no: 2 ** 31 - 1 }] });
    expect((await submit(asked)).body).toMatchObject({ accepted: 1, rejected: [] });
    expect((await submit(asked)).body).toMatchObject({ accepted: 1, rejected: [] });
    expect((await get(`/statistics?batch_id=${asked.batch_id}`)).body).toMatchObject({ accepted: 1, repeats: 1, repeats_differing: 0 });
  });

  test(`of any JSON is taken or refused, never a 500 (seed ${seed})`, async () => {
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          batch_id: fc.oneof(fc.uuid(), fc.string()),
          sender: fc.oneof(fc.constant("Oulu"), fc.string()),
          text: anyText({ maxLength: 20 }),
          valid_until: fc.oneof(
            fc.date({ noInvalidDate: false }).map((date) => (Number.isNaN(date.getTime()) ? "Invalid Date" : date.toISOString())),
            fc.string(),
          ),
          messages: fc.array(
            fc.record({
              row_no: fc.oneof(fc.integer(), fc.double()),
              to: fc.oneof(fc.constant("+46701740610"), fc.string()),
              parts: fc.integer({ min: -1, max: 300 }),
            }),
            { maxLength: 4 },
          ),
        },
        { requiredKeys: [] },
      ),
    );
    const all = fc.sample(body, { seed, numRuns: randomRuns(50) });
    const statuses = await Promise.all(all.map(async (asked) => (await submit(asked)).status));
    for (const [index, status] of statuses.entries()) expect([200, 400, 413, 422], JSON.stringify(all[index])).toContain(status);
  });
});

test.each([
  "%00",
  "%ff",
  "..%2f..%2fetc%2fpasswd",
  `${randomUUID()}.1e0`,
  `${randomUUID()}.-1`,
  `${randomUUID()}.01`,
  `${randomUUID()}.2147483648`,
  `${randomUUID()}.%31`,
  "a".repeat(199),
  "__proto__",
])("the message %s is not found", async (reference) => {
  const answer = await get(`/messages/${reference}`);
  expect([answer.status, typeof answer.body.code]).toEqual([404, "string"]);
});

test(`weather of any JSON is set or refused, never a 500, and clears again (seed ${seed})`, async () => {
  const kinds = ["doubled", "reordered", "lost", "early", "late", "forged", "malformed", "replayed", "burst", "__proto__", "constructor"];
  const weather = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom(...kinds),
      fc.oneof(fc.double(), fc.record({ share: fc.double(), times: fc.integer(), within_ms: fc.integer() }, { requiredKeys: [] })),
      { maxKeys: 3 },
    ),
  );
  await fc.assert(
    fc.asyncProperty(weather, async (asked) => {
      expect([200, 400, 422]).toContain((await send("PUT", "/weather", JSON.stringify(asked) ?? "")).status);
    }),
    { seed, numRuns: randomRuns(50) },
  );
  expect((await send("PUT", "/weather", "{}")).status).toBe(200);
});

test("and afterwards the listener answers, and the log has no error", async () => {
  expect((await get("/health")).status).toBe(200);
  expect(logLines).toEqual([]);
});

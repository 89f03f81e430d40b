// Nonsense against salesapi: forms that no browser makes, fields and cells of any bytes, receipts
// of any shape. Beside what create_route.database.test.ts and salesapi.database.test.ts have:
// a clear answer with a stable code, no effect, never a 500, and the listener answers afterwards.
import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { anyText } from "../../../testing/any_text.ts";
import { randomRuns } from "../../../testing/random_runs.ts";
import { askRaw, type RawAnswer, sendBytes } from "../../../testing/raw_http.ts";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { makeReceipt } from "../../../testing/test_carrier.ts";
import { signWebhook } from "../../protocols/standard_webhooks/webhook_signature.ts";
import { isEmptyValue } from "../../sms/template.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
let nodes: SalesNodes;
let key: string;
let port: number;

beforeAll(async () => {
  nodes = await startSalesNodes({ isWithoutWorker: true });
  ({ key } = await nodes.credit.makeWorkspace("100"));
  port = Number(new URL(nodes.salesapiUrl).port);
});
afterAll(() => nodes?.stop());

/** What a client could see of an upload. */
async function footprint() {
  const [row] = await nodes.owner`
    select (select count(*)::int from bulksms where status <> 'import_failed') as campaigns, (select count(*)::int from bulksms_info) as messages,
      (select count(*)::int from bulksms_reject) as rejects, (select count(*)::int from idempotency_key) as keys`;
  return row;
}

type Part = string | Buffer;
/** A form with boundary `b`: each part as its head and its content. */
const form = (...parts: (readonly [string, Part])[]): Buffer =>
  Buffer.concat([
    ...parts.flatMap(([head, content]) => [Buffer.from(`--b\r\n${head}\r\n\r\n`, "latin1"), Buffer.from(content), Buffer.from("\r\n")]),
    Buffer.from("--b--\r\n"),
  ]);
const field = (name: string, value: Part) => [`Content-Disposition: form-data; name="${name}"`, value] as const;
const file = (content: Part = "phone\n0401234567\n", name = "a.csv") =>
  [`Content-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: text/csv`, content] as const;
const text = field("text", "Hello");

const upload = (body: Buffer, type = "multipart/form-data; boundary=b", more: (readonly [string, string])[] = []): Promise<RawAnswer> =>
  askRaw(port, { method: "POST", path: "/create", headers: [["Authorization", `Bearer ${key}`], ["Content-Type", type], ...more], body });

async function expectRefusal(answer: RawAnswer, status: number, code: string): Promise<void> {
  expect({ status: answer.status, code: answer.body?.code, text: answer.text.slice(0, 300) }).toMatchObject({ status, code });
  expect(answer.headers["content-type"]).toContain("application/problem+json");
}

describe("a form", () => {
  it.each<[string, () => Buffer, number, string]>([
    ["whose last boundary is missing", () => form(text, file()).subarray(0, -7), 400, "upload_cut"],
    ["that ends inside a part's head", () => Buffer.from('--b\r\nContent-Disposition: form-data; name="te'), 400, "upload_cut"],
    ["that ends inside a boundary", () => form(text, file()).subarray(0, -4), 400, "upload_cut"],
    ["of bytes without a boundary", () => Buffer.from("phone\n0401234567\n"), 400, "upload_cut"],
    ["of another boundary", () => Buffer.from(form(text, file()).toString().replaceAll("--b", "--c")), 400, "upload_cut"],
    ["with a part that has no name", () => form(text, file(), ["Content-Disposition: form-data", "x"]), 400, "request_invalid"],
    ["with a file that has no name", () => form(text, ['Content-Disposition: form-data; filename="a.csv"', "x"]), 400, "request_invalid"],
    ["with an empty name", () => form(text, field("", "x"), file()), 422, "field_unknown"],
    ["with a name of 5,000 characters", () => form(text, field("n".repeat(5_000), "x"), file()), 422, "field_unknown"],
    ["with 40 parts", () => form(...Array.from({ length: 40 }, (_, at) => field(`f${at}`, "x")), file()), 422, "field_unknown"],
    ["with 40 times the same field", () => form(...Array.from({ length: 40 }, () => text), file()), 400, "request_invalid"],
    ["with a field named __proto__", () => form(text, field("__proto__", "x"), file()), 422, "field_unknown"],
    ["with a field named toString", () => form(text, field("toString", "x"), file()), 422, "field_unknown"],
    ["with a text of 100 kB", () => form(field("text", "x".repeat(100_000)), file()), 400, "request_invalid"],
    [
      "with a form inside its file",
      () => form(text, file(form(text, file()).toString().replaceAll("--b", "--x"))),
      422,
      "csv_phone_column_missing",
    ],
  ])("%s is refused without effect", async (_says, body, status, code) => {
    const before = await footprint();
    await expectRefusal(await upload(body()), status, code);
    expect(await footprint()).toEqual(before);
  });

  it.each<[string, string, number, string]>([
    ["no boundary", "multipart/form-data", 400, "request_invalid"],
    ["an empty boundary", 'multipart/form-data; boundary=""', 400, "request_invalid"],
    ["a boundary of 5,000 characters", `multipart/form-data; boundary=${"b".repeat(5_000)}`, 400, "request_invalid"],
    ["an unclosed quote", 'multipart/form-data; boundary="b', 400, "request_invalid"],
    ["another kind of multipart", "multipart/mixed; boundary=b", 415, "content_type_unsupported"],
    ["no form", "application/x-www-form-urlencoded", 415, "content_type_unsupported"],
  ])("whose type has %s is refused without effect", async (_says, type, status, code) => {
    const before = await footprint();
    await expectRefusal(await upload(form(text, file()), type), status, code);
    expect(await footprint()).toEqual(before);
  });

  it("is refused when two Idempotency-Keys or two types are given", async () => {
    await expectRefusal(
      await upload(form(text, file()), undefined, [
        ["Idempotency-Key", "a"],
        ["Idempotency-Key", "b"],
      ]),
      400,
      "idempotency_key_invalid",
    );
  });

  it("with words around it, a file's path, or a part's own encoding is read all the same", async () => {
    const padded = Buffer.concat([Buffer.from("preamble\r\n"), form(text, file()), Buffer.from("epilogue")]);
    expect((await upload(padded)).status).toBe(201);
    expect((await upload(form(["X: y", "no part of ours"], [`X: ${"h".repeat(200_000)}`, "x"], text, file()))).status).toBe(201);
    const named = await upload(form(text, file(undefined, '../../etc/first\\"years\0.csv')));
    expect(named.status).toBe(201);
    expect(named.body.name).not.toMatch(/[\0\n/]/);
    expect(
      (
        await upload(
          form(text, ["Content-Disposition: form-data; name=\"file\"; filename*=UTF-8''%F0%9F%98%80.csv", "phone\n0401234567\n"]),
        )
      ).body.name,
    ).toBe("😀");
  });
});

describe("a field", () => {
  const latin1 = (words: string) => Buffer.from(words, "latin1");
  it.each<[string, string, Part, number, string]>([
    ["text", "in Latin-1, which would be sent as question marks", latin1("Hyvää päivää"), 422, "text_invalid"],
    ["text", "of UTF-8 cut short", Buffer.from([0x48, 0xe2, 0x82]), 422, "text_invalid"],
    ["text", "of bytes that are nothing", Buffer.from([0xff, 0xfe, 0xfd]), 422, "text_invalid"],
    ["text", "with a NUL", "Hello\0there", 422, "text_invalid"],
    ["text", "of whitespace that is not ASCII", "\u00a0\u2003\u3000", 422, "text_invalid"],
    ["text", "of 1,001 emoji in 2,002 units", "😀".repeat(1_001), 422, "text_too_long"],
    ["text", "of 700 placeholders that the file lacks", "{a}".repeat(660), 422, "text_column_missing"],
    ["text", "of nothing but braces", "{".repeat(500), 422, "csv_phone_column_missing"],
    ["name", "in Latin-1", latin1("Syksy sää"), 400, "request_invalid"],
    ["name", "of control characters alone", "\u0001\u0002", 400, "request_invalid"],
    ["sender", "with a NUL", "Oulu\0", 422, "sender_invalid"],
    ["sender", "of Arabic digits", "١٢٣", 422, "sender_invalid"],
    ["sender", "of two lines", "Oulu\nTurku", 422, "sender_invalid"],
    ["country", "of its name", "Finland", 400, "request_invalid"],
    ["country", "named constructor", "constructor", 400, "request_invalid"],
    ["deadline_s", "with an exponent", "1e3", 400, "request_invalid"],
    ["deadline_s", "below zero", "-1", 400, "request_invalid"],
    ["deadline_s", "with decimals", "1.5", 400, "request_invalid"],
    ["deadline_s", "above 2^53", "9007199254740993", 400, "request_invalid"],
    ["phone_column", "with a NUL", "pho\0ne", 422, "csv_phone_column_missing"],
    ["phone_column", "named __proto__", "__proto__", 422, "csv_phone_column_missing"],
  ])("%s %s is refused without effect", async (name, _says, value, status, code) => {
    const before = await footprint();
    const fields = name === "text" ? [field("text", value)] : [text, field(name, value)];
    const csv = _says.includes("nothing but braces") ? "a,b\n1,2\n" : undefined;
    await expectRefusal(await upload(form(...fields, file(csv))), status, code);
    expect(await footprint()).toEqual(before);
  });
});

describe("a file", () => {
  it(`of any bytes has a clear answer, and a refusal no effect (seed ${seed})`, async () => {
    const line = fc.oneof(
      fc.constantFrom("phone,name\n", "0401234567,A\n", '"', "\r\n", ",", ";", "\t", "phone\n", '"040 123 4567","x"\n'),
      anyText({ maxLength: 20 }),
      fc.string({ unit: fc.constantFrom("0", "4", "+", "e", "E", ".", ",", " "), maxLength: 20 }),
    );
    const bytes = fc.oneof(
      { arbitrary: fc.array(line, { maxLength: 12 }).map((lines) => Buffer.from(lines.join(""))), weight: 2 },
      { arbitrary: fc.uint8Array({ maxLength: 60 }).map((raw) => Buffer.concat([Buffer.from("phone\n0401234567\n"), raw])), weight: 1 },
    );
    const before = await footprint();
    const made = { campaigns: 0, messages: 0, rejects: 0 };
    // as many at once as salesapi takes uploads
    for (let round = 0; round < 4; round++) {
      const files = fc.sample(bytes, { seed: seed + round, numRuns: randomRuns(16) });
      for (const { status, body } of await Promise.all(files.map((csv) => upload(form(text, file(csv)))))) {
        expect([201, 400, 415, 422]).toContain(status);
        if (status !== 201) {
          expect(body.code).toMatch(/^csv_/);
          continue;
        }
        made.campaigns++;
        made.messages += body.contacts;
        made.rejects += body.rejected;
      }
    }
    const after = await footprint();
    for (const [name, count] of Object.entries(made)) expect(after?.[name], name).toBe(before?.[name] + count);
  });

  it(`stores every cell as people will read it, whatever characters it has (seed ${seed})`, async () => {
    const cells = fc.sample(anyText({ minLength: 1, maxLength: 12 }), { seed, numRuns: randomRuns(300) });
    const odd = [
      "\\N",
      "\\.",
      "{a}",
      "{{",
      "NULL",
      "null",
      "'; drop table bulksms; --",
      "\u2028",
      "\ufeff",
      "\u202eabc",
      "a\\tb",
      "\\\\",
      '"',
      "e\u0301",
      "😀",
      "\ufffd",
    ];
    // a line break in a cell is one character, however the file writes it
    const asStored = (value: string) =>
      value
        .replaceAll(/\p{Cs}|\0/gu, "")
        .replaceAll(/\r\n?/g, "\n")
        .trim();
    const values = [...odd, ...cells].map(asStored).filter((value) => value !== "");
    const quote = (value: string) => `"${value.replaceAll('"', '""')}"`;
    const csv = `phone,v\n${values.map((value, at) => `040${1_000_000 + at},${quote(value)}\n`).join("")}`;
    const { status, body } = await upload(form(field("text", "Hi {v}"), field("empty_values", "send"), file(csv)));
    expect({ status, contacts: body.contacts, rejected: body.rejected }).toEqual({ status: 201, contacts: values.length, rejected: 0 });
    const rows = await nodes.owner`select fields from bulksms_info where bulksms_id = ${body.id} order by row_no`;
    expect(rows.map(({ fields }) => fields[0])).toEqual(values.map((value) => (isEmptyValue(value) ? "" : value.normalize("NFC"))));
  });

  it("whose cells a text repeats 600 times is judged in bounded time, and too long", async () => {
    const cell = "x".repeat(30_000);
    const csv = `phone,a\n${Array.from({ length: 60 }, (_, at) => `040${1_000_000 + at},${cell}\n`).join("")}0451234567,\n`;
    // filled, these rows would be a gigabyte of characters, and the answer would not come in time
    const answer = await upload(form(field("text", `Hi ${"{a}".repeat(600)}`), field("empty_values", "send"), file(csv)));
    expect({ status: answer.status, contacts: answer.body.contacts, rejects: answer.body.rejects }).toEqual({
      status: 201,
      contacts: 1,
      rejects: { text_too_many_parts: 60 },
    });
  });
});

describe("receipts", () => {
  let id = "";
  beforeAll(async () => {
    id = await nodes.create(key, 3);
    await nodes.command("run", key, id);
  });
  const post = (body: string | Buffer, more: Record<string, string> = {}, isSigned = true) => {
    const signed = isSigned
      ? signWebhook({ secret: nodes.carrier.secret, id: randomUUID(), timestampS: Math.floor(Date.now() / 1_000), body: Buffer.from(body) })
      : {};
    const headers = Object.entries({ "content-type": "application/json", ...signed, ...more });
    return askRaw(port, { method: "POST", path: "/receipts/simulated", headers, body });
  };
  const rowsOf = async () => nodes.owner`select status, sent_at from bulksms_info where bulksms_id = ${id} order by row_no`;
  const anomalies = async () => Number((await nodes.owner`select count(*)::int as n from receipt_anomaly`)[0]?.n);

  it.each<[string, string | Buffer, number, string]>([
    ["nothing", "", 400, "json_invalid"],
    ["broken JSON", '{"receipts":[', 400, "json_invalid"],
    ["UTF-16", Buffer.from("{}", "utf16le"), 400, "json_invalid"],
    ["no list", '{"receipts":{"length":1}}', 400, "receipts_invalid"],
    ["null", "null", 400, "receipts_invalid"],
    ["a bare list", "[]", 400, "receipts_invalid"],
    ["half a million lists in each other", `${"[".repeat(500_000)}${"]".repeat(500_000)}`, 400, "receipts_invalid"],
    ["3 MB", JSON.stringify({ receipts: ["x".repeat(3_000_000)] }), 413, "body_too_large"],
  ])("of %s are refused without effect", async (_says, body, status, code) => {
    const before = await anomalies();
    await expectRefusal(await post(body), status, code);
    expect(await anomalies()).toBe(before);
  });

  it.each<[string, Record<string, string>]>([
    ["a time in words", { "webhook-timestamp": "now" }],
    ["a time with an exponent", { "webhook-timestamp": "1e9" }],
    ["a time below zero", { "webhook-timestamp": "-1" }],
    ["a time in milliseconds", { "webhook-timestamp": String(Date.now()) }],
    ["no version", { "webhook-signature": "AAAA" }],
    ["another version", { "webhook-signature": "v2,AAAA" }],
    ["a hundred signatures", { "webhook-signature": "v1,AAAA ".repeat(100) }],
    ["bytes for a signature", { "webhook-signature": "v1,\xff\xfe" }],
    ["an id of 5,000 characters", { "webhook-id": "x".repeat(5_000) }],
  ])("signed with %s are 401", async (_says, headers) => {
    await expectRefusal(await post(JSON.stringify(makeReceipt(id, 1, "sent")), headers), 401, "signature_invalid");
  });

  it("without a signature are 401 before their body is looked at", async () => {
    for (const body of ["", "{", "x".repeat(1_000_000)]) await expectRefusal(await post(body, {}, false), 401, "signature_invalid");
  });

  it("to a carrier whose name is a path are 404", async () => {
    for (const name of ["__proto__", "..%2fsimulated", "SIMULATED", "%00", "a".repeat(300)]) {
      const answer = await askRaw(port, {
        method: "POST",
        path: `/receipts/${name}`,
        headers: [["Content-Type", "application/json"]],
        body: "{}",
      });
      expect([404, 401], name).toContain(answer.status);
    }
  });

  it("packed are 415, and cut in their middle change nothing", async () => {
    await expectRefusal(await post("{}", { "content-encoding": "gzip" }), 415, "content_type_unsupported");
    const before = [await rowsOf(), await anomalies()];
    const head = "POST /receipts/simulated HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n";
    await sendBytes(port, `${head}${JSON.stringify(makeReceipt(id, 1, "sent"))}`, { isCut: true });
    expect([await rowsOf(), await anomalies()]).toEqual(before);
  });

  it("with bytes that are no UTF-8 do not hold back the good ones beside them", async () => {
    const bad = { id: randomUUID(), reference: `${id}.1`, status: "s\u00e4nt" };
    const body = Buffer.from(JSON.stringify({ receipts: [bad, makeReceipt(id, 1, "sent")] }), "latin1");
    expect(await post(body)).toMatchObject({ status: 200, body: { committed: 2 } });
    expect((await rowsOf())[0]).toMatchObject({ status: "sent", sent_at: expect.any(Date) });
    expect([...(await nodes.owner`select kind from receipt_anomaly where receipt_id = ${bad.id}`)]).toEqual([{ kind: "unknown_status" }]);
  });

  it(`of any JSON are answered 2xx, kept once, and move nothing (seed ${seed})`, async () => {
    const before = await rowsOf();
    const odd = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          id: fc.oneof(fc.uuid(), anyText({ maxLength: 200 }), fc.integer(), fc.constant(null)),
          reference: fc.oneof(
            fc.constantFrom(
              `${id}.0`,
              `${id}.4`,
              `${id}.2147483647`,
              `${id}.2147483648`,
              `${id}.01`,
              `${id}.+1`,
              `${id}.1e0`,
              `${id}.1 `,
              `${id}.١`,
              `${id}`,
              `${id}.`,
              ".1",
            ),
            anyText({ maxLength: 60 }),
          ),
          status: fc.oneof(
            fc.constantFrom("sent", "delivered", "SENT", "sent ", "pending", "__proto__", "unknown", "canceled"),
            anyText({ maxLength: 20 }),
          ),
          error_code: fc.oneof(anyText({ maxLength: 80 }), fc.constantFrom("\ud800", "\0", "", null, 7, {})),
          at: fc.oneof(anyText({ maxLength: 50 }), fc.integer()),
        },
        { requiredKeys: [] },
      ),
    );
    const bodies = fc
      .sample(fc.array(odd, { minLength: 1, maxLength: 20 }), { seed, numRuns: randomRuns(60) })
      .map((receipts) => JSON.stringify({ receipts }));
    const statuses = async () => new Set((await Promise.all(bodies.map((body) => post(body)))).map(({ status }) => status));
    expect(await statuses()).toEqual(new Set([200]));
    const kept = await anomalies();
    expect(await statuses()).toEqual(new Set([200]));
    expect(await anomalies()).toBe(kept);
    expect(await rowsOf()).toEqual(before);
  });
});

it("and afterwards the listener answers, and nothing impossible happened", async () => {
  expect((await nodes.http("GET", "/ready")).status).toBe(200);
  const metrics = (await nodes.http("GET", "/metrics")).body as string;
  expect(/^bulksms_receipts_waiting\S* (\d+)/m.exec(metrics)?.[1]).toBe("0");
});

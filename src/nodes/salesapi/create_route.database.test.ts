// POST /create over HTTP as its clients see it, with real Postgres: every bad input, no effect,
// idempotency, cut uploads.
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../../testing/engines.ts";
import { firstPricing } from "../../../testing/prices.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import type { Caller } from "../../accounts/authenticator.ts";
import { purgeDeadImport } from "../../campaign/import/purge_imports.ts";
import { AppError } from "../../contracts/errors.ts";
import { createHttpServer, type HttpServer, listen } from "../../platform/http.ts";
import { createLog } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { closePostgres, openPostgres, type Sql } from "../../platform/postgres.ts";
import { createRoute } from "./create_route.ts";

const workspaceId = randomUUID();
const otherWorkspaceId = randomUUID();
const uploadBytesMax = 3_000_000;
const callers: Record<string, Caller> = {
  sender: { keyId: "1", workspaceId, scopes: new Set(["send"]), seesSystem: false },
  slow: { keyId: "5", workspaceId, scopes: new Set(["send"]), seesSystem: false },
  other: { keyId: "2", workspaceId: otherWorkspaceId, scopes: new Set(["send"]), seesSystem: false },
  reader: { keyId: "3", workspaceId, scopes: new Set(["read"]), seesSystem: false },
  installation: { keyId: "4", workspaceId: null, scopes: new Set(["admin"]), seesSystem: true },
};

/** Keys of requests that have arrived. */
const arrived = new Set<string>();
const stopping = new AbortController();
let database: TestDatabase;
let owner: Sql;
let sql: Sql;
let app: HttpServer;
let port: number;

beforeAll(async () => {
  database = await createTestDatabase("salesdb");
  owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 2 });
  sql = openPostgres(database.urls.salesapi as string, { applicationName: "salesapi", connections: 8 });
  const log = createLog("salesapi", { level: "error", format: "json" });
  app = await createHttpServer({
    name: "salesapi",
    description: "campaigns",
    log,
    metrics: createMetrics("salesapi"),
    checks: {},
    host: "127.0.0.1",
    allowedHosts: [],
    requestsPerMinute: null,
  });
  await createRoute(app, {
    signal: stopping.signal,
    sql,
    prices: { current: async () => firstPricing },
    callers: {
      identify: async ({ headers }) => {
        const caller = callers[(headers.authorization ?? "").replace("Bearer ", "")];
        if (caller === undefined) throw new AppError("key_missing", "no key");
        arrived.add(caller.keyId);
        return caller;
      },
    },
    log,
    settings: {
      defaultCountry: "FI",
      defaultCarrier: "simulator",
      uploadBytesMax,
      uploadRowsMax: 30_000,
      textPartsMax: 6,
      chunkRows: 1_000,
      importLeaseMs: 30_000,
      deadlineS: 3_600,
    },
  });
  port = await listen(app, { host: "127.0.0.1", port: 0 });
});
afterAll(async () => {
  await app?.close();
  await closePostgres(sql);
  await closePostgres(owner);
  await database?.drop();
});

interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: the tests look at fields of what came over the wire
  body: any;
}

interface Asked {
  csv?: string | Buffer | null;
  fields?: Record<string, string>;
  key?: string;
  idempotencyKey?: string;
  fileName?: string;
  fileFirst?: boolean;
}

async function create({ csv = "phone\n0401234567\n", fields = { text: "Hello" }, ...asked }: Asked = {}): Promise<Answer> {
  const form = new FormData();
  const addFile = () => csv !== null && form.append("file", new Blob([Buffer.from(csv)]), asked.fileName ?? "students.csv");
  if (asked.fileFirst !== false) addFile();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  if (asked.fileFirst === false) addFile();
  return send(form, asked);
}

async function send(
  body: RequestInit["body"],
  { key = "sender", idempotencyKey }: Asked,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`http://127.0.0.1:${port}/create`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, ...(idempotencyKey === undefined ? {} : { "idempotency-key": idempotencyKey }), ...headers },
    body: body as never,
    ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
  } as RequestInit);
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

/** What a client could see of an upload: anything but empty `import_failed` rows. */
async function footprint(): Promise<Record<string, number>> {
  const [row] = await owner<Record<string, number>[]>`
    select (select count(*)::int from bulksms where status <> 'import_failed') as campaigns, (select count(*)::int from bulksms_info) as messages,
      (select count(*)::int from bulksms_reject) as rejects, (select count(*)::int from bulksms_chunk) as chunks,
      (select count(*)::int from idempotency_key) as keys`;
  return row as Record<string, number>;
}

async function expectRefusal(asked: Asked, status: number, code: string): Promise<Answer["body"]> {
  const before = await footprint();
  const answer = await create(asked);
  expect({ status: answer.status, code: answer.body.code, detail: answer.body.detail }).toMatchObject({ status, code });
  expect(answer.headers.get("content-type")).toContain("application/problem+json");
  expect(await footprint()).toEqual(before);
  return answer.body;
}

/** `count` Finnish mobile numbers that no other call gave. */
let nextNumber = 1_000_000;
const numbers = (count: number) => Array.from({ length: count }, () => `040${nextNumber++}`);

const until = (isTrue: () => Promise<boolean>): Promise<true> => waitFor("the condition", isTrue);

describe("a good file", () => {
  it("of five contacts is ready, with rows, chunk, parts and cost", async () => {
    const csv =
      "name,phone\nAino,040 1234567\nVäinö,+358 50 123 4567\nIlmari,00358 45 1234567\nLouhi,(044) 123-4567\nKyllikki,0461234567\n";
    const { status, body } = await create({ csv, fields: { text: "Hello {name}", sender: "Oulu", name: "Kalevala" } });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      name: "Kalevala",
      status: "ready",
      contacts: 5,
      rejected: 0,
      rejects: {},
      parts: 5,
      cost: "0.5",
      price: "0.1",
      encoding: "gsm7",
      sender: "Oulu",
    });
    const rows =
      await owner`select row_no, msisdn::text, parts, status, fields from bulksms_info where bulksms_id = ${body.id} order by row_no`;
    expect(rows).toMatchObject([
      { row_no: 1, msisdn: "358401234567", parts: 1, status: "pending", fields: ["Aino"] },
      { row_no: 2, msisdn: "358501234567", fields: ["Väinö"] },
      { row_no: 3, msisdn: "358451234567", fields: ["Ilmari"] },
      { row_no: 4, msisdn: "358441234567", fields: ["Louhi"] },
      { row_no: 5, msisdn: "358461234567", fields: ["Kyllikki"] },
    ]);
    const [campaign] = await owner`select *, parts::text, price::text from bulksms where id = ${body.id}`;
    expect(campaign).toMatchObject({
      workspace_id: workspaceId,
      status: "ready",
      text: "Hello {name}",
      placeholders: ["name"],
      country: "FI",
      deadline_s: 3_600,
      contacts: 5,
      pending: 5,
      parts: "5",
      price: "100",
      file_name: "students.csv",
      import_lease_until: null,
    });
    const chunks = await owner`select chunk_no, first_row, last_row, state, intent_to from bulksms_chunk where bulksms_id = ${body.id}`;
    expect([...chunks]).toEqual([{ chunk_no: 1, first_row: 1, last_row: 5, state: "open", intent_to: 0 }]);
  });

  it("of 12,345 contacts has 13 chunks that cover its rows without gap", async () => {
    const { status, body } = await create({ csv: `phone\n${numbers(12_345).join("\n")}\n` });
    expect(status).toBe(201);
    expect(body).toMatchObject({ contacts: 12_345, parts: 12_345, cost: "1234.5" });
    const [chunks] = await owner`
      select count(*)::int as chunks, sum(last_row - first_row + 1)::int as rows, min(first_row) as first, max(last_row) as last,
        bool_and(intent_to = first_row - 1) as "hasNoIntent" from bulksms_chunk where bulksms_id = ${body.id}`;
    expect(chunks).toEqual({ chunks: 13, rows: 12_345, first: 1, last: 12_345, hasNoIntent: true });
    const [rows] = await owner`
      select count(*)::int as rows, max(row_no) as last, count(distinct msisdn)::int as msisdns from bulksms_info where bulksms_id = ${body.id}`;
    expect(rows).toEqual({ rows: 12_345, last: 12_345, msisdns: 12_345 });
  });

  it.each([true, false])("is read whether the fields stand behind it or before it (file first: %s)", async (fileFirst) => {
    expect((await create({ fileFirst, fields: { text: "Hei", country: "se" }, csv: "mobile\n070-123 45 67\n" })).status).toBe(201);
  });

  it("is named by its file when the name is missing", async () => {
    expect((await create({ fileName: "first years.csv" })).body.name).toBe("first years");
  });

  it("gives every row a verdict with its line, reason and cell; contacts + rejected = rows", async () => {
    const csv = [
      "puhelin;nimi",
      "040 1111111;A",
      "0401111111;again",
      "4,41E+11;B",
      "call me;C",
      "123;D",
      "01234567890123456789;E",
      "09 1234567;F",
      ";G",
      '"0402222222";"multi\nline"',
      "+35840 111 1111;third time",
    ].join("\r\n");
    const { status, body } = await create({ csv });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      contacts: 2,
      rejected: 8,
      rejects: {
        duplicate: 2,
        msisdn_spreadsheet_number: 1,
        msisdn_letters: 1,
        msisdn_too_short: 1,
        msisdn_too_long: 1,
        msisdn_not_mobile: 1,
        msisdn_missing: 1,
      },
    });
    expect(body.rejects_sample[0]).toEqual({ line: 3, reason: "duplicate", value: "0401111111" });
    const rejects = await owner`select line, reason, value from bulksms_reject where bulksms_id = ${body.id} order by line`;
    expect(rejects.map(({ line, reason }) => [line, reason])).toEqual([
      [3, "duplicate"],
      [4, "msisdn_spreadsheet_number"],
      [5, "msisdn_letters"],
      [6, "msisdn_too_short"],
      [7, "msisdn_too_long"],
      [8, "msisdn_not_mobile"],
      [9, "msisdn_missing"],
      [12, "duplicate"],
    ]);
    expect(rejects[1]).toMatchObject({ value: "4,41E+11" });
    const [campaign] = await owner`select rejected, reject_counts from bulksms where id = ${body.id}`;
    expect(campaign).toEqual({ rejected: 8, reject_counts: body.rejects });
  });

  it("with the same number 1,000 times has one contact and 999 duplicates", async () => {
    const { body } = await create({ csv: `phone\n${"0407654321\n".repeat(1_000)}` });
    expect(body).toMatchObject({ contacts: 1, rejected: 999, rejects: { duplicate: 999 } });
  });

  it("counts the parts of each filled text, and rejects one that is too long or empty", async () => {
    const [one, two, long, empty] = numbers(4);
    const csv = `phone,message\n${one},short\n${two},${"ä".repeat(161)}\n${long},${"x".repeat(153 * 6 + 1)}\n${empty},  \n`;
    const { body } = await create({ csv, fields: { text: "{message}" } });
    expect(body).toMatchObject({ contacts: 2, parts: 3, cost: "0.3", rejects: { text_too_many_parts: 1, value_empty: 1 } });
  });

  it("fills a value that looks like a placeholder only once", async () => {
    const [number] = numbers(1);
    const { body } = await create({ csv: `phone,a,b\n${number},{b},secret\n`, fields: { text: "{a}" } });
    const [row] = await owner`select fields, parts from bulksms_info where bulksms_id = ${body.id}`;
    expect(row).toEqual({ fields: ["{b}"], parts: 1 });
  });

  it("names the characters that cost money, and says when values change the encoding", async () => {
    const [one, two] = numbers(2);
    const { body } = await create({ csv: `phone,name\n${one},Matti\n${two},Łukasz\n`, fields: { text: "Hi {name}, it costs 5 €" } });
    expect(body.encoding).toBe("mixed");
    expect(body.costly_characters).toEqual([{ character: "€", code_point: "U+20AC", effect: "costs_two", count: 1, suggestion: null }]);
    expect((await create({ fields: { text: "It’s on" } })).body).toMatchObject({
      encoding: "ucs2",
      costly_characters: [{ character: "’", effect: "forces_ucs2", suggestion: "'" }],
    });
  });

  it.each([
    ["a UTF-8 BOM", "\ufeffphone,name\n0401234567,A\n"],
    ["semicolons", "phone;name\n0401234567;A\n"],
    ["tabs", "phone\tname\n0401234567\tA\n"],
    ["CRLF and no last line break", "phone,name\r\n0401234567,A"],
    ["old Macintosh line breaks", "phone,name\r0401234567,A\r"],
    ["blank lines", "phone,name\n\n0401234567,A\n\n\n"],
    ["spaces and case in its header", ' PHONE ," Name "\n0401234567,A\n'],
  ])("may have %s", async (_says, csv) => {
    const { status, body } = await create({ csv, fields: { text: "{name}" } });
    expect({ status, contacts: body.contacts, rejected: body.rejected }).toEqual({ status: 201, contacts: 1, rejected: 0 });
  });

  it("waits for its turn beside eleven others, and all become campaigns", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => create({ csv: `phone\n${numbers(50).join("\n")}\n` })));
    expect(answers.map(({ status, body }) => [status, body.contacts])).toEqual(Array(12).fill([201, 50]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(12);
  });

  it("may name its phone column in the request", async () => {
    const csv = "who,contact info\nA,0401234567\n";
    expect((await create({ csv, fields: { text: "Hi", phone_column: "Contact Info" } })).status).toBe(201);
    const problem = await expectRefusal({ csv, fields: { text: "Hi", phone_column: "telegraph" } }, 422, "csv_phone_column_missing");
    expect(problem.columns).toEqual(["who", "contact info"]);
  });
});

describe("a bad file is refused with a clear answer and without effect", () => {
  const row = "0401234567";
  it.each<[string, string | Buffer, number, string, Record<string, unknown>?]>([
    ["an empty one", "", 400, "csv_empty"],
    ["one of blank lines", "\n\r\n\n", 400, "csv_empty"],
    ["one of a BOM", "\ufeff", 400, "csv_empty"],
    ["a header only", "phone,name\n", 422, "csv_no_rows"],
    ["a header only, without line break", "phone,name", 422, "csv_no_rows"],
    ["a zip renamed .csv", Buffer.from("504b03041400000008", "hex"), 422, "xlsx_invalid"],
    ["an old xls", Buffer.from("d0cf11e0a1b11ae1", "hex"), 415, "csv_not_text"],
    [
      "no encoding that we know",
      Buffer.from(`phone,name\n${row},V\x81in\xf6\n`, "latin1"),
      422,
      "csv_encoding_invalid",
      { byte: 0x81, line: 2 },
    ],
    [
      "UTF-8 cut short",
      Buffer.concat([Buffer.from(`phone,name\n${row},Väinö Määttä`), Buffer.from([0xe2, 0x82])]),
      422,
      "csv_encoding_invalid",
      { line: 2 },
    ],
    ["a NUL", `phone,name\n${row},A\n${row},\0\n`, 422, "csv_nul", { offset: 35, line: 3 }],
    ["a line of 2 MB", `phone\n${row}\n${"4".repeat(2_000_000)}\n`, 422, "csv_line_too_long", { line: 3 }],
    ["one line of 2 MB and nothing else", "4".repeat(2_000_000), 422, "csv_line_too_long", { line: 1 }],
    ["an unclosed quote in the header", `"phone,name\n${row},A\n${row},B\n`, 422, "csv_quote_unclosed", { line: 1, row: 0 }],
    [
      "rows that are broken one and all but one",
      `phone,name\n${row},A\n${`${row},A,B\n`.repeat(30)}`,
      422,
      "csv_rows_broken",
      { broken: 30, rows: 31 },
    ],
    ["text behind a quote", `phone,name\n${row},"A" B\n`, 422, "csv_no_valid_rows", { rejected: 1, lines: ["line 2: quote_unclosed"] }],
    ["a row too long", `phone,name\n${row},A,B\n`, 422, "csv_no_valid_rows", { rejected: 1, lines: ["line 2: row_ragged"] }],
    [
      "two columns of phone numbers",
      `Name,Phone,Mobile 2\nAda,${row},\nBen,0401234502,0501234502\n`,
      422,
      "phone_column_ambiguous",
      { columns: ["Phone", "Mobile 2"], column_numbers: ["2", "3"], counts: ["2", "1"] },
    ],
    ["numbers of emergency contacts alone", `name,Emergency contact\nA,${row}\n`, 422, "csv_phone_column_missing"],
    ["no phone column", `name,town\nA,Oulu\n`, 422, "csv_phone_column_missing", { columns: ["name", "town"] }],
    ["too many columns", `phone${",x".repeat(16_384)}\n`, 422, "csv_too_many_columns"],
    ["too many rows", `phone\n${"0401234567\n".repeat(30_001)}`, 422, "csv_too_many_rows", { rows_max: 30_000 }],
    ["too long a cell", `phone,name\n${row},${"A".repeat(40_000)}\n`, 422, "csv_no_valid_rows", { lines: ["line 2: cell_too_long"] }],
    [
      "only bad rows",
      "phone\n123\nabc\n",
      422,
      "csv_no_valid_rows",
      { rejected: 2, rejects: ["msisdn_too_short: 1", "msisdn_letters: 1"] },
    ],
  ])("%s", async (_says, csv, status, code, details = {}) => {
    expect(await expectRefusal({ csv, idempotencyKey: randomUUID() }, status, code)).toMatchObject(details);
  });

  it("is none for columns that nothing uses, whatever their names", async () => {
    for (const name of ["__proto__", "Constructor", "prototype", "x".repeat(500), "a\u0001b", "note, NOTE "]) {
      expect(await create({ csv: `phone,${name}\n${row},A${name.includes(",") ? ",B" : ""}\n` }), name).toMatchObject({ status: 201 });
    }
  });

  it("a column that is used and stands twice is refused", async () => {
    const csv = `phone,name, NAME \n${row},A,B\n`;
    expect(await create({ csv, fields: { text: "Hi {name}" } })).toMatchObject({
      status: 422,
      body: { code: "csv_header_doubled", line: 1, columns: ["2", "3"] },
    });
    expect(await create({ csv: `phone,Phone\n${row},${row}\n`, fields: { text: "Hi", phone_column: "phone" } })).toMatchObject({
      status: 422,
      body: { code: "csv_header_doubled", columns: ["1", "2"] },
    });
  });

  it("the phone column is the one that was named or numbered, and the answer says so", async () => {
    const csv = `Phone,Guardian Phone,\n${row},0401234502,0401234503\n`;
    const asked: [Record<string, string>, object][] = [
      [{}, { name: "Phone", number: 1, why: "only_numbers" }],
      [{ phone_column: "guardian phone" }, { name: "Guardian Phone", number: 2, why: "named" }],
      [{ phone_column_number: "3" }, { name: "", number: 3, why: "named" }],
    ];
    for (const [fields, column] of asked) {
      const { status, body } = await create({ csv, fields: { text: "Hi", ...fields } });
      expect([status, body.contacts, body.phone_column]).toEqual([201, 1, { ...column, description: expect.any(String) }]);
    }
    for (const fields of [
      { phone_column_number: "0" },
      { phone_column_number: "x" },
      { phone_column_number: "1", phone_column: "Phone" },
    ]) {
      expect(await create({ csv, fields: { text: "Hi", ...fields } })).toMatchObject({ status: 400, body: { code: "request_invalid" } });
    }
    expect(await create({ csv, fields: { text: "Hi", phone_column_number: "4" } })).toMatchObject({
      status: 422,
      body: { code: "csv_phone_column_missing" },
    });
  });

  it("an empty value is a reject, has a default, or is sent where that is chosen", async () => {
    const csv = "phone,name\n0401234501,Ada\n0401234502,\n0401234503,#N/A\n";
    const contactsOf = async (fields: Record<string, string>) => {
      const { body } = await create({ csv, fields });
      return [body.contacts, body.rejects];
    };
    expect(await contactsOf({ text: "Hi {name}!" })).toEqual([1, { value_empty: 2 }]);
    expect(await contactsOf({ text: "Hi {name|student}!" })).toEqual([3, {}]);
    expect(await contactsOf({ text: "Hi {name}!", empty_values: "send" })).toEqual([3, {}]);
    expect(await create({ csv, fields: { text: "Hi", empty_values: "yes" } })).toMatchObject({ status: 400 });
    expect(await create({ csv, fields: { text: "\u200b \u00ad" } })).toMatchObject({ status: 422, body: { code: "text_invalid" } });
    expect(await create({ csv, fields: { text: "Hi ((name))!" } })).toMatchObject({
      status: 422,
      body: { code: "text_invalid", spelling: "((name))", column: "name" },
    });
  });

  it("a broken row is a reject with its line and its number, and the rows around it are taken", async () => {
    const csv = 'phone,name\n0401234501,"A\n0401234502,B,C\n0401234503\n0401234504,A "the" B\n0401234505,D,\n';
    expect(await create({ csv })).toMatchObject({
      status: 201,
      body: {
        contacts: 3,
        rejected: 2,
        rejects: { row_ragged: 1, quote_unclosed: 1 },
        rejects_sample: [
          { line: 2, reason: "quote_unclosed", value: '0401234501,"A' },
          { line: 3, reason: "row_ragged", value: "0401234502" },
        ],
      },
    });
  });

  it("one that is bad only after 25,000 good rows leaves no row, and its Idempotency-Key is free", async () => {
    const good = `phone,name\n${numbers(25_000).join(",A\n")},A\n`;
    const idempotencyKey = randomUUID();
    await expectRefusal({ csv: `${good}\0\n`, idempotencyKey }, 422, "csv_nul");
    expect([...(await owner`select status, last_error, contacts from bulksms where last_error = 'csv_nul'`)]).toEqual([
      { status: "import_failed", last_error: "csv_nul", contacts: 0 },
    ]);
    expect(await create({ csv: good, idempotencyKey })).toMatchObject({ status: 201, body: { contacts: 25_000 } });
  });

  it("over the size limit is 413, with and without Content-Length, and the rest is still read", async () => {
    const csv = `phone\n${"0401234567\n".repeat(300_000)}`;
    await expectRefusal({ csv }, 413, "body_too_large");
    const head = '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n';
    const chunk = Buffer.from("0401234567\n".repeat(10_000));
    const chunked = Readable.toWeb(Readable.from([Buffer.from(head), ...Array<Buffer>(40).fill(chunk), Buffer.from("\r\n--b--\r\n")]));
    const before = await footprint();
    const answer = await send(chunked as never, {}, { "content-type": "multipart/form-data; boundary=b" });
    expect(answer).toMatchObject({ status: 413, body: { code: "body_too_large", bytes_max: uploadBytesMax } });
    expect(await footprint()).toEqual(before);
    const far = Buffer.alloc(5_000_000);
    expect((await send(far, {}, { "content-type": "multipart/form-data; boundary=b" })).status).toBe(413);
  });

  it("cut in the middle has no effect, and the server goes on", async () => {
    const before = await footprint();
    const head = `POST /create HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer sender\r\nidempotency-key: cut\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 100000\r\n\r\n`;
    for (const sent of [
      "",
      '--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nHi\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nphone\n0401234567\n',
    ]) {
      const socket = connect(port, "127.0.0.1");
      socket.write(head + sent);
      await until(async () => socket.bytesWritten > 0);
      socket.destroy();
      await new Promise((resolve) => socket.once("close", resolve));
    }
    // the same key is free again as soon as the server has seen the cut
    await until(async () => (await create({ idempotencyKey: "cut" })).status === 201);
    expect(await footprint()).toMatchObject({ campaigns: (before.campaigns as number) + 1, keys: (before.keys as number) + 1 });
  });
});

describe("a bad request is refused without effect", () => {
  it.each<[string, Asked, number, string]>([
    ["no file", { csv: null }, 400, "file_missing"],
    ["a file field without a file", { csv: null, fields: { text: "Hi", file: "students.csv" } }, 400, "file_missing"],
    ["no text", { fields: {} }, 422, "text_invalid"],
    ["a blank text", { fields: { text: " \n " } }, 422, "text_invalid"],
    ["a text with an unclosed brace", { fields: { text: "Hello {name" } }, 422, "text_invalid"],
    ["a text with empty braces", { fields: { text: "Hello {}" } }, 422, "text_invalid"],
    ["doubled braces around a column's name", { fields: { text: "{{phone}}" } }, 422, "text_invalid"],
    ["a text of 2,001 characters", { fields: { text: "x".repeat(2_001) } }, 422, "text_too_long"],
    ["a text of 7 parts", { fields: { text: "x".repeat(153 * 6 + 1) } }, 422, "text_too_long"],
    ["a column that the file lacks", { fields: { text: "Hi {first name}" } }, 422, "text_column_missing"],
    ["an unknown field", { fields: { text: "Hi", colour: "red" } }, 422, "field_unknown"],
    ["a field named constructor", { fields: { text: "Hi", constructor: "red" } }, 422, "field_unknown"],
    ["a sender too long", { fields: { text: "Hi", sender: "University of Oulu" } }, 422, "sender_invalid"],
    ["a sender of 16 digits", { fields: { text: "Hi", sender: "1234567890123456" } }, 422, "sender_invalid"],
    ["a sender with an umlaut", { fields: { text: "Hi", sender: "Äiti" } }, 422, "sender_invalid"],
    ["an unknown country", { fields: { text: "Hi", country: "XX" } }, 400, "request_invalid"],
    ["a deadline of 0", { fields: { text: "Hi", deadline_s: "0" } }, 400, "request_invalid"],
    ["a deadline of a year", { fields: { text: "Hi", deadline_s: "31536000" } }, 400, "request_invalid"],
    ["a name too long", { fields: { text: "Hi", name: "x".repeat(201) } }, 400, "request_invalid"],
    ["no key", { key: "" }, 401, "key_missing"],
    ["a key without the scope send", { key: "reader" }, 403, "scope_missing"],
    ["a key without a workspace", { key: "installation" }, 403, "scope_missing"],
    ["an Idempotency-Key too long", { idempotencyKey: "x".repeat(256) }, 400, "idempotency_key_invalid"],
  ])("%s", async (_says, asked, status, code) => {
    await expectRefusal(asked, status, code);
  });

  it("two files", async () => {
    const form = new FormData();
    form.append("text", "Hi");
    for (const name of ["a.csv", "b.csv"]) form.append("file", new Blob(["phone\n0401234567\n"]), name);
    expect(await send(form, {})).toMatchObject({ status: 400, body: { code: "file_more_than_one" } });
  });

  it("the same field twice, a field sent as a file, a file under another name", async () => {
    const twice = new FormData();
    twice.append("text", "Hi");
    twice.append("text", "Ho");
    expect(await send(twice, {})).toMatchObject({ status: 400, body: { code: "request_invalid" } });
    const asFile = new FormData();
    asFile.append("text", new Blob(["Hi"]), "text.txt");
    expect(await send(asFile, {})).toMatchObject({ status: 400, body: { code: "request_invalid" } });
    const named = new FormData();
    named.append("csv", new Blob(["phone\n0401234567\n"]), "a.csv");
    expect(await send(named, {})).toMatchObject({ status: 422, body: { code: "field_unknown" } });
  });

  it("another content type, a form without boundary, an empty form", async () => {
    expect(await send("{}", {}, { "content-type": "application/json" })).toMatchObject({
      status: 415,
      body: { code: "content_type_unsupported" },
    });
    expect(await send("x", {}, { "content-type": "multipart/form-data" })).toMatchObject({
      status: 400,
      body: { code: "request_invalid" },
    });
    expect((await send("--b--\r\n", {}, { "content-type": "multipart/form-data; boundary=b" })).body.code).toBe("file_missing");
    expect((await send("", {}, { "content-type": "multipart/form-data; boundary=b" })).body.code).toBe("file_missing");
  });
});

describe("an Idempotency-Key", () => {
  it("gives the stored answer to the same fields and file, and makes no second campaign", async () => {
    const asked = { csv: `phone\n${numbers(3).join("\n")}`, fields: { text: "Hi", name: "once" }, idempotencyKey: randomUUID() };
    const first = await create(asked);
    const before = await footprint();
    const again = await create({ ...asked, fileFirst: false });
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    expect(await footprint()).toEqual(before);
  });

  it("refuses other fields and another file", async () => {
    const asked = { csv: `phone\n${numbers(1)}`, idempotencyKey: randomUUID() };
    expect((await create(asked)).status).toBe(201);
    await expectRefusal({ ...asked, fields: { text: "Bye" } }, 422, "idempotency_key_reused");
    await expectRefusal({ ...asked, csv: `phone\n${numbers(1)}` }, 422, "idempotency_key_reused");
  });

  it("belongs to its workspace", async () => {
    const asked = { csv: `phone\n${numbers(1)}`, idempotencyKey: randomUUID() };
    const [mine, theirs] = [await create(asked), await create({ ...asked, key: "other" })];
    expect([mine.status, theirs.status]).toEqual([201, 201]);
    expect(mine.body.id).not.toBe(theirs.body.id);
  });

  it("is in flight while its upload is: 409, then the stored answer", async () => {
    const idempotencyKey = randomUUID();
    const csv = `phone\n${numbers(1)}`;
    let finish = () => {};
    const isFinished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nHello\r\n--b\r\n');
        await isFinished;
        yield Buffer.from(`Content-Disposition: form-data; name="file"; filename="students.csv"\r\n\r\n${csv}\r\n--b--\r\n`);
      })(),
    );
    const slow = send(
      Readable.toWeb(body) as never,
      { idempotencyKey, key: "slow" },
      { "content-type": "multipart/form-data; boundary=b" },
    );
    await until(async () => arrived.has("5"));
    const during = await create({ csv, idempotencyKey });
    expect(during).toMatchObject({ status: 409, body: { code: "idempotency_key_in_flight" } });
    expect(during.headers.get("retry-after")).toBe("1");
    finish();
    const first = await slow;
    expect(first.status).toBe(201);
    expect((await create({ csv, idempotencyKey })).body).toEqual(first.body);
  });

  it("of an import that died is in flight until its lease has passed; then the same key imports anew, and the sweeper purges the dead", async () => {
    const idempotencyKey = randomUUID();
    const deadId = randomUUID();
    await owner`
      insert into bulksms (id, workspace_id, name, sender, text, country, deadline_s, price, import_lease_owner, import_lease_until)
      values (${deadId}, ${workspaceId}, 'dead', 'x', 'x', 'FI', 60, 100, ${randomUUID()}, now() + interval '1 hour')`;
    await owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts) select ${deadId}, n, 358400000000 + n, 1 from generate_series(1, 12000) n`;
    await owner`insert into bulksms_reject (bulksms_id, line, reason, value) select ${deadId}, n, 'duplicate', '' from generate_series(1, 6000) n`;
    await owner`
      insert into idempotency_key (workspace_id, key, bulksms_id, request_sha256) values (${workspaceId}, ${idempotencyKey}, ${deadId}, ${Buffer.alloc(32)})`;
    const csv = `phone\n${numbers(1)}`;
    // the dead request was another one: nobody can know yet whether it will have an effect
    expect((await create({ csv, idempotencyKey })).body.code).toBe("idempotency_key_reused");
    await owner`update bulksms set import_lease_until = now() - interval '1 s' where id = ${deadId}`;
    const anew = await create({ csv, idempotencyKey });
    expect(anew.status).toBe(201);
    const worker = openPostgres(database.urls.sales_worker as string, { applicationName: "sales_worker", connections: 2 });
    try {
      const passes = await Promise.all([0, 1].map(() => purgeDeadImport(worker, deadId, { leaseMs: 5_000 })));
      expect(passes.filter((isOurs) => isOurs)).toHaveLength(1);
    } finally {
      await closePostgres(worker);
    }
    const [dead] = await owner`
      select status, last_error, (select count(*)::int from bulksms_info where bulksms_id = b.id) as messages,
        (select count(*)::int from bulksms_reject where bulksms_id = b.id) as rejects from bulksms b where id = ${deadId}`;
    expect(dead).toEqual({ status: "import_failed", last_error: "import_lost", messages: 0, rejects: 0 });
    expect((await create({ csv, idempotencyKey })).body).toEqual(anew.body);
  });
});

it("POST /create stands in the OpenAPI document with its form and its answer", async () => {
  await app.ready();
  const document = app.swagger() as unknown as { paths: Record<string, { post: { requestBody: { content: Record<string, unknown> } } }> };
  expect(Object.keys(document.paths["/create"]?.post.requestBody.content ?? {})).toEqual(["multipart/form-data"]);
});

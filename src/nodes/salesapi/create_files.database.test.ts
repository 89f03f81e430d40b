// Files as spreadsheets write them, through POST /create and POST /quote: encodings, workbooks, and
// one judge for both.
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uploadForm } from "../../../testing/api_client.ts";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { makeWorkbook, phoneRows, textRow } from "../../../testing/workbooks.ts";
import { quoteAnswer } from "../../contracts/quote.ts";

let nodes: SalesNodes;
let key: string;
beforeAll(async () => {
  nodes = await startSalesNodes({ isWithoutWorker: true });
  ({ key } = await nodes.credit.makeWorkspace("100"));
}, 60_000);
afterAll(() => nodes?.stop());

const post = (path: "/create" | "/quote", file: string | Uint8Array, fields: Record<string, string> = {}, ofKey = key) =>
  nodes.http("POST", path, { key: ofKey, body: uploadForm(file, { text: "Hi", ...fields }, "people.csv") });

const footprint = async () => {
  const [row] = await nodes.owner`
    select (select count(*)::int from bulksms) as campaigns, (select count(*)::int from bulksms_info) as messages,
      (select count(*)::int from bulksms_reject) as rejects, (select count(*)::int from idempotency_key) as keys`;
  return row;
};

/** What a campaign would send, or does: the answers of both routes, the quote first. */
async function both(file: string | Uint8Array, fields: Record<string, string> = {}) {
  const before = await footprint();
  const quoted = await post("/quote", file, fields);
  expect(await footprint()).toEqual(before);
  const created = await post("/create", file, fields);
  if (quoted.status !== 200) {
    expect({ ...quoted.body, instance: null }).toEqual({ ...created.body, instance: null });
    expect(await footprint()).toEqual(before);
    return { quoted, created };
  }
  expect(created.status, JSON.stringify(created.body)).toBe(201);
  for (const name of ["file", "phone_column", "contacts", "rejected", "parts", "price", "cost", "encoding", "sender", "country"]) {
    expect(quoted.body[name], name).toEqual(created.body[name]);
  }
  const { rejects } = quoteAnswer.parse(quoted.body);
  expect(Object.fromEntries(Object.entries(rejects).map(([reason, found]) => [reason, found.count]))).toEqual(created.body.rejects);
  return { quoted, created };
}

const fieldsOf = async (id: string) => {
  const rows = await nodes.owner`select fields from bulksms_info where bulksms_id = ${id} order by row_no`;
  return rows.map(({ fields }) => fields?.[0]);
};

describe("a file's encoding", () => {
  const text = { text: "Hei {nimi}" };
  const csv = "nimi;puhelin\r\nVäinö;0401234567\r\nÅsa;0401234568\r\n";
  it.each([
    ["utf-8", Buffer.from(csv)],
    ["utf-8", Buffer.from(`\ufeff${csv}`)],
    ["utf-16le", Buffer.from(`\ufeff${csv}`, "utf16le")],
    ["utf-16le", Buffer.from(csv, "utf16le")],
    ["utf-16be", Buffer.from(`\ufeff${csv}`, "utf16le").swap16()],
    ["windows-1252", Buffer.from(csv, "latin1")],
  ])("is told from its bytes: %s", async (encoding, bytes) => {
    const { created } = await both(bytes, text);
    expect(created.body).toMatchObject({ contacts: 2, file: { kind: "csv", encoding, sheet: null, hidden_rows: 0 } });
    expect(await fieldsOf(created.body.id)).toEqual(["Väinö", "Åsa"]);
  });

  it("is asked for where two readings differ, and obeyed when it is named", async () => {
    const bytes = Buffer.from("name,phone\n\xbdmile,0401234567\n", "latin1");
    const { quoted } = await both(bytes, { text: "Hi {name}" });
    expect(quoted).toMatchObject({
      status: 422,
      body: { code: "csv_encoding_ambiguous", line: 2, encodings: ["windows-1252", "iso-8859-15"] },
    });
    for (const [encoding, name] of [
      ["windows-1252", "½mile"],
      ["ISO-8859-15", "œmile"],
      ["latin9", "œmile"],
    ] as const) {
      const { created } = await both(bytes, { text: "Hi {name}", encoding });
      expect(await fieldsOf(created.body.id)).toEqual([name]);
    }
  });

  it("is refused where it is none, is unknown, or does not hold for the whole file", async () => {
    const undefinedByte = Buffer.from("name,phone\nA\x81,0401234567\n", "latin1");
    expect((await both(undefinedByte)).quoted).toMatchObject({ status: 422, body: { code: "csv_encoding_invalid", line: 2 } });
    expect((await both("phone\n0401234567\n", { encoding: "ebcdic" })).quoted).toMatchObject({ status: 400 });
    const odd = Buffer.concat([Buffer.from("\ufeffphone\n0401234567\n", "utf16le"), Buffer.from("x")]);
    expect((await both(odd)).quoted).toMatchObject({ status: 422, body: { code: "csv_encoding_invalid" } });
    expect((await both(Buffer.from("n,phone\n\xe4,0401234567\n", "latin1"), { encoding: "utf-8" })).quoted).toMatchObject({
      status: 422,
      body: { code: "csv_encoding_invalid", line: 2 },
    });
  });
});

describe("a workbook", () => {
  it("is read as it is, without its hidden rows, which are counted", async () => {
    const rows = `${textRow("name", "phone")}${textRow("Ada", "0401234501")}<row hidden="1"><c t="inlineStr"><is><t>Ben</t></is></c><c t="inlineStr"><is><t>0401234502</t></is></c></row><row><c><v>7</v></c><c><v>358401234503</v></c></row>`;
    const workbook = makeWorkbook({ sheets: [{ name: "People", rows }] });
    const { created } = await both(workbook, { text: "Hi {name}" });
    expect(created.body).toMatchObject({
      contacts: 2,
      file: { kind: "xlsx", encoding: null, sheet: "People", sheets: ["People"], hidden_rows: 1 },
    });
    expect(await fieldsOf(created.body.id)).toEqual(["Ada", "7"]);
    const lines = await nodes.owner`select line from bulksms_info where bulksms_id = ${created.body.id} order by row_no`;
    expect(lines.map(({ line }) => line)).toEqual([2, 4]);
    const { created: whole } = await both(workbook, { text: "Hi {name}", hidden_rows: "include" });
    expect(whole.body).toMatchObject({ contacts: 3, file: { hidden_rows: 0 } });
    expect((await both(workbook, { hidden_rows: "yes" })).quoted).toMatchObject({ status: 400, body: { code: "request_invalid" } });
  });

  it("with phone numbers on several sheets is asked about", async () => {
    const workbook = makeWorkbook({
      sheets: [
        { name: "Notes", rows: textRow("nothing") },
        { name: "2025", rows: phoneRows(3) },
        { name: "2026", rows: phoneRows(2) },
      ],
    });
    expect((await both(workbook)).quoted).toMatchObject({
      status: 422,
      body: { code: "sheet_ambiguous", sheets: ["2025", "2026"], numbers: ["3", "2"] },
    });
    expect((await both(workbook, { sheet: "2026" })).created.body).toMatchObject({ contacts: 2, file: { sheet: "2026" } });
    expect((await both(workbook, { sheet: "2027" })).quoted).toMatchObject({ status: 422, body: { code: "sheet_missing" } });
    expect((await both(workbook, { sheet: " " })).quoted).toMatchObject({ status: 400 });
    expect((await both(workbook, { sheet: "2026", encoding: "utf-8" })).quoted).toMatchObject({ status: 400 });
    expect((await both("phone\n0401234567\n", { sheet: "2026" })).quoted).toMatchObject({ status: 400 });
  });

  it("rejects the rows whose used cells cannot be trusted, and no others", async () => {
    const cells = (name: string, phone: string) => `<row><c t="inlineStr"><is><t>${name}</t></is></c>${phone}</row>`;
    const rows = [
      textRow("name", "phone", "note"),
      textRow("Ada", "0401234501"),
      cells("Ben", "<c><f>A1</f></c>"),
      cells("Cai", "<c><v>12345678901234567890</v></c>"),
      `<row><c t="inlineStr"><is><t>Dan</t></is></c><c t="inlineStr"><is><t>0401234504</t></is></c><c><f>B1</f></c></row>`,
    ].join("");
    const { created } = await both(makeWorkbook({ sheets: [{ name: "S", rows }] }));
    expect(created.body).toMatchObject({ contacts: 2, rejects: { formula_without_value: 1, digits_lost: 1 } });
  });

  it.each([
    ["cut in the middle", makeWorkbook({ sheets: [{ name: "S", rows: phoneRows(50) }] }).subarray(0, 700), "xlsx_invalid"],
    [
      "with macros",
      makeWorkbook({ sheets: [{ name: "S", rows: phoneRows(2) }], parts: { "xl/vbaProject.bin": strToU8("x") } }),
      "xlsx_macros",
    ],
    ["that is another archive", zipSync({ "a.txt": strToU8("phone\n0401234567\n") }), "xlsx_invalid|csv_not_text"],
    [
      "of 251 sheets",
      makeWorkbook({ sheets: Array.from({ length: 251 }, (_, n) => ({ name: `S${n}`, rows: "" })) }),
      "xlsx_too_many_sheets",
    ],
    ["that is a PDF", "%PDF-1.7\n", "csv_not_text"],
    ["that is a vCard", "BEGIN:VCARD\nTEL:0401234567\nEND:VCARD\n", "csv_not_text"],
  ])("%s is refused alike, without a trace", async (_name, file, code) => {
    const { quoted } = await both(file);
    expect([415, 422]).toContain(quoted.status);
    expect(quoted.body.code).toMatch(new RegExp(`^(${code})$`));
  });
});

describe("a quote", () => {
  it("counts by reason, country, empty value and costly character, and shows texts", async () => {
    const long = "x".repeat(150);
    const csv = [
      "name,phone",
      "Ada,0401234501",
      "Ben,+46701234567",
      ",0401234502",
      "#N/A,0401234503",
      "Again,040 1234501",
      "Line,09 1234567",
      "Caf\u00e9\u2019s,0401234504",
      "Soft\u00adhyphen,0401234505",
      "Odd,11.5.2026",
    ].join("\n");
    const { quoted } = await both(csv, { text: `Hi {name}! ${long}` });
    expect(quoted.body).toMatchObject({
      rows: 9,
      contacts: 4,
      rejected: 5,
      landlines: 1,
      duplicates: 1,
      parts: 8,
      price: "0.1",
      cost: "0.8",
      encoding: "mixed",
      empty_values: [{ column: "name", rows: 2, treated_as: "rejected" }],
      countries: [
        { country: "FI", contacts: 3, parts: 7, cost: "0.7" },
        { country: "SE", contacts: 1, parts: 1, cost: "0.1" },
      ],
      rejects: {
        value_empty: { count: 2, first: [{ line: 4, value: "0401234502" }, { line: 5 }] },
        duplicate: { count: 1, first: [{ line: 6, value: "040 1234501" }] },
      },
      samples: [{ line: 2, text: `Hi Ada! ${long}`, parts: 1 }, { line: 3 }, { line: 8 }],
    });
    expect(quoted.body.costly_characters).toMatchObject({
      text: { characters: [], extra_parts: 0, extra_cost: "0.0" },
      cells: { extra_parts: 2, extra_cost: "0.2" },
      extra_parts: 2,
    });
    const named = quoted.body.costly_characters.cells.characters.map(({ code_point, suggestion }: Record<string, unknown>) => [
      code_point,
      suggestion,
    ]);
    expect(named).toEqual([
      ["U+2019", "'"],
      ["U+00AD", ""],
    ]);
  });

  it("says what the text's own characters cost, apart from the cells'", async () => {
    const csv = "name,phone\nAda,0401234501\n\u0160,0401234502\n";
    const { quoted } = await both(csv, { text: `\u201cHi\u201d {name} ${"y".repeat(100)}` });
    expect(quoted.body).toMatchObject({
      parts: 4,
      costly_characters: {
        text: { extra_parts: 1, characters: [{ code_point: "U+201C" }, { code_point: "U+201D" }] },
        cells: { extra_parts: 0, characters: [{ code_point: "U+0160", suggestion: "S" }] },
        extra_parts: 2,
        extra_cost: "0.2",
      },
    });
  });

  it("says what becomes of empty values", async () => {
    const csv = "name,phone\nAda,0401234501\n,0401234502\n";
    const treated = async (fields: Record<string, string>) => {
      const { quoted } = await both(csv, fields);
      return [quoted.body.contacts, quoted.body.empty_values[0]?.treated_as];
    };
    expect(await treated({ text: "Hi {name}" })).toEqual([1, "rejected"]);
    expect(await treated({ text: "Hi {name|friend}" })).toEqual([2, "default"]);
    expect(await treated({ text: "Hi {name}", empty_values: "send" })).toEqual([2, "sent_empty"]);
  });

  it("refuses what /create refuses, and callers without the scope", async () => {
    expect((await both("phone\n123\n")).quoted).toMatchObject({ status: 422, body: { code: "csv_no_valid_rows" } });
    expect((await both("phone\n0401234567\n", { text: "Hi {x}" })).quoted).toMatchObject({ body: { code: "text_column_missing" } });
    expect((await both("phone\n0401234567\n", { colour: "red" })).quoted).toMatchObject({ body: { code: "field_unknown" } });
    expect((await both("a,b\n0401234567,0501234567\n0401234568,0501234568\n")).quoted).toMatchObject({
      status: 422,
      body: { code: "phone_column_ambiguous" },
    });
    expect((await post("/quote", "phone\n0401234567\n", {}, "nonsense")).status).toBe(401);
    expect((await nodes.http("POST", "/quote", { key, body: {} })).status).toBe(415);
  });
});

describe("POST /run with what was expected", () => {
  const csv = "phone\n0401234501\n0401234502\n";
  const run = (id: string, expected: unknown) => nodes.http("POST", "/run", { key, body: { id, expect: expected } });
  const made = async () => (await post("/create", csv)).body.id as string;

  it.each([
    ["contacts", { contacts: 1 }],
    ["parts", { contacts: 2, parts: 1 }],
    ["cost", { contacts: 2, parts: 2, cost_max: "0.199" }],
  ])("refuses more %s, with the figures, and nothing has happened", async (_name, expected) => {
    const id = await made();
    const balance = async () => (await nodes.owner`select count(*)::int as runs from bulksms_run where bulksms_id = ${id}`)[0];
    expect(await run(id, expected)).toMatchObject({
      status: 409,
      body: { code: "quote_changed", contacts: 2, parts: 2, price: "0.1", cost: "0.2" },
    });
    expect(await balance()).toEqual({ runs: 0 });
    expect(await nodes.campaign(id)).toMatchObject({ status: "ready", hold_id: null });
    expect(await run(id, { contacts: 2, parts: 2, cost_max: "0.2" })).toMatchObject({ status: 202 });
    expect(await run(id, { contacts: 1 })).toMatchObject({ status: 409, body: { code: "state_conflict" } });
  });

  it("runs what is less than expected", async () => {
    expect(await run(await made(), { contacts: 3, cost_max: "1" })).toMatchObject({ status: 202, body: { contacts: 2, cost: "0.2" } });
  });

  it.each([
    {},
    { cost: "1" },
    { contacts: -1 },
    { contacts: "2" },
    { parts: 1.5 },
    { cost_max: 1 },
    { cost_max: "1e3" },
    { cost_max: "-1" },
    { cost_max: "0.0001" },
    [],
    "2",
    null,
  ])("refuses an expectation that is none: %j", async (expected) => {
    const id = await made();
    const { status } = await run(id, expected);
    expect([400, 422]).toContain(status);
    expect(await nodes.campaign(id)).toMatchObject({ status: "ready" });
  });

  it("of another workspace does not exist, whatever was expected", async () => {
    const id = await made();
    const other = await nodes.credit.makeWorkspace("1");
    const answer = await nodes.http("POST", "/run", { key: other.key, body: { id, expect: { contacts: 1 } } });
    expect(answer).toMatchObject({ status: 404, body: { code: "bulksms_not_found" } });
  });
});

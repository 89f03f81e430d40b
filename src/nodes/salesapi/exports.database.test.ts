// How a campaign is followed up over HTTP: its report by the lines of its file, and its rejects,
// which are fixed and sent again as they are.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { uploadForm } from "../../../testing/api_client.ts";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { makeWorkbook, textRow } from "../../../testing/workbooks.ts";
import { csvSource } from "../../contacts/csv/csv_source.ts";
import { withoutOwnColumns } from "../../contacts/exports/own_columns.ts";
import { cellsOf } from "../../contacts/rows.ts";

let nodes: SalesNodes;
let key: string;
beforeAll(async () => {
  nodes = await startSalesNodes({ isWithoutWorker: true });
  ({ key } = await nodes.credit.makeWorkspace("100"));
}, 60_000);
afterAll(() => nodes?.stop());

async function create(file: string | Uint8Array, fields: Record<string, string> = {}) {
  const { status, body } = await nodes.http("POST", "/create", { key, body: uploadForm(file, { text: "Hi", ...fields }, "people.csv") });
  expect(status, JSON.stringify(body)).toBe(201);
  return body;
}

/** The bytes, for the mark at their beginning. */
async function download(id: string, name: "report" | "rejects"): Promise<string> {
  const answer = await fetch(`${nodes.salesapiUrl}/bulksms/${id}/${name}.csv`, { headers: { authorization: `Bearer ${key}` } });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/csv; charset=utf-8"]);
  return Buffer.from(await answer.arrayBuffer()).toString();
}

async function rowsOf(file: string): Promise<{ header: readonly string[]; rows: string[][] }> {
  async function* bytes() {
    yield Buffer.from(file);
  }
  const source = withoutOwnColumns(csvSource(bytes(), "utf-8"));
  const found: string[][] = [];
  for await (const rows of source.rows()) for (let row = 0; row < rows.count; row++) found.push(cellsOf(rows, row));
  return { header: source.header?.cells ?? [], rows: found };
}

describe("report.csv", () => {
  it("names each message's line of the file, its state and why", async () => {
    const { id } = await create("phone,name\n0401234501,Ada\nabc,Ben\n0401234502,Cy\n", { text: "Hi {name}" });
    await nodes.owner`update bulksms_info set status = 'undelivered', error_code = 'memory_full' where bulksms_id = ${id} and row_no = 2`;
    const report = await download(id, "report");
    expect(report.split("\r\n")).toEqual([
      "\ufeffline,row_no,msisdn,status,reason,parts,error_code,sent_at,done_at",
      '2,1,"=""+358401234501""",pending,waiting to be sent (simulated: no phone was reached),1,,,',
      '4,2,"=""+358401234502""",undelivered,handset memory full (simulated: no phone was reached),1,memory_full,,',
      "",
    ]);
    // one that has not answered as our simulator is real
    const [carrier] = await nodes.owner`
      insert into carrier (name, settings, sealed_secret) values ('telia', '{"protocol": "smpp"}', ''::bytea) returning id`;
    await nodes.owner`update bulksms set carrier_id = ${carrier?.id} where id = ${id}`;
    expect(await download(id, "report")).toContain("undelivered,handset memory full,1,memory_full");
  });
});

describe("rejects.csv", () => {
  const finnish = [
    "sep=;",
    "puhelin;nimi;ryhmä;;nimi",
    "0401234501;Ada;1-2;x;",
    'abc;Väinö, "V" Å;=1+1;;',
    "0401234501;Ada uudelleen;-5;'y;00123",
    "0401234502;;@b;;",
    '0401234503;Cy;"kaksi',
    'riviä";;;liikaa',
    '"avoin;Di;;;',
    "0401234504;Eve;;;",
  ].join("\r\n");

  it("has each row's own cells under the file's own header, as Excel in its country opens it", async () => {
    const created = await create(Buffer.from(finnish, "latin1"), { text: "Hei {ryhmä}!", empty_values: "reject" });
    expect(created.rejects).toEqual({ msisdn_letters: 1, duplicate: 1, value_empty: 1, row_ragged: 1, quote_unclosed: 1 });
    const rejects = await download(created.id, "rejects");
    const lines = rejects.split("\r\n");
    expect(lines[0]).toBe("\ufeffpuhelin;nimi;ryhmä;;nimi;line;reason;what_to_do");
    expect(lines[1]).toContain('abc;"Väinö, ""V"" Å";\'=1+1;;;4;msisdn_letters;Write the number');
    expect((await rowsOf(rejects)).rows).toEqual([
      ["abc", 'Väinö, "V" Å', "=1+1", "", ""],
      ["0401234501", "Ada uudelleen", "-5", "'y", "00123"],
      ["0401234503;Cy;kaksi\r\nriviä;;;liikaa", "", "", "", ""],
      ['"avoin;Di;;;', "", "", "", ""],
      ["0401234504", "Eve", "", "", ""],
    ]);
  });

  it("is taken again as it is with the same rejects, and fixed with none; its columns never pile up", async () => {
    const text = { text: "Hi {name}, group {group}" };
    const first = await create("phone,name,group\n0401234501,Ada,1\nabc,Ben,=2\n,Cy,3-4\n0401234501,Di,5\n", text);
    const rejects = await download(first.id, "rejects");
    const withOne = rejects.replace("abc", '"=""0401234502"""');
    const second = await create(withOne, text);
    expect(second).toMatchObject({ contacts: 2, rejected: 1, rejects: { msisdn_missing: 1 }, phone_column: { name: "phone", number: 1 } });
    const fields = await nodes.owner`select fields, line from bulksms_info where bulksms_id = ${second.id} order by row_no`;
    expect(fields.map((row) => [row.line, row.fields])).toEqual([
      [2, ["Ben", "=2"]],
      [4, ["Di", "5"]],
    ]);
    const again = await download(second.id, "rejects");
    expect(again.split("\r\n")[0]).toBe("\ufeffphone,name,group,line,reason,what_to_do");
    expect((await rowsOf(again)).rows).toEqual([["", "Cy", "3-4"]]);
  });

  it("whose columns are ours is never asked for a number, nor fills a text", async () => {
    const file = "\ufeffphone,line,reason,what_to_do\r\nabc,0401234501,msisdn_letters,0401234502\r\n0401234503,0401234504,duplicate,y\r\n";
    expect(await create(file)).toMatchObject({ contacts: 1, phone_column: { name: "phone", why: "only_numbers" } });
    const form = uploadForm(file, { text: "Hi {reason}" }, "people.csv");
    expect(await nodes.http("POST", "/create", { key, body: form })).toMatchObject({ status: 422, body: { code: "text_column_missing" } });
    const twice = "phone,reason,line,reason,what_to_do\n0401234501,mine,2,duplicate,x\n";
    const { id } = await create(twice, { text: "Hi {reason}" });
    const [row] = await nodes.owner`select fields from bulksms_info where bulksms_id = ${id}`;
    expect(row?.fields).toEqual(["mine"]);
  });

  it("of a workbook has the row numbers of its sheet, also in the semicolons of its country", async () => {
    const rows = `${textRow("name", "phone")}${textRow("Ada", "0401234501")}${textRow("Ben", "abc")}`;
    const { id } = await create(makeWorkbook({ sheets: [{ name: "People", rows }] }));
    expect((await download(id, "rejects")).split("\r\n")[1]).toMatch(/^Ben;abc;3;msisdn_letters;/);
    expect((await download(id, "report")).split("\r\n")[1]).toMatch(/^2;1;/);
  });

  it("keeps so much of a row and no more, and says so", async () => {
    const wide = Array.from({ length: 300 }, (_, column) => `c${column}`);
    const cells = wide.map((_, column) => (column === 299 ? "abc" : column === 0 ? "😀".repeat(600) : "y".repeat(100)));
    const csv = [wide.slice(0, 299).concat("phone"), cells, wide.map((_, column) => (column === 299 ? "0401234501" : "z"))];
    const { id } = await create(csv.map((row) => row.join(",")).join("\n"));
    const [kept] = await nodes.owner<
      { cells: string[]; is_cut: boolean }[]
    >`select cells, is_cut from bulksms_reject where bulksms_id = ${id}`;
    expect(kept?.is_cut).toBe(true);
    expect(kept?.cells[0]).toBe(`${"😀".repeat(500)}…`);
    expect(kept?.cells).toHaveLength(300);
    expect(kept?.cells[299]).toBe("abc");
    expect(kept?.cells.join("").length).toBeLessThan(8_400);
    expect(await download(id, "rejects")).toContain("copy them from your file");
  });

  it("of a campaign from before the cells were kept has line, reason and value", async () => {
    const { id } = await create("phone\n0401234501\nabc\n=x\n");
    await nodes.owner`update bulksms set file_columns = null where id = ${id}`;
    await nodes.owner`update bulksms_reject set cells = null where bulksms_id = ${id}`;
    expect(await download(id, "rejects")).toBe("\ufeffline,reason,value\r\n3,msisdn_letters,abc\r\n4,msisdn_letters,'=x\r\n");
  });

  it("is empty, and its header nobody's, where no row was rejected", async () => {
    const { id } = await create("phone\n0401234501\n");
    expect(await download(id, "rejects")).toBe("\ufeffline,reason,value\r\n");
    const [found] = await nodes.owner`select file_columns from bulksms where id = ${id}`;
    expect(found?.file_columns).toBeNull();
  });
});

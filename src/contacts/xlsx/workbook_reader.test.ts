import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { strToU8, zipSync } from "fflate";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeWorkbook, phoneRows, textRow, type WorkbookParts } from "../../../testing/workbooks.ts";
import { AppError } from "../../contracts/errors.ts";
import { fileKindOf } from "../file_kind.ts";
import { type CellFault, cellsOf, faultOf } from "../rows.ts";
import { type RandomAccess, randomAccessOfBlob, randomAccessOfBytes, randomAccessOfHandle } from "./random_access.ts";
import { openWorkbookInThread } from "./sheet_thread.ts";
import { chooseSheet, openWorkbookHere, type SheetBeginning, type WorkbookReader } from "./workbook_reader.ts";

interface Table {
  header: readonly string[] | null;
  rows: string[][];
  lines: number[];
  faults: (readonly [line: number, column: number, fault: CellFault])[];
  hidden: { rows: number; columns: readonly string[] };
}

async function tableOf(reader: WorkbookReader, index = 0, withHidden = false): Promise<Table> {
  const source = reader.read(reader.sheets[index] as WorkbookReader["sheets"][number], { withHidden });
  const table: Table = { header: null, rows: [], lines: [], faults: [], hidden: { rows: 0, columns: [] } };
  for await (const rows of source.rows()) {
    for (let row = 0; row < rows.count; row++) {
      table.rows.push(cellsOf(rows, row));
      table.lines.push(rows.lines[row] as number);
      for (let column = 0; column < rows.width; column++) {
        const fault = faultOf(rows, row, column);
        if (fault !== null) table.faults.push([rows.lines[row] as number, column, fault]);
      }
    }
  }
  return { ...table, header: source.header?.cells ?? null, hidden: source.hidden };
}

const openBytes = (bytes: Uint8Array) => openWorkbookHere(randomAccessOfBytes(bytes));
const read = async (parts: WorkbookParts, withHidden = false) => tableOf(await openBytes(makeWorkbook(parts)), 0, withHidden);
const readRows = (rows: string, more: Partial<WorkbookParts> = {}) => read({ sheets: [{ name: "S", rows }], ...more });

async function refusalOf(step: Promise<unknown>): Promise<AppError> {
  const error = await step.then(
    () => new Error("was taken"),
    (reason: unknown) => reason,
  );
  if (!(error instanceof AppError)) throw error;
  expect(error.message.length).toBeLessThan(500);
  return error;
}

describe("the cells of a workbook", () => {
  it("are shared strings, rich text and inline strings, without what is only pronunciation", async () => {
    const strings = [
      "<t>name</t>",
      "<t>phone</t>",
      "<r><t>Hei </t></r><r><rPr><b/></rPr><t>Ada</t></r>",
      "<t>東京</t><rPh><t>トウキョウ</t></rPh>",
    ];
    const rows = `<row r="1"><c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c></row>
      <row r="2"><c r="A2" t="s"><v>2</v></c><c r="B2" t="inlineStr"><is><r><t>040</t></r><r><t>1&amp;2_x000D_&#128512;</t></r></is></c></row>
      <row r="3"><c r="A3" t="s"><v>3</v></c><c r="B3" t="str"><f>A1</f><v>0401234501</v></c></row>`;
    expect(await readRows(rows, { strings })).toMatchObject({
      header: ["name", "phone"],
      rows: [
        ["Hei Ada", "0401&2\r😀"],
        ["東京", "0401234501"],
      ],
      lines: [2, 3],
    });
  });

  it("are numbers with every digit that the sheet has, and a fault where it has lost some", async () => {
    const values = [
      "358401234501",
      "3.58401234502E11",
      "401234501.0",
      "0.1",
      "1E-7",
      "0.30000000000000004",
      "123456789012345",
      "1234567890123456",
      "8.9358E+19",
    ];
    const rows = textRow("n") + values.map((value) => `<row><c><v>${value}</v></c></row>`).join("");
    const { rows: cells, faults } = await readRows(rows);
    expect(cells.flat()).toEqual([
      ...[
        "358401234501",
        "358401234502",
        "401234501",
        "0.1",
        "0.0000001",
        "0.3",
        "123456789012345",
        "1234567890123456",
        "89358000000000000000",
      ],
    ]);
    expect(faults).toEqual([
      [9, 0, "digits_lost"],
      [10, 0, "digits_lost"],
    ]);
  });

  it("are shown by their formats: dates as ISO text, amounts with their sign, padded digits", async () => {
    const formats = [
      14,
      "d\\.m\\.yyyy",
      "[$-40B]d. mmmm yyyy",
      "h:mm",
      "[h]:mm:ss",
      22,
      "0000000000",
      "0.00",
      "0%",
      "#,##0.00 [$€-40B]",
      "&quot;+&quot;0",
    ];
    const more = [
      "[&lt;=9999999]###\\-####;\\(###\\)\\ ###\\-####",
      "&quot;day&quot; 0",
      "0.00E+00",
      "@",
      "[Red]General",
      0,
      "000\\-000\\-0000",
    ];
    const values = [
      46153, 46153.4375, 60, 0.375, 1.5, 46153, 401234501, 12.5, 0.25, 450000, 358401234501, 2025550101, 3, 358401234501, 7, 8, 9,
      412345678,
    ];
    const cells = values.map((value, n) => `<row><c s="${n + 1}"><v>${value}</v></c></row>`).join("");
    const { rows } = await readRows(textRow("v") + cells, { formats: [...formats, ...more] });
    expect(rows.flat()).toEqual([
      ...["2026-05-11", "2026-05-11T10:30:00", "1900-02-28", "09:00:00", "36:00:00", "2026-05-11T00:00:00", "0401234501", "12.50", "25%"],
      ...["450000.00 €", "+358401234501", "2025550101", "day3", "358401234501", "7", "8", "9", "0412345678"],
    ]);
  });

  it("count days from 1904 where the workbook does", async () => {
    const rows = `${textRow("v")}<row><c s="1"><v>0</v></c></row><row><c s="1"><v>44691</v></c></row><row><c s="1"><v>-1</v></c></row><row><c s="1"><v>401234501</v></c></row>`;
    expect((await readRows(rows, { formats: [14], is1904: true })).rows.flat()).toEqual(["1904-01-01", "2026-05-11", "#NUM!", "#NUM!"]);
  });

  it("are booleans and errors as the sheet shows them", async () => {
    const rows = `${textRow("v", "w")}<row><c t="b"><v>1</v></c><c t="b"><v>0</v></c></row><row><c t="e"><v>#N/A</v></c><c t="d"><v>2026-05-11T00:00:00</v></c></row>`;
    expect((await readRows(rows)).rows).toEqual([
      ["TRUE", "FALSE"],
      ["#N/A", "2026-05-11"],
    ]);
  });

  it("have a fault where a formula was never computed", async () => {
    const formulas = ["<f>A1</f>", "<f>A1</f><v></v>", "<f>A1</f><v/>", '<f t="shared" si="0"/>', "<f>A1</f><v>7</v>", "<f>A1</f><v>0</v>"];
    const rows = `${textRow("v") + formulas.map((cell) => `<row><c>${cell}</c></row>`).join("")}<row><c t="str"><f>B1</f><v></v></c><c><v>1</v></c></row>`;
    const fault = "formula_without_value";
    const expected = [2, 3, 4, 5].map((line) => [line, 0, fault]);
    expect((await readRows(rows)).faults).toEqual(expected);
    // a program that cannot compute writes 0 and asks for a computation
    expect((await readRows(rows, { workbook: '<calcPr fullCalcOnLoad="1"/>' })).faults).toEqual([...expected, [7, 0, fault]]);
  });

  it("stand in their columns, with and without references, and empty rows are nothing", async () => {
    const rows = `<row/><row r="3">${'<c t="inlineStr"><is><t>a</t></is></c><c t="inlineStr"><is><t>b</t></is></c><c t="inlineStr"><is><t>c</t></is></c>'}</row>
      <row r="5"><c r="A5"/><c r="B5"><v>  </v></c></row><row r="7"><c r="B7"><v>1</v></c></row><row><c><v>2</v></c><c r="D8"><v>3</v></c></row>`;
    expect(await readRows(rows)).toMatchObject({
      header: ["a", "b", "c", ""],
      rows: [
        ["", "1", "", ""],
        ["2", "", "", "3"],
      ],
      lines: [7, 8],
    });
  });

  it("are read from parts with prefixed names", async () => {
    const sheet =
      '<x:worksheet xmlns:x="m"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t>a</x:t></x:is></x:c></x:row><x:row><x:c><x:v>1</x:v></x:c></x:row></x:sheetData></x:worksheet>';
    expect(await readRows("", { parts: { "xl/worksheets/sheet1.xml": strToU8(sheet) } })).toMatchObject({ header: ["a"], rows: [["1"]] });
  });

  it("of a merged range are the first one's value, and empty", async () => {
    const rows = `${textRow("a", "b")}<row r="2"><c r="A2"><v>1</v></c><c r="B2"/></row><row r="3"><c r="A3"/><c r="B3"><v>2</v></c></row>`;
    expect((await readRows(rows)).rows).toEqual([
      ["1", ""],
      ["", "2"],
    ]);
  });
});

describe("hidden rows and columns", () => {
  const parts: WorkbookParts = {
    sheets: [
      {
        name: "S",
        before: '<cols><col min="2" max="3" hidden="1"/></cols>',
        rows: `<row r="1" hidden="1"><c r="A1"><v>9</v></c></row>${textRow("name", "secret", "", "phone")}
          <row r="3" hidden="1"><c r="A3"><v>1</v></c></row><row r="4" hidden="1"/><row r="5"><c r="A5"><v>2</v></c><c r="B5"><v>3</v></c><c r="D5"><v>4</v></c></row>`,
      },
    ],
  };

  it("are left out and counted, those with something in them", async () => {
    expect(await read(parts)).toMatchObject({
      header: ["name", "phone"],
      rows: [["2", "4"]],
      lines: [5],
      hidden: { rows: 2, columns: ["secret"] },
    });
  });

  it("are read when they are wanted", async () => {
    expect(await read(parts, true)).toMatchObject({ header: ["9", "", "", ""], lines: [2, 3, 5], hidden: { rows: 0, columns: [] } });
  });
});

describe("the sheets of a workbook", () => {
  const countNumbers = ({ rows }: SheetBeginning) =>
    Array.from({ length: rows.count }, (_, row) => cellsOf(rows, row)).filter((cells) => cells.some((cell) => /^0\d{9}$/.test(cell)))
      .length;
  const choose = async (sheets: WorkbookParts["sheets"], wanted: string | null = null) =>
    (await chooseSheet(await openBytes(makeWorkbook({ sheets })), { wanted, countNumbers, withHidden: false })).name;
  const notes = textRow("a", "b") + textRow("1", "2");

  it("come in the order of their tabs, with their names as they stand", async () => {
    const reader = await openBytes(
      makeWorkbook({
        sheets: [
          { name: "B &amp; &quot;x&quot; > y", rows: "" },
          { name: "A", rows: "", state: "veryHidden" },
        ],
      }),
    );
    expect(reader.sheets.map(({ name, isHidden }) => [name, isHidden])).toEqual([
      ['B & "x" > y', false],
      ["A", true],
    ]);
  });

  it("have no hidden column that is named by what stands above the header, or that is empty below it", async () => {
    const rows = `<row r="1"><c r="B1" t="inlineStr"><is><t>title</t></is></c></row><row r="2">${"<c/>"}</row>
      <row r="3"><c r="A3" t="inlineStr"><is><t>phone</t></is></c><c r="C3" t="inlineStr"><is><t>Notes</t></is></c></row>
      <row r="4"><c r="A4"><v>1</v></c><c r="B4"><v>2</v></c></row><row r="5"><c r="A5"><v>1</v></c><c r="AB5"><v>2</v></c></row>`;
    const before = '<cols><col min="2" max="3" hidden="1"/><col min="28" max="28" hidden="1"/></cols>';
    const found = await read({ sheets: [{ name: "S", rows, before }] });
    expect(found).toMatchObject({ header: ["phone"], hidden: { rows: 0, columns: ["B", "AB"] } });
  });

  it("are chosen when only one has phone numbers; a hidden one only by its name", async () => {
    const sheets = [
      { name: "Notes", rows: notes },
      { name: "List", rows: phoneRows(3) },
      { name: "Old", rows: phoneRows(2), state: "hidden" as const },
    ];
    expect(await choose(sheets)).toBe("List");
    expect(await choose(sheets, "old")).toBe("Old");
    expect(
      await choose([
        { name: "Empty", rows: "" },
        { name: "Notes", rows: notes },
      ]),
    ).toBe("Notes");
  });

  it("are asked for when several have phone numbers", async () => {
    const error = await refusalOf(
      choose([
        { name: "2025", rows: phoneRows(3) },
        { name: "2026", rows: phoneRows(5) },
      ]),
    );
    expect(error).toMatchObject({ code: "sheet_ambiguous", details: { sheets: ["2025", "2026"], numbers: ["3", "5"] } });
  });

  it("are named when there is none of the wanted name", async () => {
    expect(await refusalOf(choose([{ name: "List", rows: notes }], "Lsit"))).toMatchObject({
      code: "sheet_missing",
      details: { sheets: ["List"] },
    });
  });
});

describe("what is refused", () => {
  const sheets = [{ name: "S", rows: phoneRows(2) }];
  const codeOf = async (bytes: Uint8Array) => {
    const error = await refusalOf(openBytes(bytes).then((reader) => tableOf(reader)));
    return [error.code, error.details.type].filter((part) => part !== undefined).join(" ");
  };
  const zip = (...names: string[]) => zipSync(Object.fromEntries(names.map((name) => [name, strToU8("x")])));

  it.each<[string, () => Uint8Array, string]>([
    ["macros by their part", () => makeWorkbook({ sheets, parts: { "xl/vbaProject.bin": strToU8("x") } }), "xlsx_macros"],
    [
      "macros by their type",
      () => makeWorkbook({ sheets, contentType: "application/vnd.ms-excel.sheet.macroEnabled.main+xml" }),
      "xlsx_macros",
    ],
    [
      "links to other files",
      () => makeWorkbook({ sheets, workbook: '<externalReferences><externalReference r:id="e"/></externalReferences>' }),
      "xlsx_external_references",
    ],
    [
      "10,000 sheets",
      () => makeWorkbook({ sheets, workbook: `<sheets>${'<sheet name="x" r:id="rId1"/>'.repeat(10_000)}</sheets>` }),
      "xlsx_too_many_sheets",
    ],
    [
      "a document type",
      () => makeWorkbook({ sheets, parts: { "xl/worksheets/sheet1.xml": strToU8('<!DOCTYPE x [<!ENTITY a "b">]><worksheet/>') } }),
      "xlsx_invalid",
    ],
    ["XML that is none", () => makeWorkbook({ sheets: [{ name: "S", rows: "<row><c></row>" }] }), "xlsx_invalid"],
    [
      "a string that does not exist",
      () => makeWorkbook({ sheets: [{ name: "S", rows: '<row><c t="s"><v>7</v></c></row>' }] }),
      "xlsx_invalid",
    ],
    ["a missing sheet", () => makeWorkbook({ sheets, workbook: '<sheets><sheet name="x" r:id="rId99"/></sheets>' }), "xlsx_invalid"],
    ["a file cut short", () => makeWorkbook({ sheets }).slice(0, -40), "xlsx_invalid"],
    [".ods", () => zip("mimetype", "content.xml"), "csv_not_text ods"],
    [".docx", () => zip("[Content_Types].xml", "word/document.xml"), "csv_not_text docx"],
    [".xlsb", () => zip("[Content_Types].xml", "xl/workbook.bin"), "csv_not_text xlsb"],
    [".numbers", () => zip("Index/Document.iwa"), "csv_not_text numbers"],
    ["another archive", () => zip("contacts.csv"), "csv_not_text zip"],
  ])("%s", async (_, make, code) => {
    expect(await codeOf(make())).toBe(code);
  });

  it("a damaged part: every byte of it that changes is noticed", async () => {
    const bytes = makeWorkbook({ sheets });
    const whole = await tableOf(await openBytes(bytes));
    const name = Buffer.from(bytes).indexOf("xl/worksheets/sheet1.xml");
    const start = name + "xl/worksheets/sheet1.xml".length;
    const end = Buffer.from(bytes).indexOf("PK", start);
    for (let at = start; at < end; at++) {
      const damaged = Uint8Array.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      const outcome = await openBytes(damaged)
        .then((reader) => tableOf(reader))
        .catch((error: AppError) => error.code);
      // a bit may be one that nothing reads: behind the end of the packed data, or the time of a
      // part
      if (typeof outcome === "string") expect(outcome).toMatch(/^xlsx_/);
      else expect(outcome).toEqual(whole);
    }
  });

  it("bombs, after a few megabytes: by the size that is declared, and by the size that comes out", async () => {
    const rows = `${textRow("a")}${'<row><c r="A1"/></row>'.repeat(2_000_000)}`;
    const bytes = makeWorkbook({ sheets: [{ name: "S", rows }] });
    expect(bytes.length).toBeLessThan(1_000_000);
    const error = await refusalOf(openBytes(bytes).then((reader) => tableOf(reader)));
    expect(error.code).toBe("xlsx_too_large");
    const cell = makeWorkbook({ sheets: [{ name: "S", rows: textRow("x".repeat(3_000_000)) }] });
    expect(await codeOf(cell)).toBe("xlsx_too_large");
  });
});

describe("what a file is", () => {
  const kindOf = (bytes: Uint8Array | string) => fileKindOf(randomAccessOfBytes(Buffer.from(bytes as string)));
  /** An OLE container whose directory has a stream of this name. */
  const container = (name: string) => {
    const bytes = Buffer.alloc(2048);
    Buffer.from("d0cf11e0a1b11ae1", "hex").copy(bytes);
    bytes.writeUInt16LE(9, 30);
    bytes.writeUInt32LE(1, 48);
    Buffer.from("Root Entry", "utf16le").copy(bytes, 1024);
    Buffer.from(name, "utf16le").copy(bytes, 1152);
    return bytes;
  };

  it.each<[string, Uint8Array | string, string]>([
    ["a workbook", makeWorkbook({ sheets: [{ name: "S", rows: "" }] }), "xlsx"],
    ["a text", "phone\n0401234501\n", "csv"],
    ["a text in UTF-16", Buffer.from("\ufeffphone\n", "utf16le"), "csv"],
    ["nothing", "", "csv"],
  ])("is told for %s", async (_, bytes, kind) => {
    expect(await kindOf(bytes)).toBe(kind);
  });

  it.each<[string, Uint8Array | string, string, string | undefined]>([
    ["vcard", "BEGIN:VCARD\r\nVERSION:3.0\r\n", "csv_not_text", "vcard"],
    ["vcard with a mark", "\ufeffbegin:vcard\r\n", "csv_not_text", "vcard"],
    ["PDF", "%PDF-1.7\n", "csv_not_text", "pdf"],
    [".xls", container("Workbook"), "csv_not_text", "xls"],
    ["an encrypted .xlsx", container("EncryptedPackage"), "xlsx_encrypted", undefined],
    ["a web page", "\n<html><table>", "csv_not_text", "html"],
    ["RTF", "{\\rtf1\\ansi", "csv_not_text", "rtf"],
    ["gzip", Buffer.from("1f8b0800", "hex"), "csv_not_text", "gzip"],
  ])("is named in the refusal of %s", async (_, bytes, code, type) => {
    const error = await refusalOf(kindOf(bytes));
    expect([error.code, error.details.type]).toEqual([code, type]);
    expect(error.message).toMatch(/save|export|unpack/i);
  });
});

describe("a workbook on disk", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "workbook-"));
  });
  afterAll(() => rm(folder, { recursive: true }));

  it("is the same from a handle, a Blob and a thread, in any number of batches", async () => {
    const bytes = makeWorkbook({
      sheets: [
        { name: "Notes", rows: textRow("x") },
        { name: "List", rows: phoneRows(5_000) },
      ],
    });
    const path = join(folder, "list.xlsx");
    await writeFile(path, bytes);
    const handle = await open(path);
    const sources: RandomAccess[] = [
      randomAccessOfHandle(handle, bytes.length),
      randomAccessOfBlob(new Blob([bytes as Uint8Array<ArrayBuffer>])),
    ];
    const expected = await tableOf(await openBytes(bytes), 1);
    expect(expected.rows).toHaveLength(5_000);
    for (const source of sources) expect(await tableOf(await openWorkbookHere(source), 1)).toEqual(expected);
    const reader = await openWorkbookInThread({ fd: handle.fd, size: bytes.length });
    expect((await reader.beginningOf(reader.sheets[1] as never, { withHidden: false })).header?.cells).toEqual(["name", "phone"]);
    // one that is left in the middle does not disturb the next
    for await (const _ of reader.read(reader.sheets[1] as never, { withHidden: false }).rows()) break;
    expect(await tableOf(reader, 1)).toEqual(expected);
    await reader.close();
    await handle.close();
  });

  it("gives its refusals through the thread", async () => {
    const bytes = makeWorkbook({ sheets: [{ name: "S", rows: "<row><c></row>" }] });
    const path = join(folder, "broken.xlsx");
    await writeFile(path, bytes);
    const handle = await open(path);
    const reader = await openWorkbookInThread({ fd: handle.fd, size: bytes.length });
    expect(await refusalOf(tableOf(reader))).toMatchObject({ code: "xlsx_invalid" });
    await reader.close();
    expect(await refusalOf(openWorkbookInThread({ fd: handle.fd, size: bytes.length - 30 }))).toMatchObject({ code: "xlsx_invalid" });
    await handle.close();
  });
});

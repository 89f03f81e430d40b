// Claims about the CSV files by which a campaign is followed up: what is written into them is read
// back exactly, whatever it is, and a rejects file sent again is a file of the people in it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNumberReader } from "../../sms/numbers.ts";
import { csvSource } from "../csv/csv_source.ts";
import { cellsOf, type RowSource, valueAt } from "../rows.ts";
import { csvLine, textOfFormula } from "./cells.ts";
import { headerLine, rejectCells, rejectColumns } from "./files.ts";
import { FileDiffers, joinRejects, joinReport } from "./join.ts";
import { withoutOwnColumns } from "./own_columns.ts";
import { type Separator, separatorFor } from "./separator.ts";

async function* bytesOf(text: string, chunk = 1 << 18): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

const sourceOf = (text: string, chunk?: number): RowSource => withoutOwnColumns(csvSource(bytesOf(text, chunk), "utf-8"));

async function read(source: RowSource): Promise<{ header: readonly string[]; rows: string[][]; rejected: number }> {
  const found: string[][] = [];
  let rejected = 0;
  for await (const rows of source.rows()) {
    for (let row = 0; row < rows.count; row++) found.push(cellsOf(rows, row));
    rejected += rows.rejected.length;
  }
  return { header: source.header?.cells ?? [], rows: found, rejected };
}

function rejectsFile(columns: readonly string[], rows: readonly (readonly string[])[], separator: Separator): string {
  const lines = rows.map((cells, index) => rejectCells(columns.length, { line: index + 2, reason: "msisdn_letters", cells, isCut: false }));
  return headerLine(rejectColumns(columns), separator) + lines.map((cells) => csvLine(cells, separator)).join("");
}

/** Cells as people have them, and as a spreadsheet or an attacker makes trouble of them. */
const cell = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 12 }),
  fc.string({ unit: fc.constantFrom(..."=+-@'\"0123456789 ,;\t|\r\n.:/()eE%€\u00a0\uff1d…a"), maxLength: 14 }),
  fc.constantFrom(
    "0401234567",
    "+358 40 123 4567",
    "00123",
    "1-2",
    "12/2026",
    "1e5",
    "-5",
    "'-5",
    "''=1",
    '="0401"',
    "=1+1",
    "@x",
    "'",
    "sep=;",
    "3 May",
    "TRUE ",
  ),
);
const well = cell.map((text) => textOfFormula(text.toWellFormed().replaceAll("\0", "")));

describe("a rejects file", () => {
  it("gives back exactly the cells that were written, whatever they are", async () => {
    const table = fc.integer({ min: 1, max: 5 }).chain((width) =>
      fc.record({
        columns: fc.array(fc.constantFrom("phone", "name", "", "line", "reason", "a;b", "=x", "'=x", "2025-26"), {
          minLength: width,
          maxLength: width,
        }),
        rows: fc.array(fc.array(well, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom<Separator>(",", ";"),
        fc.constantFrom(7, 1 << 18),
        async ({ columns, rows }, separator, chunk) => {
          const file = rejectsFile(columns, rows, separator);
          const found = await read(sourceOf(file, chunk));
          expect(found).toEqual({ header: columns, rows, rejected: 0 });
          // rejected again as it is: the same file
          expect(rejectsFile(found.header, found.rows, separator)).toBe(file);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("has phone numbers that are read as the numbers that they were", () => {
    const read = createNumberReader("FI");
    const cells = ["0401234567", "+358 40 123 4567", "00358401234567", "358401234567", "(040) 123-4567", " 040 1234567"];
    for (const written of cells) {
      const [text = ""] = csvLine([written], ",").split("\r\n");
      expect([written, read(text.replace(/^"|"$/g, "").replaceAll('""', '"'))]).toEqual([written, 358401234567]);
    }
  });

  it("has no cell that a spreadsheet runs, or turns into a number or a date", async () => {
    const shown = (text: string) => csvLine([text], ",").trimEnd();
    expect(["=1+1", "+x", "-x", "@SUM(A1)", "\t=1", " =1", "＝1"].map((text) => shown(text).replace(/^"/, "")[0])).toEqual(
      Array(7).fill("'"),
    );
    expect(["0401", "+358401234567", "450000000000", "1-2", "2026-05-11", "1e5", "-1,2", "12.50", "MAR1", "true"].map(shown)).toEqual([
      '"=""0401"""',
      '"=""+358401234567"""',
      '"=""450000000000"""',
      '"=""1-2"""',
      '"=""2026-05-11"""',
      '"=""1e5"""',
      '"=""-1,2"""',
      '"=""12.50"""',
      '"=""MAR1"""',
      '"=""true"""',
    ]);
    expect(["Ada", "5", "1234567890", "10 b", "May", "-"].map(shown)).toEqual(["Ada", "5", "1234567890", "10 b", "May", "'-"]);
  });

  it("has our columns taken out wherever somebody has put or left them, and no others", async () => {
    const header = async (names: string) => (await read(sourceOf(`${names}\n1;2;3;4;5;6\n`))).header;
    expect(await header("phone;name;line;reason;what_to_do")).toEqual(["phone", "name"]);
    expect(await header("line;reason;what_to_do;phone;mine")).toEqual(["phone", "mine"]);
    expect(await header("phone;line;line;reason;what_to_do")).toEqual(["phone", "line"]);
    expect(await header("phone;reason;what_to_do")).toEqual(["phone"]);
    expect(await header("phone;What_To_Do")).toEqual(["phone"]);
    expect(await header("phone;line;reason")).toEqual(["phone", "line", "reason"]);
    expect(await header("phone;line;x;reason")).toEqual(["phone", "line", "x", "reason"]);
  });

  it("of ours alone loses its apostrophes: elsewhere they are people's", async () => {
    expect((await read(sourceOf("name;phone\n'-ing';'=1\n"))).rows).toEqual([["'-ing'", "'=1"]]);
    expect((await read(sourceOf("name;phone;what_to_do\n'-ing';'=1;x\n"))).rows).toEqual([["-ing'", "=1"]]);
  });

  it("keeps broken rows broken, without our columns", async () => {
    const source = sourceOf('name;phone;line;reason;what_to_do\nA;1;2;r;w;more\n"open;2;3;r;w\nB;2;3;r;w\n');
    const rejected = [];
    for await (const rows of source.rows()) rejected.push(...rows.rejected);
    expect(rejected).toEqual([
      { line: 2, reason: "row_ragged", cells: ["A", "1", "more"] },
      { line: 3, reason: "quote_unclosed", cells: ['"open;2;3;r;w'] },
    ]);
  });
});

describe("the text in a formula", () => {
  it("is the cell in every file, as a spreadsheet shows it", async () => {
    const source = csvSource(bytesOf('="name",phone\n="Ada ""A""",="0401"\n"=""007""","=1"\n'), "utf-8");
    expect(await read(source)).toMatchObject({
      header: ["name", "phone"],
      rows: [
        ['Ada "A"', "0401"],
        ["007", "=1"],
      ],
    });
    const twice = csvSource(bytesOf('name\n"=""=""""x"""""""\n'), "utf-8");
    for await (const rows of twice.rows()) if (rows.count > 0) expect(valueAt(rows, 0, 0)).toBe("x");
  });
});

it("the separator is that of the file, or the country's", () => {
  expect([separatorFor(",", "FI"), separatorFor(";", "US"), separatorFor(null, "FI"), separatorFor("\t", "DE")]).toEqual([
    ",",
    ";",
    ";",
    ";",
  ]);
  expect(["US", "GB", "IE", "IN", "JP", "CH", "MX"].map((country) => separatorFor(null, country))).toEqual(Array(7).fill(","));
  expect(["SE", "FR", "ES", "BR", "PL", "ID", "TR"].map((country) => separatorFor(null, country))).toEqual(Array(7).fill(";"));
});

const reportHead = "\ufeffline,row_no,msisdn,status,reason,parts,error_code,sent_at,done_at\r\n";
const reportRow = (line: number | "", rowNo: number, msisdn: string) => `${line},${rowNo},"=""${msisdn}""",delivered,arrived,1,,,\r\n`;

async function join(kind: "report" | "rejects", exported: string, file: string, chunk?: number): Promise<string> {
  const pieces: string[] = [];
  const joined = kind === "report" ? joinReport : joinRejects;
  for await (const piece of joined({ exported: bytesOf(exported, chunk), file: sourceOf(file, chunk), country: "FI" })) pieces.push(piece);
  return pieces.join("");
}

describe("a report joined with its file", () => {
  const file = 'home;name;mobile\n091234567;Ada;0401234501\n;"Ben\nB";0401234502\n;;abc\n"x;y\n0401234503;=Cy;0401234503\n';
  const report = reportHead + reportRow(2, 1, "+358401234501") + reportRow(3, 2, "+358401234502") + reportRow(7, 3, "+358401234503");

  it("has the cells of each message's line behind its own columns, wherever chunks end", async () => {
    for (const chunk of [1, 5, 64, 1 << 18]) {
      const found = await read(csvSource(bytesOf(await join("report", report, file, chunk)), "utf-8"));
      expect(found.header.slice(9)).toEqual(["home", "name", "mobile"]);
      expect(found.rows.map(([line, , msisdn, , , , , , , ...own]) => [line, msisdn, ...own])).toEqual([
        ["2", "+358401234501", "091234567", "Ada", "0401234501"],
        ["3", "+358401234502", "", "Ben\nB", "0401234502"],
        ["7", "+358401234503", "0401234503", "'=Cy", "0401234503"],
      ]);
    }
  });

  it("is read side by side with it: neither is ahead of what is written by more than some pieces", async () => {
    const chunk = 64 * 1024;
    const counted = { report: 0, file: 0, written: 0 };
    async function* numbered(kind: "report" | "file", first: string, rowOf: (index: number) => string): AsyncGenerator<Uint8Array> {
      for (let text = first, index = 0; index < 60_000; text = "") {
        for (; text.length < chunk && index < 60_000; index++) text += rowOf(index);
        counted[kind] = index;
        yield Buffer.from(text);
      }
    }
    const exported = numbered("report", reportHead, (index) => reportRow(index + 2, index + 1, `+3584010${10_000 + index}`));
    const people = withoutOwnColumns(
      csvSource(
        numbered("file", "phone,name\n", (index) => `04010${10_000 + index},Ada ${index}\n`),
        "utf-8",
      ),
    );
    let aheadMost = 0;
    for await (const piece of joinReport({ exported, file: people, country: "FI" })) {
      counted.written += piece.split("\r\n").length - 1;
      aheadMost = Math.max(aheadMost, counted.file - counted.written, counted.report - counted.written);
    }
    expect(counted).toEqual({ report: 60_000, file: 60_000, written: 60_001 });
    expect(aheadMost).toBeLessThan(10_000);
  });

  it.each([
    ["another number", reportHead + reportRow(2, 1, "+358401234501") + reportRow(3, 2, "+358401234599"), 3],
    [
      "another column than the one that had the first number",
      reportHead + reportRow(2, 1, "+358401234501") + reportRow(8, 2, "+35891234567"),
      8,
    ],
    ["a row that was rejected", reportHead + reportRow(4, 1, "+358401234501"), 4],
    ["a broken row", reportHead + reportRow(6, 1, "+358401234501"), 6],
    ["the second line of a row", `${report}${reportRow(8, 4, "+358401234504")}`, 8],
    ["fewer rows", `${report}${reportRow(99, 4, "+358401234504")}`, 99],
    ["no lines", reportHead + reportRow("", 1, "+358401234501"), null],
  ])("is refused where the file has %s", async (_, exported, line) => {
    const error = await join("report", exported, file).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(FileDiffers);
    expect(error.line).toBe(line);
    if (line !== null) expect(error.message).toContain(`Line ${line}: `);
  });
});

describe("rejects joined with their file", () => {
  const long = "x".repeat(3_000);
  const file = `phone;name\nabc;${long}\n0401234501;Ada\n0401234501;Ada again\nragged;b;c\n"open;d\n`;
  const rows = [
    rejectCells(2, { line: 2, reason: "msisdn_letters", cells: ["abc", `${long.slice(0, 1_000)}…`], isCut: true }),
    rejectCells(2, { line: 4, reason: "duplicate", cells: ["0401234501", "Ada again"], isCut: false }),
    rejectCells(2, { line: 5, reason: "row_ragged", cells: ["ragged;b;c"], isCut: false }),
    rejectCells(2, { line: 6, reason: "quote_unclosed", cells: ['"open;d'], isCut: false }),
  ];
  const rejects = headerLine(rejectColumns(["phone", "name"]), ",") + rows.map((cells) => csvLine(cells, ",")).join("");

  it("have their cells whole, and their columns once", async () => {
    const joined = await join("rejects", rejects, file);
    expect(joined).toContain("phone;name;line;reason;what_to_do\r\n");
    const found = await read(sourceOf(joined));
    expect(found).toEqual({
      header: ["phone", "name"],
      rows: [
        ["abc", long],
        ["0401234501", "Ada again"],
        ["ragged;b;c", ""],
        ['"open;d', ""],
      ],
      rejected: 0,
    });
  });

  it("that have but their number's cell, as before cells were kept, have them too", async () => {
    const bare = "line,reason,value\r\n2,msisdn_letters,abc\r\n4,duplicate,0401234501\r\n";
    expect((await read(sourceOf(await join("rejects", bare, file)))).rows).toEqual([
      ["abc", long],
      ["0401234501", "Ada again"],
    ]);
  });

  it.each([
    ["other cells", rejects, file.replace("Ada again", "Eve"), 4],
    ["fewer rows", rejects, "phone;name\nabc;x\n", 2],
    ["another beginning", "line,reason,value\r\n2,msisdn_letters,abd\r\n", file, 2],
    ["no such line", "line,reason,value\r\n9,msisdn_letters,abc\r\n", file, 9],
  ])("are refused where the file has %s", async (_, exported, other, line) => {
    await expect(join("rejects", exported, other)).rejects.toMatchObject({ name: "FileDiffers", line });
  });
});

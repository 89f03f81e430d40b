// A foreign program and a foreign library against our reader: what LibreOffice writes from
// kinds.fods, read by us and by read-excel-file. The workbook that LibreOffice 7.4 wrote is kept
// beside its source; where LibreOffice is installed it writes it again.
import { execFile } from "node:child_process";
import { access, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import readExcelFile from "read-excel-file/node";
import { describe, expect, it } from "vitest";
import { cellsOf, faultOf } from "../rows.ts";
import { randomAccessOfBytes } from "./random_access.ts";
import { openWorkbookHere } from "./workbook_reader.ts";

const folder = join(import.meta.dirname, "../../../testing/fixtures/xlsx");

const kinds = [
  [2, "text", "+358 40 1234501", "Äiti & isä <3 😀"],
  [3, "number", "358401234502", ""],
  [4, "padded", "0401234503", ""],
  [10, "date", "2026-05-11", ""],
  [11, "date and time", "2026-05-11T10:30:00", ""],
  [12, "time", "09:05:00", ""],
  [13, "decimals", "12.50", ""],
  [14, "percent", "25%", ""],
  [15, "currency", "450000.00 €", ""],
  [16, "boolean", "TRUE", ""],
  [17, "formula", "0401234504", ""],
  [18, "error", "#N/A", ""],
  [19, "rich", "Hei Ada!", ""],
  [20, "lines", "one\ntwo", ""],
  [21, "merged", "once", ""],
  [22, "below", "", ""],
  [23, "too long", "1234567890123460", ""],
];

async function expectKinds(bytes: Uint8Array): Promise<void> {
  const reader = await openWorkbookHere(randomAccessOfBytes(bytes));
  expect(reader.sheets.map(({ name }) => name)).toEqual(["Kinds", "Empty", 'Students "A" > B']);
  const found: (string | number)[][] = [];
  const source = reader.read(reader.sheets[0] as (typeof reader.sheets)[number], { withHidden: false });
  for await (const rows of source.rows()) {
    for (let row = 0; row < rows.count; row++) found.push([rows.lines[row] as number, ...cellsOf(rows, row)]);
    expect(faultOf(rows, rows.count - 1, 1)).toBe("digits_lost");
  }
  expect(source.header?.cells).toEqual(["kind", "value", "note"]);
  expect(found).toEqual(kinds);
  expect(source.hidden).toEqual({ rows: 2, columns: expect.any(Array) });
}

async function sofficePath(): Promise<string | null> {
  for (const place of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(place, "soffice");
    const exists = await access(path).then(
      () => true,
      () => false,
    );
    if (exists) return path;
  }
  return null;
}

const soffice = await sofficePath();
if (soffice === null)
  console.warn("SKIPPED: LibreOffice is not installed (apt-get install libreoffice-calc); its kept workbook is read all the same");

describe("a workbook that LibreOffice wrote", () => {
  it("gives the expected cells", async () => {
    await expectKinds(await readFile(join(folder, "kinds.xlsx")));
  });

  it.skipIf(soffice === null)(
    "gives the expected cells when it is written now",
    async () => {
      const work = await mkdtemp(join(tmpdir(), "soffice-"));
      const profile = `-env:UserInstallation=file://${join(work, "profile")}`;
      const target = ["--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", work, join(folder, "kinds.fods")];
      await promisify(execFile)(soffice as string, [profile, ...target], { timeout: 150_000 });
      await expectKinds(await readFile(join(work, "kinds.xlsx")));
      await rm(work, { recursive: true });
    },
    180_000,
  );

  it("gives the texts and the numbers that read-excel-file gives", async () => {
    const sheets = await readExcelFile(join(folder, "kinds.xlsx"));
    const theirs = new Map(sheets[0]?.data.map((cells) => [String(cells[0]), cells[1]]));
    for (const [, kind, value] of kinds) {
      const their = theirs.get(kind as string);
      if (typeof their === "string") expect([kind, value]).toEqual([kind, their]);
      else if (typeof their === "number" && kind !== "percent") expect([kind, Number.parseFloat(value as string)]).toEqual([kind, their]);
    }
    expect(theirs.get("number")).toBe(358401234502);
    expect(theirs.get("formula")).toBe("0401234504");
  });
});

// A foreign program between two of our own: LibreOffice opens a rejects file and saves it as CSV
// and as a workbook, and we read the cells that stood in the campaign's file.
import { execFile } from "node:child_process";
import { access, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { judgePhoneColumn } from "../columns/phone_column.ts";
import { openFile } from "../open_file.ts";
import { cellsOf } from "../rows.ts";
import { randomAccessOfHandle } from "../xlsx/random_access.ts";
import { csvLine } from "./cells.ts";
import { headerLine, rejectCells, rejectColumns } from "./files.ts";

const columns = ["puhelin", "nimi", "ryhmä", "2025-26", ""];
const rows = [
  ["0401234567", 'Väinö, "V" Å;', "1-2", "00123", "=1+1"],
  ["+358 40 123 4567", "Ben\nBo", "-5", "12.50", "@x"],
  ["450000000000", "'-ing'", "2026-05-11", "1e5", "'=2"],
  ["358401234567", '=HYPERLINK("http://127.0.0.1")', "+x", "TRUE ", "10 b"],
];

async function sofficePath(): Promise<string | null> {
  for (const place of (process.env.PATH ?? "").split(delimiter)) {
    const path = join(place, "soffice");
    if (
      await access(path)
        .then(() => true)
        .catch(() => false)
    )
      return path;
  }
  return null;
}

const soffice = await sofficePath();
if (soffice === null) console.warn("SKIPPED: LibreOffice is not installed (apt-get install libreoffice-calc)");

/** As a person opens the file with semicolons and saves it. */
async function savedAs(format: "csv" | "xlsx", file: string, work: string): Promise<string> {
  const profile = `-env:UserInstallation=file://${join(work, "profile")}`;
  const target = format === "csv" ? "csv:Text - txt - csv (StarCalc):59,34,76" : "xlsx:Calc MS Excel 2007 XML";
  const out = join(work, format);
  const args = ["--headless", "--infilter=Text - txt - csv (StarCalc):59,34,76", "--convert-to", target, "--outdir", out, file];
  await promisify(execFile)(soffice as string, [profile, ...args], { timeout: 170_000 });
  return join(out, `rejects.${format}`);
}

async function read(path: string) {
  const handle = await open(path);
  const { size } = await handle.stat();
  const at = randomAccessOfHandle(handle, size);
  async function* bytes() {
    yield await at.read(0, size);
  }
  const { source } = await openFile({ at, read: bytes }, { encoding: null, sheet: null, withHiddenRows: false, country: "FI" });
  const found: string[][] = [];
  for await (const batch of source.rows()) for (let row = 0; row < batch.count; row++) found.push(cellsOf(batch, row));
  await handle.close();
  return { header: source.header?.cells ?? [], rows: found };
}

describe.skipIf(soffice === null)("a rejects file that LibreOffice opened and saved", () => {
  it.each(["csv", "xlsx"] as const)(
    "as %s has every cell as it was, and the numbers' column",
    async (format) => {
      const work = await mkdtemp(join(tmpdir(), "soffice-"));
      const file = join(work, "rejects.csv");
      const lines = rows.map((cells, index) =>
        rejectCells(columns.length, { line: index + 2, reason: "msisdn_letters", cells, isCut: false }),
      );
      await writeFile(file, headerLine(rejectColumns(columns), ";") + lines.map((cells) => csvLine(cells, ";")).join(""));
      const found = await read(await savedAs(format, file, work));
      expect(found).toEqual({ header: columns, rows });
      expect(judgePhoneColumn(found.header, found.rows, { country: "FI" })).toMatchObject({
        kind: "column",
        column: { name: "puhelin", numbers: 3 },
      });
      await rm(work, { recursive: true });
    },
    360_000,
  );
});

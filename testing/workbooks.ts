// Workbooks made by hand, part by part, for what no program writes on demand: Excel's own shapes,
// and files that mean harm.
import { createWriteStream } from "node:fs";
import { strToU8, Zip, ZipDeflate, type Zippable, zipSync } from "fflate";

export interface SheetParts {
  name: string;
  /** What stands in <sheetData>. */
  rows: string;
  /** What stands before it. */
  before?: string;
  state?: "hidden" | "veryHidden";
}

export interface WorkbookParts {
  sheets: SheetParts[];
  /** Each one <si>, as XML. */
  strings?: string[];
  /** Number formats of the styles: an id, or a code. */
  formats?: (number | string)[];
  /** What stands in <workbook> beside the sheets. */
  workbook?: string;
  is1904?: boolean;
  /** More parts, or others in place of those made here. */
  parts?: Zippable;
  contentType?: string;
}

const spreadsheet = "application/vnd.openxmlformats-officedocument.spreadsheetml";
const types = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"';

/** An .xlsx as Excel lays it out. */
export function makeWorkbook({ sheets, strings, formats = [], workbook = "", is1904, parts, contentType }: WorkbookParts): Uint8Array {
  const sheetTags = sheets.map(
    ({ name, state }, n) => `<sheet name="${name}" sheetId="${n + 1}"${state ? ` state="${state}"` : ""} r:id="rId${n + 1}"/>`,
  );
  const links = sheets.map((_, n) => `<Relationship Id="rId${n + 1}" Type="${types}/worksheet" Target="worksheets/sheet${n + 1}.xml"/>`);
  const codes = formats.map((format, n) => (typeof format === "string" ? `<numFmt numFmtId="${200 + n}" formatCode="${format}"/>` : ""));
  const styles = formats.map((format, n) => `<xf numFmtId="${typeof format === "string" ? 200 + n : format}"/>`);
  return zipSync({
    "[Content_Types].xml": strToU8(
      `<Types><Override PartName="/xl/workbook.xml" ContentType="${contentType ?? `${spreadsheet}.sheet.main+xml`}"/></Types>`,
    ),
    "_rels/.rels": strToU8(
      `<Relationships><Relationship Id="rId1" Type="${types}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    ),
    "xl/workbook.xml": strToU8(
      `<workbook ${main} xmlns:r="${types}"><workbookPr${is1904 ? ' date1904="1"' : ""}/><sheets>${sheetTags.join("")}</sheets>${workbook}</workbook>`,
    ),
    "xl/_rels/workbook.xml.rels": strToU8(
      `<Relationships>${links.join("")}<Relationship Id="s" Type="${types}/styles" Target="/xl/styles.xml"/><Relationship Id="t" Type="${types}/sharedStrings" Target="sharedStrings.xml"/></Relationships>`,
    ),
    "xl/styles.xml": strToU8(
      `<styleSheet ${main}><numFmts>${codes.join("")}</numFmts><cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs><xf numFmtId="0"/>${styles.join("")}</cellXfs><dxfs><dxf><numFmt numFmtId="200" formatCode="yyyy"/></dxf></dxfs></styleSheet>`,
    ),
    ...Object.fromEntries(
      sheets.map(({ rows, before = "" }, n) => [
        `xl/worksheets/sheet${n + 1}.xml`,
        strToU8(`<worksheet ${main}>${before}<sheetData>${rows}</sheetData><mergeCells count="0"/></worksheet>`),
      ]),
    ),
    ...(strings === undefined
      ? {}
      : { "xl/sharedStrings.xml": strToU8(`<sst ${main}>${strings.map((si) => `<si>${si}</si>`).join("")}</sst>`) }),
    ...parts,
  });
}

/** A row of inline strings. */
export const textRow = (...cells: string[]) =>
  `<row>${cells.map((cell) => `<c t="inlineStr"><is><t>${cell.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</t></is></c>`).join("")}</row>`;

/** Rows of a phone book with a header. */
export const phoneRows = (count: number) =>
  textRow("name", "phone") + Array.from({ length: count }, (_, n) => textRow(`P${n}`, `04012345${String(n).padStart(2, "0")}`)).join("");

/** A, B ... Z, AA ... as a spreadsheet heads its columns. */
function lettersOf(column: number): string {
  const rest = Math.floor(column / 26) - 1;
  return (rest < 0 ? "" : lettersOf(rest)) + String.fromCharCode(65 + (column % 26));
}

/** Different texts that the columns behind the second one share. */
const sharedTexts = 500;
const rowsAtOnce = 500;

/**
 * Writes an export as large as any: a name and a number of its own in each row, then texts and
 * numbers in turn, all texts shared as Excel has them. Piece by piece, so that it needs no memory.
 */
export async function writeLargeWorkbook(path: string, rows: number, columns: number): Promise<void> {
  const output = createWriteStream(path);
  const zip = new Zip((error, piece) => (error === null ? output.write(piece) : output.destroy(error)));
  const put = (name: string, pieces: Iterable<string>) => {
    const part = new ZipDeflate(name, { level: 1 });
    zip.add(part);
    for (const piece of pieces) part.push(strToU8(piece));
    part.push(new Uint8Array(0), true);
  };
  const relations = (links: string) => [`<Relationships>${links}</Relationships>`];
  put("[Content_Types].xml", [`<Types><Override PartName="/xl/workbook.xml" ContentType="${spreadsheet}.sheet.main+xml"/></Types>`]);
  put("_rels/.rels", relations(`<Relationship Id="rId1" Type="${types}/officeDocument" Target="xl/workbook.xml"/>`));
  put("xl/workbook.xml", [`<workbook ${main} xmlns:r="${types}"><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>`]);
  put(
    "xl/_rels/workbook.xml.rels",
    relations(
      `<Relationship Id="rId1" Type="${types}/worksheet" Target="worksheets/sheet1.xml"/><Relationship Id="t" Type="${types}/sharedStrings" Target="sharedStrings.xml"/>`,
    ),
  );
  put("xl/sharedStrings.xml", largeStrings(rows, columns));
  put("xl/worksheets/sheet1.xml", largeRows(rows, columns));
  zip.end();
  await new Promise<void>((resolve, reject) => output.on("error", reject).end(resolve));
}

const shared = (text: string) => `<si><t>${text}</t></si>`;

/** Names of the columns, then name and number of each row, then the texts that rows share. */
function* largeStrings(rows: number, columns: number): Generator<string> {
  yield `<sst ${main}>`;
  for (let column = 0; column < columns; column++) yield shared(["name", "phone"][column] ?? `column ${lettersOf(column)}`);
  for (let from = 0; from < rows; from += rowsAtOnce) {
    const count = Math.min(rowsAtOnce, rows - from);
    const pairs = Array.from(
      { length: count },
      (_, row) => shared(`Student ${from + row} of Oulu`) + shared(`040${1_000_000 + from + row}`),
    );
    yield pairs.join("");
  }
  for (let text = 0; text < sharedTexts; text++) yield shared(`programme of studies ${text}`);
  yield "</sst>";
}

function* largeRows(rows: number, columns: number): Generator<string> {
  const letters = Array.from({ length: columns }, (_, column) => lettersOf(column));
  const cell = (row: number, column: number, type: string, value: number) => `<c r="${letters[column]}${row}"${type}><v>${value}</v></c>`;
  const text = ' t="s"';
  yield `<worksheet ${main}><sheetData><row r="1">${letters.map((_, column) => cell(1, column, text, column)).join("")}</row>`;
  for (let from = 0; from < rows; from += rowsAtOnce) {
    let piece = "";
    for (let row = from; row < Math.min(rows, from + rowsAtOnce); row++) {
      piece += `<row r="${row + 2}">`;
      for (let column = 0; column < columns; column++) {
        if (column < 2) piece += cell(row + 2, column, text, columns + 2 * row + column);
        else if (column % 2 === 1) piece += cell(row + 2, column, "", row * column + 0.5);
        else piece += cell(row + 2, column, text, columns + 2 * rows + ((7 * row + column) % sharedTexts));
      }
      piece += "</row>";
    }
    yield piece;
  }
  yield "</sheetData></worksheet>";
}

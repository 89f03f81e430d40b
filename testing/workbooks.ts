// Workbooks made by hand, part by part, for what no program writes on demand: Excel's own shapes,
// and files that mean harm.
import { strToU8, type Zippable, zipSync } from "fflate";

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

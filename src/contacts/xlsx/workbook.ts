// A workbook (.xlsx, ECMA-376): what it consists of, and its sheets in their order. Called by the
// import, the quote and the console. No formula is run, no link is followed, and only the parts
// that are named here are unpacked.
import { AppError } from "../../contracts/errors.ts";
import type { RandomAccess } from "./random_access.ts";
import { noStrings, readSharedStrings, type SharedStrings } from "./shared_strings.ts";
import { compileStyles, type Styles } from "./styles.ts";
import { attributeOf, isTrue, readXml, type XmlHandlers } from "./xml.ts";
import { invalid, openZip, tooLarge, type Zip, type ZipLimits, zipLimits } from "./zip.ts";

/** More tabs than anybody uses. */
export const sheetsMax = 250;
/** For the parts that list the contents; the sheets themselves may be larger. */
const smallPartBytesMax = 32 * 1024 * 1024;

export interface Sheet {
  /** Position among the sheets of the file, from 0. */
  index: number;
  name: string;
  isHidden: boolean;
  /** Its part of the archive. */
  part: string;
}

export interface Workbook {
  /** In tab order, without charts. */
  readonly sheets: readonly Sheet[];
  readonly is1904: boolean;
  /**
   * All formulas are to be computed when it is opened: a cached 0 may be a placeholder of the
   * program that wrote it.
   */
  readonly isUncomputed: boolean;
  readonly styles: Styles;
  readonly zip: Zip;
  /** The texts of its cells, read when a sheet first needs them. */
  strings(): Promise<SharedStrings>;
}

/**
 * Opens a workbook.
 * @throws AppError xlsx_invalid, xlsx_encrypted, xlsx_macros, xlsx_external_references,
 * xlsx_too_large, xlsx_too_many_sheets; csv_not_text for archives that are something else.
 */
export async function openWorkbook(file: RandomAccess, limits: ZipLimits = zipLimits): Promise<Workbook> {
  const zip = await openZip(file, limits);
  await refuseOtherArchives(zip);
  const main = await findMainPart(zip);
  const book = await readBook(zip, main);
  const links = await readRelations(zip, main);
  const styles = await compileStyles(partOf(links, "/styles"), (part, handlers) => textPart(zip, part, handlers));
  const strings = partOf(links, "/sharedStrings");
  let read: Promise<SharedStrings> | null = null;
  return {
    sheets: sheetsOf(zip, book.sheets, links),
    is1904: book.is1904,
    isUncomputed: book.isUncomputed,
    styles,
    zip,
    strings() {
      const entry = strings === null ? null : zip.find(strings);
      read ??= entry === null ? Promise.resolve(noStrings) : readSharedStrings(entry.name, zip.stream(entry));
      return read;
    },
  };
}

const saveAs = "Open it in your spreadsheet and save the sheet as .xlsx or as CSV.";

/** Kinds of archive, by a part that only they have. */
const otherArchives: readonly (readonly [part: RegExp, type: string, reason: string])[] = [
  [/^mimetype$/, "ods", `This is an OpenDocument file (.ods). ${saveAs}`],
  [/^xl\/workbook\.bin$/i, "xlsb", `This is a binary workbook (.xlsb). ${saveAs}`],
  [/^index\/document\.iwa$|^index\.zip$/i, "numbers", `This is a file of Apple Numbers. Export it as CSV or Excel.`],
  [/^word\//i, "docx", "This is a Word document. Copy its table into a spreadsheet and save it as .xlsx or as CSV."],
  [/^ppt\//i, "pptx", "This is a presentation. Copy its table into a spreadsheet and save it as .xlsx or as CSV."],
];

async function refuseOtherArchives(zip: Zip): Promise<void> {
  for (const [part, type, reason] of otherArchives) {
    if (zip.entries.some(({ name }) => part.test(name))) throw new AppError("csv_not_text", reason, { details: { type } });
  }
  if (zip.find("[Content_Types].xml") === null && zip.find("_rels/.rels") === null) {
    throw new AppError("csv_not_text", "This is a zip archive. Unpack it and send the file that is in it.", { details: { type: "zip" } });
  }
  const isMacro = zip.entries.some(({ name }) => /^xl\/(?:vbaProject\.bin|macrosheets\/)/i.test(name));
  if (isMacro || (await contentTypes(zip)).some((type) => /macroEnabled/i.test(type))) {
    throw new AppError("xlsx_macros", `The workbook holds macros (.xlsm), which are not accepted. ${saveAs}`);
  }
}

async function contentTypes(zip: Zip): Promise<string[]> {
  const types: string[] = [];
  await textPart(zip, "[Content_Types].xml", {
    open(name, attributes) {
      // a default is only a suggestion for parts that may not exist
      if (name === "Override") types.push(attributes.ContentType ?? "");
    },
  });
  return types;
}

/** Reads a small part; does nothing if there is none. */
async function textPart(zip: Zip, part: string, handlers: XmlHandlers): Promise<void> {
  const entry = zip.find(part);
  if (entry === null) return;
  if (entry.bytes > smallPartBytesMax) throw tooLarge(`its part ${part} has more than ${smallPartBytesMax} bytes.`);
  await readXml(entry.name, zip.stream(entry), handlers);
}

interface Relation {
  type: string;
  target: string;
  isExternal: boolean;
}

/** The relations of a part by their ids; those of the archive itself for the part "". */
async function readRelations(zip: Zip, part: string): Promise<Map<string, Relation>> {
  const slash = part.lastIndexOf("/") + 1;
  const folder = part.slice(0, slash);
  const relations = new Map<string, Relation>();
  await textPart(zip, `${folder}_rels/${part.slice(slash)}.rels`, {
    open(name, attributes) {
      if (name !== "Relationship") return;
      const { Id = "", Type = "", Target = "", TargetMode } = attributes;
      relations.set(Id, { type: Type, target: resolve(folder, Target), isExternal: TargetMode === "External" });
    },
  });
  return relations;
}

/** A target relative to its folder, as a name in the archive. */
function resolve(folder: string, target: string): string {
  const parts: string[] = [];
  const path = target.replaceAll("\\", "/");
  for (const piece of (path.startsWith("/") ? path : folder + path).split("/")) {
    if (piece === "..") parts.pop();
    else if (piece !== "" && piece !== ".") parts.push(piece);
  }
  return parts.join("/");
}

function partOf(relations: ReadonlyMap<string, Relation>, type: string): string | null {
  for (const relation of relations.values()) if (relation.type.endsWith(type) && !relation.isExternal) return relation.target;
  return null;
}

async function findMainPart(zip: Zip): Promise<string> {
  const main = partOf(await readRelations(zip, ""), "/officeDocument") ?? "xl/workbook.xml";
  if (zip.find(main) === null) throw invalid("there is no workbook in it.");
  return main;
}

interface Book {
  sheets: { name: string; relation: string; isHidden: boolean }[];
  is1904: boolean;
  isUncomputed: boolean;
}

async function readBook(zip: Zip, main: string): Promise<Book> {
  const book: Book = { sheets: [], is1904: false, isUncomputed: false };
  let sheets = 0;
  let hasExternal = false;
  await textPart(zip, main, {
    open(name, attributes) {
      if (name === "workbookPr") book.is1904 = isTrue(attributeOf(attributes, "date1904"));
      else if (name === "calcPr") book.isUncomputed = isTrue(attributeOf(attributes, "fullCalcOnLoad"));
      else if (name === "externalReference") hasExternal = true;
      else if (name === "sheet" && ++sheets <= sheetsMax) {
        const relation = attributeOf(attributes, "id") ?? "";
        const isHidden = (attributes.state ?? "visible") !== "visible";
        book.sheets.push({ name: attributes.name ?? "", relation, isHidden });
      }
    },
  });
  if (sheets > sheetsMax) {
    throw new AppError(
      "xlsx_too_many_sheets",
      `The workbook has ${sheets} sheets; at most ${sheetsMax} are read. Save the sheet with the numbers as a file of its own.`,
      { details: { sheets, sheets_max: sheetsMax } },
    );
  }
  if (hasExternal) throw externalReferences();
  return book;
}

function externalReferences(): AppError {
  return new AppError(
    "xlsx_external_references",
    "The workbook takes values from other files, so its own may be outdated. Paste its cells as values into a new workbook, or save the sheet as CSV.",
  );
}

function sheetsOf(zip: Zip, named: Book["sheets"], relations: ReadonlyMap<string, Relation>): Sheet[] {
  const sheets: Sheet[] = [];
  for (const { name, relation, isHidden } of named) {
    const found = relations.get(relation);
    if (found === undefined) throw invalid(`its sheet ${JSON.stringify(name)} is missing.`);
    if (found.isExternal) throw externalReferences();
    if (!found.type.endsWith("/worksheet")) continue;
    if (zip.find(found.target) === null) throw invalid(`its sheet ${JSON.stringify(name)} is missing.`);
    sheets.push({ index: sheets.length, name, isHidden, part: found.target });
  }
  return sheets;
}

// What the import, the quote and the console need of a workbook: its sheets, the beginning of each,
// and the rows of one. The same whether it is read in this thread (the console's worker) or in one
// of its own (sheet_thread.ts, for salesapi and the command line).
import { AppError } from "../../contracts/errors.ts";
import type { Header, Rows } from "../rows.ts";
import type { RandomAccess } from "./random_access.ts";
import { readSheet, type SheetOptions, type SheetRows } from "./sheet_rows.ts";
import { openWorkbook, type Sheet } from "./workbook.ts";

export interface SheetBeginning {
  /** Null if the sheet is empty. */
  header: Header | null;
  /** Up to about a thousand rows. */
  rows: Rows;
}

export interface WorkbookReader {
  /** In tab order. */
  readonly sheets: readonly Sheet[];
  /** The first rows of a sheet. @throws AppError xlsx_*. */
  beginningOf(sheet: Sheet, options: SheetOptions): Promise<SheetBeginning>;
  /** The rows of a sheet; only one is read at a time. */
  read(sheet: Sheet, options: SheetOptions): SheetRows;
  /** Frees what it holds; the file still belongs to its owner. */
  close(): Promise<void>;
}

/** Opens a workbook in this thread. @throws AppError, see `openWorkbook`. */
export async function openWorkbookHere(file: RandomAccess): Promise<WorkbookReader> {
  const workbook = await openWorkbook(file);
  return {
    sheets: workbook.sheets,
    async beginningOf(sheet, options) {
      const source = readSheet(workbook, sheet, options);
      for await (const rows of source.rows()) return { header: source.header, rows };
      throw new RangeError("a sheet gives at least one batch");
    },
    read: (sheet, options) => readSheet(workbook, sheet, options),
    close: async () => {},
  };
}

/** A sheet's name as it is shown in a refusal. */
const shownCharacters = 60;
const shownNames = 10;

/**
 * The sheet to read: the one named by the caller, or the only visible one in which `countNumbers`
 * finds phone numbers, or the first visible one if it finds none anywhere.
 * @throws AppError sheet_missing; sheet_ambiguous with the sheets' names and counts.
 */
export async function chooseSheet(
  reader: WorkbookReader,
  options: SheetOptions & { wanted: string | null; countNumbers(beginning: SheetBeginning): number },
): Promise<Sheet> {
  const { sheets } = reader;
  if (options.wanted !== null) return sheetNamed(sheets, options.wanted);
  const visible = sheets.filter(({ isHidden }) => !isHidden);
  const [first, ...others] = visible;
  if (first === undefined) throw new AppError("sheet_missing", "The workbook has no visible sheet.", { details: { sheets: [] } });
  if (others.length === 0) return first;
  const found: { sheet: Sheet; count: number }[] = [];
  let filled: Sheet | null = null;
  for (const sheet of visible) {
    const beginning = await reader.beginningOf(sheet, { withHidden: options.withHidden });
    if (beginning.rows.count > 0) filled ??= sheet;
    const count = options.countNumbers(beginning);
    if (count > 0) found.push({ sheet, count });
  }
  if (found.length > 1) throw sheetAmbiguous(found);
  return found[0]?.sheet ?? filled ?? first;
}

function sheetNamed(sheets: readonly Sheet[], wanted: string): Sheet {
  const key = (name: string) => name.normalize("NFC").trim().toLowerCase();
  const found = sheets.find(({ name }) => name === wanted) ?? sheets.find(({ name }) => key(name) === key(wanted));
  if (found !== undefined) return found;
  const names = sheets.map(({ name }) => name);
  throw new AppError("sheet_missing", `No sheet is named ${shown([wanted])}; the workbook has ${shown(names)}.`, {
    details: { sheets: names },
  });
}

function sheetAmbiguous(found: readonly { sheet: Sheet; count: number }[]): AppError {
  const names = found.map(({ sheet }) => sheet.name);
  return new AppError("sheet_ambiguous", `Several sheets have phone numbers: ${shown(names)}. Name one with sheet.`, {
    details: { sheets: names, numbers: found.map(({ count }) => String(count)) },
  });
}

function shown(names: readonly string[]): string {
  const some = names.slice(0, shownNames).map((name) => JSON.stringify([...name].slice(0, shownCharacters).join("")));
  return names.length > shownNames ? `${some.join(", ")} and ${names.length - shownNames} more` : some.join(", ");
}

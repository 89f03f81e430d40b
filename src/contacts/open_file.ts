// A file of contacts at hand, opened for reading: what it is, in which encoding or from which
// sheet, and its rows. Called by the console's workers, by the command line, and by the import for
// an upload to salesapi, so that all read the same rows.
import type { FileAnswer } from "../contracts/quote.ts";
import { countPhoneNumbers } from "./columns/count_numbers.ts";
import { csvSource } from "./csv/csv_source.ts";
import type { Encoding } from "./encoding/encodings.ts";
import { type EncodingVerdict, encodingFor, judgeEncoding } from "./encoding/judge_encoding.ts";
import { withoutOwnColumns } from "./exports/own_columns.ts";
import { fileKindOf } from "./file_kind.ts";
import type { RowSource } from "./rows.ts";
import type { RandomAccess } from "./xlsx/random_access.ts";
import { chooseSheet, openWorkbookHere, type SheetBeginning, type WorkbookReader } from "./xlsx/workbook_reader.ts";

export interface ContactsFile {
  at: RandomAccess;
  /** Its bytes, from the beginning. Each piece is valid until the next is asked for. */
  read(): AsyncIterable<Uint8Array>;
  /** What its bytes say of their encoding, where that is known already. */
  judgeEncoding?: () => Promise<EncodingVerdict>;
  /** Opens the file as a workbook in another place; without it, in this thread. */
  openWorkbook?: () => Promise<WorkbookReader>;
}

export interface OpenedFile {
  source: RowSource;
  /** What was read; its hidden rows are whole when all rows were read. */
  answer(): FileAnswer;
  /** Frees what reading needed: the thread of a workbook. The file stays its owner's. */
  close(): Promise<void>;
}

/** null: it is told from the file. */
export interface OpenOptions {
  encoding: Encoding | null;
  sheet: string | null;
  withHiddenRows: boolean;
  /** In which cells are counted as phone numbers where a sheet must be chosen. */
  country: string;
}

/**
 * @throws AppError csv_not_text, csv_encoding_ambiguous, csv_encoding_invalid, xlsx_*,
 * sheet_missing, sheet_ambiguous.
 */
export async function openFile(file: ContactsFile, options: OpenOptions): Promise<OpenedFile> {
  const kind = await fileKindOf(file.at);
  return kind === "csv" ? openCsv(file, options) : openWorkbook(file, options);
}

async function openCsv(file: ContactsFile, { encoding: named }: OpenOptions): Promise<OpenedFile> {
  const verdict = await (file.judgeEncoding?.() ?? judgeEncoding(file.read()));
  const encoding = encodingFor(verdict, named);
  const reason = verdict.kind === "told" && named === null ? verdict.reason : "It was named with the file.";
  return {
    source: withoutOwnColumns(csvSource(file.read(), encoding)),
    answer: () => ({ kind: "csv", encoding, encoding_reason: reason, sheet: null, sheets: [], hidden_rows: 0, hidden_columns: [] }),
    close: async () => {},
  };
}

async function openWorkbook(file: ContactsFile, options: OpenOptions): Promise<OpenedFile> {
  const workbook = await (file.openWorkbook?.() ?? openWorkbookHere(file.at));
  try {
    const sheetOptions = { withHidden: options.withHiddenRows };
    const countNumbers = (beginning: SheetBeginning) => countPhoneNumbers(beginning, options.country);
    const sheet = await chooseSheet(workbook, { ...sheetOptions, wanted: options.sheet, countNumbers });
    const source = workbook.read(sheet, sheetOptions);
    return {
      source: withoutOwnColumns(source),
      answer: () => ({
        kind: "xlsx",
        encoding: null,
        encoding_reason: null,
        sheet: sheet.name,
        sheets: workbook.sheets.map(({ name }) => name),
        hidden_rows: source.hidden.rows,
        hidden_columns: [...source.hidden.columns],
      }),
      close: () => workbook.close(),
    };
  } catch (error) {
    await workbook.close();
    throw error;
  }
}

// The file of an upload, opened for reading: what it is, in which encoding or from which sheet, and
// its rows. Called by the import and the quote, so that both read the same rows. A workbook is read
// in a thread of its own.
import { countPhoneNumbers } from "../../contacts/columns/count_numbers.ts";
import { csvSource } from "../../contacts/csv/csv_source.ts";
import type { Encoding } from "../../contacts/encoding/encodings.ts";
import { type EncodingVerdict, encodingFor } from "../../contacts/encoding/judge_encoding.ts";
import { withoutOwnColumns } from "../../contacts/exports/own_columns.ts";
import { fileKindOf } from "../../contacts/file_kind.ts";
import type { RowSource } from "../../contacts/rows.ts";
import type { RandomAccess } from "../../contacts/xlsx/random_access.ts";
import { openWorkbookInThread } from "../../contacts/xlsx/sheet_thread.ts";
import type { ThreadFile } from "../../contacts/xlsx/thread_messages.ts";
import { chooseSheet, type SheetBeginning } from "../../contacts/xlsx/workbook_reader.ts";
import { AppError } from "../../contracts/errors.ts";
import type { FileAnswer } from "../../contracts/quote.ts";
import { unlessStopped } from "./interruption.ts";

/** A file that has wholly arrived. It stays open, and its owner's, until the rows are closed. */
export interface UploadedFile {
  /** Its bytes, from the beginning. Each piece is valid until the next is asked for. */
  read(): AsyncIterable<Uint8Array>;
  /** The same at any place. */
  at: RandomAccess;
  /** The same for a thread. */
  thread: ThreadFile;
  /** What its bytes say; of a workbook nobody asks. */
  encoding: EncodingVerdict;
}

/** What the caller chose; null: it is told from the file. */
export interface FileChoices {
  encoding: Encoding | null;
  sheet: string | null;
  withHiddenRows: boolean;
}

export interface OpenOptions {
  choices: FileChoices;
  /** Of numbers without a calling code: phone numbers tell the sheet that is meant. */
  country: string;
  /** The process is to end. */
  signal?: AbortSignal;
}

export interface OpenedRows {
  source: RowSource;
  /** What was read; its hidden rows are whole when all rows were read. */
  answer(): FileAnswer;
  /** Frees what reading needed; the file stays its owner's. */
  close(): Promise<void>;
}

/**
 * Opens a file.
 * @throws AppError csv_not_text, csv_encoding_ambiguous, csv_encoding_invalid, xlsx_*,
 * sheet_missing, sheet_ambiguous, request_invalid for a choice that the kind of file does not have;
 * import_interrupted once `signal` says that the process is to end.
 */
export async function openRows(file: UploadedFile, options: OpenOptions): Promise<OpenedRows> {
  const kind = await fileKindOf(file.at);
  return kind === "csv" ? openCsv(file, options.choices) : openWorkbook(file, options);
}

function openCsv(file: UploadedFile, { encoding: named, sheet }: FileChoices): OpenedRows {
  if (sheet !== null) throw new AppError("request_invalid", "sheet: a CSV file has no sheets; only .xlsx has");
  const encoding = encodingFor(file.encoding, named);
  const reason = file.encoding.kind === "told" && named === null ? file.encoding.reason : "It was named with the file.";
  return {
    source: withoutOwnColumns(csvSource(file.read(), encoding)),
    answer: () => ({ kind: "csv", encoding, encoding_reason: reason, sheet: null, sheets: [], hidden_rows: 0, hidden_columns: [] }),
    close: async () => {},
  };
}

async function openWorkbook(file: UploadedFile, { choices, country, signal }: OpenOptions): Promise<OpenedRows> {
  if (choices.encoding !== null) throw new AppError("request_invalid", "encoding: a workbook (.xlsx) has its own; leave it out");
  const workbook = await openWorkbookInThread(file.thread);
  try {
    const options = { withHidden: choices.withHiddenRows };
    const countNumbers = (beginning: SheetBeginning) => countPhoneNumbers(beginning, country);
    const sheet = await unlessStopped(chooseSheet(workbook, { ...options, wanted: choices.sheet, countNumbers }), signal);
    const source = workbook.read(sheet, options);
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

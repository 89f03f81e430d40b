// The file of an upload, opened for reading as contacts/open_file.ts does. Called by the import and
// the quote, so that both read the same rows. A workbook is read in a thread of its own, and a
// choice that the kind of file does not have is refused.
import type { Encoding } from "../../contacts/encoding/encodings.ts";
import type { EncodingVerdict } from "../../contacts/encoding/judge_encoding.ts";
import { type FileKind, fileKindOf } from "../../contacts/file_kind.ts";
import { type OpenedFile, openFile } from "../../contacts/open_file.ts";
import type { RandomAccess } from "../../contacts/xlsx/random_access.ts";
import { openWorkbookInThread } from "../../contacts/xlsx/sheet_thread.ts";
import type { ThreadFile } from "../../contacts/xlsx/thread_messages.ts";
import type { WorkbookReader } from "../../contacts/xlsx/workbook_reader.ts";
import { AppError } from "../../contracts/errors.ts";
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

/**
 * Opens a file.
 * @throws AppError csv_not_text, csv_encoding_ambiguous, csv_encoding_invalid, xlsx_*,
 * sheet_missing, sheet_ambiguous, request_invalid for a choice that the kind of file does not have;
 * import_interrupted once `signal` says that the process is to end.
 */
export async function openRows(file: UploadedFile, { choices, country, signal }: OpenOptions): Promise<OpenedFile> {
  refuseForeignChoices(await fileKindOf(file.at), choices);
  return openFile(
    {
      at: file.at,
      read: () => file.read(),
      judgeEncoding: async () => file.encoding,
      openWorkbook: () => openInterruptibly(file.thread, signal),
    },
    { ...choices, country },
  );
}

function refuseForeignChoices(kind: FileKind, { encoding, sheet }: FileChoices): void {
  if (kind === "csv" && sheet !== null) throw new AppError("request_invalid", "sheet: a CSV file has no sheets; only .xlsx has");
  if (kind === "xlsx" && encoding !== null) {
    throw new AppError("request_invalid", "encoding: a workbook (.xlsx) has its own; leave it out");
  }
}

/** The choice of a sheet reads the beginning of each, which may unpack for seconds. */
async function openInterruptibly(file: ThreadFile, signal: AbortSignal | undefined): Promise<WorkbookReader> {
  const workbook = await openWorkbookInThread(file);
  return { ...workbook, beginningOf: (sheet, options) => unlessStopped(workbook.beginningOf(sheet, options), signal) };
}

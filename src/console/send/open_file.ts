// A file chosen on the page, opened for reading: its kind, its encoding or sheet, and its rows, by
// the same rules as an upload to salesapi. Runs in the worker.
import { countPhoneNumbers } from "../../contacts/columns/count_numbers.ts";
import { csvSource } from "../../contacts/csv/csv_source.ts";
import { type EncodingVerdict, encodingFor, judgeEncoding } from "../../contacts/encoding/judge_encoding.ts";
import { fileKindOf } from "../../contacts/file_kind.ts";
import type { RowSource } from "../../contacts/rows.ts";
import { randomAccessOfBlob } from "../../contacts/xlsx/random_access.ts";
import { chooseSheet, openWorkbookHere, type SheetBeginning } from "../../contacts/xlsx/workbook_reader.ts";
import type { FileAnswer } from "../../contracts/quote.ts";
import type { FileChoices } from "./judgement.ts";

export interface OpenedFile {
  source: RowSource;
  /** What was read; its hidden rows are complete once all rows are read. */
  answer(): FileAnswer;
}

export interface OpenOptions extends Pick<FileChoices, "encoding" | "sheet" | "withHiddenRows"> {
  country: string;
  onBytes(read: number): void;
}

const chunkBytes = 262_144;

/**
 * @throws AppError csv_not_text, csv_encoding_ambiguous, csv_encoding_invalid, xlsx_*,
 * sheet_missing, sheet_ambiguous.
 */
export async function openFile(file: File, options: OpenOptions): Promise<OpenedFile> {
  const kind = await fileKindOf(randomAccessOfBlob(file));
  return kind === "csv" ? openCsv(file, options) : openWorkbook(file, options);
}

async function openCsv(file: File, { encoding: named, onBytes }: OpenOptions): Promise<OpenedFile> {
  const verdict = await encodingVerdictOf(file);
  const encoding = encodingFor(verdict, named);
  const reason = named === null && verdict.kind === "told" ? verdict.reason : null;
  return {
    source: csvSource(chunksOf(file, onBytes), encoding),
    answer: () => ({ kind: "csv", encoding, encoding_reason: reason, sheet: null, sheets: [], hidden_rows: 0, hidden_columns: [] }),
  };
}

/** Judged once, because the page asks again with each letter of the text. */
let judged: { of: string; verdict: EncodingVerdict } | null = null;

async function encodingVerdictOf(file: File): Promise<EncodingVerdict> {
  const of = JSON.stringify([file.name, file.size, file.lastModified]);
  if (judged?.of === of) return judged.verdict;
  const verdict = await judgeEncoding(chunksOf(file, () => {}));
  judged = { of, verdict };
  return verdict;
}

async function* chunksOf(file: File, onBytes: (read: number) => void): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += chunkBytes) {
    const bytes = new Uint8Array(await file.slice(at, at + chunkBytes).arrayBuffer());
    yield bytes;
    onBytes(at + bytes.length);
  }
}

async function openWorkbook(file: File, options: OpenOptions): Promise<OpenedFile> {
  const workbook = await openWorkbookHere(randomAccessOfBlob(file));
  const sheetOptions = { withHidden: options.withHiddenRows };
  const countNumbers = (beginning: SheetBeginning) => countPhoneNumbers(beginning, options.country);
  const sheet = await chooseSheet(workbook, { ...sheetOptions, wanted: options.sheet, countNumbers });
  const source = workbook.read(sheet, sheetOptions);
  return {
    source,
    answer: () => ({
      kind: "xlsx",
      encoding: null,
      encoding_reason: null,
      sheet: sheet.name,
      sheets: workbook.sheets.map(({ name }) => name),
      hidden_rows: source.hidden.rows,
      hidden_columns: [...source.hidden.columns],
    }),
  };
}

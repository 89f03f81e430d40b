// All rows of a file through the one judge: the columns are found, each row gets its verdict, and
// the file as a whole is refused or not. Called by the import, whose sink copies the rows, and by
// the quote, whose sink counts them.
import { type ColumnSample, createColumnSample } from "../../contacts/csv/column_sample.ts";
import { type FoundColumns, findColumns, type PhoneChoice } from "../../contacts/csv/columns.ts";
import { createRowJudge, type Destinations, type GoodRow, type RowJudge } from "../../contacts/csv/row_verdicts.ts";
import { type Separator, separatorFor } from "../../contacts/exports/separator.ts";
import { areTooManyRejected, cellOf, type Header, type RowSource, type Rows, tooManyBroken } from "../../contacts/rows.ts";
import { AppError } from "../../contracts/errors.ts";
import { rejectsShownMax } from "../../contracts/http.ts";
import type { RejectReason } from "../../contracts/states.ts";
import type { Template } from "../../sms/template.ts";
import type { Reject } from "./copy_rows.ts";
import { untilStopped } from "./interruption.ts";
import { keptCellsOf, keptCellsOfBroken } from "./kept_cells.ts";

/** A reject's cell is kept up to here: enough to recognise it. */
const rejectValueCharactersMax = 200;

export interface JudgedRequest {
  /** ISO 3166 alpha-2, known to sms/numbers. */
  country: string;
  template: Template;
  phoneColumn: PhoneChoice;
  /** Rows with an empty value are sent all the same: see `createRowJudge`. */
  sendsEmptyValues: boolean;
  /** What its carrier may be given; null: every number. */
  destinations: Destinations | null;
}

export interface JudgeLimits {
  partsMax: number;
  rowsMax: number;
  /** The process is to end: the file is read no further. */
  signal?: AbortSignal;
}

/** Where judged rows go. */
export interface RowSink {
  good(row: GoodRow, line: number): void;
  reject(reject: Reject): void;
  /** The rejects come with their cells. */
  readonly keepsCells: boolean;
  /** Nothing more fits: `send` is awaited before the next row. */
  readonly isFull: boolean;
  /** False: nobody wants the other rows any more. */
  send(): Promise<boolean>;
}

export interface RowCounts {
  rows: number;
  contacts: number;
  rejected: number;
  parts: number;
  rejects: Partial<Record<RejectReason, number>>;
}

/** What is known when all rows have their verdict. */
export interface JudgedRows {
  columns: FoundColumns;
  header: readonly string[];
  /** Between the cells of its exports. */
  separator: Separator;
  counts: RowCounts;
  /** The first rejects. */
  rejectsSample: readonly Reject[];
  judge: RowJudge;
}

interface Judging {
  judge: RowJudge;
  columns: FoundColumns;
  header: readonly string[];
  separator: Separator;
  /** Columns that the campaign uses. */
  used: readonly number[];
}

interface Run {
  source: RowSource;
  request: JudgedRequest;
  limits: JudgeLimits;
  sink: RowSink;
  /** Null before the columns are known. */
  judging: Judging | null;
  /** The first rows, until the columns are known. */
  sample: ColumnSample | null;
  counts: RowCounts;
  rejectsSample: Reject[];
  /** Rows among the rejected ones that were broken before anybody judged them. */
  broken: number;
}

/**
 * Judges a file. Null when the sink wanted no more.
 * @throws AppError import_interrupted, csv_*, phone_column_ambiguous, text_column_missing,
 * text_invalid, and what the source throws.
 */
export async function judgeRows(source: RowSource, request: JudgedRequest, limits: JudgeLimits, sink: RowSink): Promise<JudgedRows | null> {
  const counts = { rows: 0, contacts: 0, rejected: 0, parts: 0, rejects: {} };
  const run: Run = { source, request, limits, sink, judging: null, sample: null, counts, rejectsSample: [], broken: 0 };
  for await (const rows of untilStopped(source.rows(), limits.signal)) {
    if (source.header !== null && !(await takeRows(run, source.header, rows))) return null;
  }
  // a file with few rows ends before its sample is full
  if (source.header !== null && run.judging === null && !(await startRows(run, source.header))) return null;
  return judgedOf(run);
}

/** Judges rows once the columns are known. */
async function takeRows(run: Run, header: Header, rows: Rows): Promise<boolean> {
  if (run.judging !== null) return judgeBatch(run, run.judging, rows);
  const { phoneColumn, country } = run.request;
  run.sample ??= createColumnSample(header.cells, { country });
  return !run.sample.add(rows) && phoneColumn === null ? true : startRows(run, header);
}

/** Finds the columns, and judges the rows that were kept for that. */
async function startRows(run: Run, { cells, line, hidden }: Header): Promise<boolean> {
  const { template, country, phoneColumn, sendsEmptyValues, destinations } = run.request;
  const sample = run.sample ?? createColumnSample(cells, { country });
  const columns = findColumns(cells, { phone: phoneColumn, template, line, hidden, judge: () => sample.verdict() });
  const judge = createRowJudge({ template, columns, country, partsMax: run.limits.partsMax, sendsEmptyValues, destinations });
  const used = [columns.phone, ...columns.fields];
  run.judging = { judge, columns, header: cells, separator: separatorFor(run.source.delimiter, country), used };
  run.sample = null;
  for (const rows of sample.rows) if (!(await judgeBatch(run, run.judging, rows))) return false;
  return true;
}

async function judgeBatch(run: Run, judging: Judging, rows: Rows): Promise<boolean> {
  const { sink } = run;
  for (let row = 0; row < rows.count; row++) {
    judgeRow(run, judging, rows, row);
    if (sink.isFull && !(await sink.send())) return false;
  }
  for (const broken of rows.rejected) {
    const { line, reason, cells } = broken;
    countRow(run, line);
    run.broken++;
    const kept = sink.keepsCells ? keptCellsOfBroken(broken, judging.separator, judging.used) : null;
    addReject(run, { line, reason, value: keptValue(cells[judging.columns.phone] ?? cells[0] ?? ""), cells: kept });
    if (sink.isFull && !(await sink.send())) return false;
  }
  return true;
}

function judgeRow(run: Run, { judge, columns, used }: Judging, rows: Rows, row: number): void {
  const { counts } = run;
  const line = rows.lines[row] as number;
  countRow(run, line);
  const verdict = judge.judge(rows, row);
  if (typeof verdict === "string") {
    const kept = run.sink.keepsCells ? keptCellsOf(rows, row, used) : null;
    addReject(run, { line, reason: verdict, value: keptValue(cellOf(rows, row, columns.phone)), cells: kept });
    return;
  }
  run.sink.good(verdict, line);
  counts.contacts++;
  counts.parts += verdict.parts;
}

function countRow({ counts, limits }: Run, line: number): void {
  if (++counts.rows <= limits.rowsMax) return;
  throw new AppError("csv_too_many_rows", `The file has more than ${limits.rowsMax} rows.`, {
    details: { line, rows_max: limits.rowsMax },
  });
}

function addReject({ counts, sink, rejectsSample }: Run, reject: Reject): void {
  sink.reject(reject);
  counts.rejected++;
  counts.rejects[reject.reason] = (counts.rejects[reject.reason] ?? 0) + 1;
  if (rejectsSample.length < rejectsShownMax) rejectsSample.push(reject);
}

/**
 * Cut, and copied: a piece of a string keeps the whole of it, here 64 kB of the file, from being
 * freed.
 */
function keptValue(cell: string): string {
  const kept =
    cell.length <= rejectValueCharactersMax
      ? cell
      : [...cell.slice(0, rejectValueCharactersMax + 1)].slice(0, rejectValueCharactersMax).join("");
  return Buffer.from(kept).toString();
}

/**
 * The file has ended: refuses it if nothing can be texted, or if it is not the table that we took
 * it for.
 */
function judgedOf(run: Run): JudgedRows {
  const { judging, counts, rejectsSample } = run;
  if (judging === null) throw new AppError("csv_empty", "The file is empty.");
  if (counts.rows === 0) throw new AppError("csv_no_rows", "The file has a header but no rows below it.");
  if (areTooManyRejected(run.broken, counts.rows)) throw tooManyBroken(run.broken, counts.rows, linesOf(rejectsSample));
  if (counts.contacts === 0) throw noValidRows(run);
  const { columns, header, separator, judge } = judging;
  return { columns, header, separator, counts, rejectsSample, judge };
}

const linesOf = (rejects: readonly Reject[]) => rejects.map(({ line, reason }) => `line ${line}: ${reason}`);

function noValidRows({ counts, rejectsSample }: Run): AppError {
  const rejects = Object.entries(counts.rejects).map(([reason, count]) => `${reason}: ${count}`);
  return new AppError("csv_no_valid_rows", `None of the ${counts.rows} rows can be texted (${rejects.join(", ")}).`, {
    details: { rejected: counts.rejected, rejects, lines: linesOf(rejectsSample) },
  });
}

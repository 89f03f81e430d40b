// Judges a file row by row, off the page's thread, by the import's own reader and judge: what the
// page shows is what POST /create will say.

import { type ColumnSample, createColumnSample } from "../../contacts/csv/column_sample.ts";
import { findColumns } from "../../contacts/csv/columns.ts";
import { boundsAt, type CsvRows, cellOf, createCsvReader } from "../../contacts/csv/csv_reader.ts";
import { createRowJudge, type RowJudge } from "../../contacts/csv/row_verdicts.ts";
import { AppError } from "../../contracts/errors.ts";
import type { RejectReason } from "../../contracts/states.ts";
import { compileTemplate, type Template } from "../../sms/template.ts";

export interface JudgeRequest {
  /** An answer to an older request is thrown away. */
  id: number;
  file: File;
  text: string;
  country: string;
  phoneColumn: string | null;
  partsMax: number;
}

export interface RejectedLine {
  line: number;
  value: string;
}

export interface Judgement {
  id: number;
  header: readonly string[];
  /** Index of the numbers' column; null: it is not known. */
  phone: number | null;
  /** The first rows as they stand. */
  firstRows: readonly (readonly string[])[];
  /** The first good rows: cells by which the text is filled. */
  goodRows: readonly (readonly string[])[];
  contacts: number;
  parts: number;
  ucs2: number;
  rejects: Readonly<Partial<Record<RejectReason, { count: number; lines: readonly RejectedLine[] }>>>;
  bytesRead: number;
  bytes: number;
  isDone: boolean;
  /** Why the file cannot be read, or its columns do not fit; the code of contracts/errors.ts. */
  problem: { code: string; description: string; line: number | null } | null;
}

const chunkBytes = 262_144;
const newsEveryMs = 120;
const firstRowsMax = 5;
const goodRowsMax = 3;
const linesKeptMax = 50;
/** Judges numbers alone where the text cannot be judged yet. */
const placeholderText = "-";

let wanted = 0;

self.onmessage = ({ data }: MessageEvent<JudgeRequest>) => {
  wanted = data.id;
  void judgeFile(data);
};

async function judgeFile(request: JudgeRequest): Promise<void> {
  const { file, id } = request;
  const reader = createCsvReader();
  const state = startState(request);
  let newsAtMs = performance.now();
  try {
    for (let at = 0; at < file.size; at += chunkBytes) {
      const bytes = new Uint8Array(await file.slice(at, at + chunkBytes).arrayBuffer());
      if (wanted !== id) return;
      takeRows(state, reader.push(bytes), reader.header);
      state.news.bytesRead = at + bytes.length;
      if (performance.now() - newsAtMs < newsEveryMs) continue;
      newsAtMs = performance.now();
      self.postMessage(state.news);
    }
    takeRows(state, reader.end(), reader.header, true);
    if (reader.header === null)
      state.news.problem = { code: "csv_empty", description: "The file is empty: it has not even a header.", line: null };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    state.news.problem = problemOf(error);
  }
  if (wanted !== id) return;
  state.news.isDone = true;
  self.postMessage(state.news);
}

type Draft = { -readonly [K in keyof Judgement]: Judgement[K] } & {
  firstRows: string[][];
  goodRows: string[][];
  rejects: Partial<Record<RejectReason, { count: number; lines: RejectedLine[] }>>;
};

interface State {
  request: JudgeRequest;
  judge: RowJudge | null;
  /** The first rows, until it is known which columns they have. */
  sample: ColumnSample | null;
  news: Draft;
}

function startState(request: JudgeRequest): State {
  const news: Draft = {
    id: request.id,
    header: [],
    phone: null,
    firstRows: [],
    goodRows: [],
    contacts: 0,
    parts: 0,
    ucs2: 0,
    rejects: {},
    bytesRead: 0,
    bytes: request.file.size,
    isDone: false,
    problem: null,
  };
  return { request, judge: null, sample: null, news };
}

function takeRows(state: State, rows: CsvRows, header: { cells: readonly string[]; line: number } | null, isEnd = false): void {
  if (header === null) return;
  if (state.news.header.length > 0 && state.sample === null) {
    judgeRows(state, rows);
    return;
  }
  state.news.header = header.cells;
  state.sample ??= createColumnSample(header.cells, { country: state.request.country });
  if (!state.sample.add(rows) && !isEnd) return;
  beginRows(state, header, state.sample);
  for (const first of state.sample.rows) judgeRows(state, first);
  state.sample = null;
}

function judgeRows(state: State, rows: CsvRows): void {
  const { news } = state;
  for (let row = 0; row < rows.count; row++) {
    const cells = (): string[] => Array.from({ length: rows.width }, (_, column) => cellOf(rows, row, column));
    if (news.firstRows.length < firstRowsMax) news.firstRows.push(cells());
    if (state.judge === null || news.phone === null) continue;
    const verdict = state.judge.judge(rows, row);
    if (typeof verdict !== "string") {
      news.contacts++;
      news.parts += verdict.parts;
      if (news.goodRows.length < goodRowsMax) news.goodRows.push(cells());
      continue;
    }
    const at = boundsAt(rows, row, news.phone);
    const kept = news.rejects[verdict] ?? { count: 0, lines: [] };
    news.rejects[verdict] = kept;
    kept.count++;
    if (kept.lines.length < linesKeptMax) {
      kept.lines.push({ line: rows.lines[row] as number, value: rows.text.slice(rows.bounds[at], rows.bounds[at + 1]).slice(0, 100) });
    }
  }
  news.ucs2 = state.judge?.encodings.ucs2 ?? 0;
}

/** Where the text does not fit the file, the numbers are judged all the same. */
function beginRows(state: State, { cells, line }: { cells: readonly string[]; line: number }, sample: ColumnSample): void {
  const { request, news } = state;
  const judge = () => sample.verdict();
  const { country, phoneColumn, partsMax } = request;
  const phone = phoneColumn === null ? null : { name: phoneColumn };
  const bare = templateOf(placeholderText) as Template;
  let template = templateOf(request.text) ?? bare;
  let columns: ReturnType<typeof findColumns>;
  try {
    columns = findColumns(cells, { phone, template, line, judge });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    news.problem = problemOf(error);
    if (error.code !== "text_column_missing" && error.code !== "text_invalid") return;
    template = bare;
    columns = findColumns(cells, { phone, template, line, judge });
  }
  news.phone = columns.phone;
  state.judge = createRowJudge({ template, columns, country, partsMax });
}

function templateOf(text: string): Template | null {
  if (text.trim() === "") return null;
  const compiled = compileTemplate(text);
  return "template" in compiled ? compiled.template : null;
}

function problemOf(error: AppError): NonNullable<Judgement["problem"]> {
  const { line } = error.details;
  return { code: error.code, description: error.message, line: typeof line === "number" ? line : null };
}

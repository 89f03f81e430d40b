// Judges a file row by row, by the import's own readers and judges: what the page shows is what
// POST /create will say. Runs in the worker, off the page's thread.
import { type CostlyCells, createCostlyCells } from "../../contacts/costly_cells.ts";
import { type ColumnSample, createColumnSample } from "../../contacts/csv/column_sample.ts";
import { type FoundColumns, findColumns } from "../../contacts/csv/columns.ts";
import { createRowJudge, type RowJudge } from "../../contacts/csv/row_verdicts.ts";
import type { OpenedFile } from "../../contacts/open_file.ts";
import { areTooManyRejected, cellOf, cellsOf, type Header, type Rows, tooManyBroken } from "../../contacts/rows.ts";
import { AppError } from "../../contracts/errors.ts";
import { listOfAnswer, type Pricing, pricingOf } from "../../contracts/prices.ts";
import { type FileEncoding, fileEncodings, type RejectReason } from "../../contracts/states.ts";
import { countryOf } from "../../sms/number_country.ts";
import { compileTemplate, isBlank, type Template } from "../../sms/template.ts";
import { isProblemOfText, type Judgement, type JudgeRequest, type Question, type RejectedLine } from "./judgement.ts";
import { openChosenFile } from "./open_file.ts";

const newsEveryMs = 120;
const firstRowsMax = 5;
const goodRowsMax = 3;
const linesKeptMax = 50;
/** Judges only the numbers while the text cannot be judged. */
const placeholderText = "-";

export interface JudgeListener {
  /** The judgement so far, the same object each time. */
  onNews(judgement: Judgement): void;
  /** False: a newer request has arrived. */
  isWanted(): boolean;
}

type Draft = { -readonly [K in keyof Judgement]: Judgement[K] } & {
  firstRows: string[][];
  goodRows: string[][];
  rejects: Partial<Record<RejectReason, { count: number; lines: RejectedLine[] }>>;
};

interface Judging {
  judge: RowJudge;
  columns: FoundColumns;
  template: Template;
  costly: CostlyCells;
  countries: Map<string | null, { contacts: number; parts: number }>;
}

interface State {
  request: JudgeRequest;
  pricing: Pricing;
  judging: Judging | null;
  /** The first rows, until their columns are known. */
  sample: ColumnSample | null;
  /** All rows, broken ones included. */
  rows: number;
  broken: number;
  news: Draft;
}

/** The judgement on a whole file; null if it is no longer wanted. */
export async function judgeFile(request: JudgeRequest, { onNews, isWanted }: JudgeListener): Promise<Judgement | null> {
  const state = startState(request);
  const { news } = state;
  let opened: OpenedFile | null = null;
  try {
    const onBytes = (read: number) => {
      news.bytesRead = read;
    };
    const { country, encoding, sheet, withHiddenRows } = request;
    opened = await openChosenFile(request.file, { country, encoding, sheet, withHiddenRows, onBytes });
    let newsAtMs = performance.now();
    for await (const rows of opened.source.rows()) {
      if (!isWanted()) return null;
      if (opened.source.header !== null) takeRows(state, rows, opened.source.header);
      news.file = opened.answer();
      if (performance.now() - newsAtMs < newsEveryMs) continue;
      newsAtMs = performance.now();
      onNews(newsOf(state));
    }
    const { header } = opened.source;
    if (header === null) throw new AppError("csv_empty", "The file is empty: it does not even have a header.");
    if (state.sample !== null) startRows(state, header, state.sample);
    if (state.rows === 0) throw new AppError("csv_no_rows", "The file has a header but no rows below it.");
    if (areTooManyRejected(state.broken, state.rows)) throw tooManyBroken(state.broken, state.rows, []);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    news.question ??= questionOf(error);
    if (news.question === null) news.problem = problemOf(error);
  } finally {
    await opened?.close();
  }
  if (!isWanted()) return null;
  news.bytesRead = news.bytes;
  news.isDone = true;
  return newsOf(state);
}

function startState(request: JudgeRequest): State {
  const news: Draft = {
    id: request.id,
    file: null,
    header: [],
    phone: null,
    phoneReason: null,
    question: null,
    firstRows: [],
    goodRows: [],
    contacts: 0,
    parts: 0,
    costMilli: 0,
    countries: [],
    ucs2: 0,
    rejects: {},
    emptyValues: [],
    costlyCells: { characters: [], extraParts: 0, extraMilli: 0 },
    bytesRead: 0,
    bytes: request.file.size,
    isDone: false,
    problem: null,
  };
  return { request, pricing: pricingOf(listOfAnswer(request.priceList)), judging: null, sample: null, rows: 0, broken: 0, news };
}

function newsOf({ request, pricing, news, judging }: State): Judgement {
  if (judging === null) return news;
  const { judge, template, costly, countries } = judging;
  news.ucs2 = judge.encodings.ucs2;
  const extraParts = costly.extraParts().values;
  news.costlyCells = { characters: costly.characters(), extraParts, extraMilli: pricing.costAtMost(extraParts) };
  news.countries = [...countries].map(([country, counts]) => ({ country, ...counts })).sort((one, other) => other.contacts - one.contacts);
  const isRejected = (index: number) => template.needsValue[index] === true;
  const treated = (index: number) => (isRejected(index) ? (request.sendsEmptyValues ? "sent_empty" : "rejected") : "default");
  news.emptyValues = template.placeholders
    .map((column, index) => ({ column, rows: judge.emptyValues[index] ?? 0, treated_as: treated(index) }) as const)
    .filter(({ rows }) => rows > 0);
  return news;
}

function takeRows(state: State, rows: Rows, header: Header): void {
  const isBegun = state.news.header.length > 0 && state.sample === null;
  if (isBegun) {
    judgeRows(state, rows);
    return;
  }
  state.news.header = header.cells;
  state.sample ??= createColumnSample(header.cells, { country: state.request.country });
  if (state.sample.add(rows)) startRows(state, header, state.sample);
}

function startRows(state: State, header: Header, sample: ColumnSample): void {
  state.sample = null;
  state.judging = startJudging(state, header, sample);
  for (const first of sample.rows) judgeRows(state, first);
}

/** Where the text does not fit the file, the numbers are judged all the same. */
function startJudging({ request, news }: State, { cells, line, hidden }: Header, sample: ColumnSample): Judging | null {
  const { country, countries, phoneColumn, partsMax, sendsEmptyValues } = request;
  const phone = phoneColumn === null ? null : { index: phoneColumn };
  const judge = () => sample.verdict();
  const bare = templateOf(placeholderText) as Template;
  let template = templateOf(request.text) ?? bare;
  let columns: FoundColumns;
  try {
    columns = findColumns(cells, { phone, template, line, hidden, judge });
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    news.question = questionOf(error);
    if (news.question !== null) return null;
    news.problem = problemOf(error);
    if (!isProblemOfText(news.problem)) return null;
    template = bare;
    columns = findColumns(cells, { phone, template, line, hidden, judge });
  }
  news.phone = columns.phone;
  news.phoneReason = columns.verdict.description;
  const destinations = countries && { countries: new Set(countries), phones: null };
  const rowJudge = createRowJudge({ template, columns, country, partsMax, sendsEmptyValues, destinations });
  return { judge: rowJudge, columns, template, costly: createCostlyCells(template), countries: new Map() };
}

function judgeRows(state: State, rows: Rows): void {
  const { news, judging } = state;
  state.rows += rows.count + rows.rejected.length;
  state.broken += rows.rejected.length;
  for (let row = 0; row < rows.count; row++) {
    if (news.firstRows.length < firstRowsMax) news.firstRows.push(cellsOf(rows, row));
    if (judging !== null) judgeRow(state, judging, rows, row);
  }
  for (const { line, reason, cells } of rows.rejected) addReject(news, reason, { line, value: cells[news.phone ?? 0] ?? cells[0] ?? "" });
}

function judgeRow({ news, pricing }: State, { judge, columns, countries, costly }: Judging, rows: Rows, row: number): void {
  const verdict = judge.judge(rows, row);
  if (typeof verdict === "string") {
    addReject(news, verdict, { line: rows.lines[row] as number, value: cellOf(rows, row, columns.phone) });
    return;
  }
  const { msisdn, parts, fields } = verdict;
  news.contacts++;
  news.parts += parts;
  news.costMilli += pricing.costOf(msisdn, parts);
  costly.add(fields, parts);
  const country = countryOf(msisdn);
  const known = countries.get(country);
  countries.set(country, { contacts: (known?.contacts ?? 0) + 1, parts: (known?.parts ?? 0) + parts });
  if (news.goodRows.length < goodRowsMax) news.goodRows.push(cellsOf(rows, row));
}

function addReject(news: Draft, reason: RejectReason, { line, value }: RejectedLine): void {
  const kept = news.rejects[reason] ?? { count: 0, lines: [] };
  news.rejects[reason] = kept;
  kept.count++;
  if (kept.lines.length < linesKeptMax) kept.lines.push({ line, value: value.slice(0, 100) });
}

function templateOf(text: string): Template | null {
  if (isBlank(text)) return null;
  const compiled = compileTemplate(text.normalize("NFC"));
  return "template" in compiled ? compiled.template : null;
}

function problemOf(error: AppError): NonNullable<Judgement["problem"]> {
  const { line } = error.details;
  return { code: error.code, description: error.message, line: typeof line === "number" ? line : null };
}

/** The refusals that a choice ends, by the facts that they come with. */
export function questionOf({ code, details }: AppError): Question | null {
  const list = (name: string): string[] => (Array.isArray(details[name]) ? (details[name] as string[]) : []);
  const line = typeof details.line === "number" ? details.line : null;
  switch (code) {
    case "phone_column_ambiguous": {
      const [names, counts] = [list("columns"), list("counts")];
      const choices = list("column_numbers").map((number, at) => ({
        index: Number(number) - 1,
        name: names[at] ?? "",
        numbers: Number(counts[at]),
      }));
      return { kind: "column", choices };
    }
    case "sheet_ambiguous": {
      const counts = list("numbers");
      return { kind: "sheet", choices: list("sheets").map((name, at) => ({ name, numbers: Number(counts[at]) })) };
    }
    case "csv_encoding_ambiguous": {
      const readings = list("readings");
      const encodings = list("encodings").filter((name): name is FileEncoding => fileEncodings.includes(name as FileEncoding));
      return { kind: "encoding", line, choices: encodings.map((encoding, at) => ({ encoding, reading: readings[at] ?? null })) };
    }
    case "csv_encoding_invalid":
      return { kind: "encoding", line, choices: bytewise.map((encoding) => ({ encoding, reading: null })) };
    default:
      return null;
  }
}

/** Encodings in which any bytes are valid text. */
const bytewise = ["windows-1252", "iso-8859-15"] as const;

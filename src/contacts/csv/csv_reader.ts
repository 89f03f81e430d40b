// CSV (RFC 4180, strict) from chunks of bytes to rows with their line numbers; every refusal names
// the line. Our own, because the bill hangs on it: csv-parse reads 0.7 M rows of two cells a second
// of CPU, this 12 M and more, and a lone quote or a ragged row is refused with its line.
// csv_reader.test.ts compares it with csv-parse. Called by import_campaign.ts. No row becomes an
// object: a cell is two offsets into the text of its chunk, and a string only when someone asks for
// it.
import { AppError, type ErrorDetails } from "../../contracts/errors.ts";
import { findBadByte, magicBytesMax, refuseForeignFile } from "./csv_bytes.ts";
import { latin1Of, newBytes, textOf } from "./csv_text.ts";

/**
 * A physical line at most: the columns below, each with a cell that is longer than any text, are
 * far shorter.
 */
export const csvLineBytesMax = 1024 * 1024;
/**
 * Lines that one quoted row may span in all; a row that runs on further has a quote that was never
 * closed.
 */
export const csvRowCharactersMax = 1024 * 1024;
/** As many characters as a spreadsheet lets one type into a cell. */
export const csvCellCharactersMax = 32_767;
/** Far above any list of contacts. */
export const csvColumnsMax = 256;

/**
 * Rows in file order, without the header. Valid until the reader is asked for more: its arrays are
 * used again.
 */
export interface CsvRows {
  readonly count: number;
  /** Cells of every row. */
  readonly width: number;
  /** What the cells are cut from: the chunk, and behind it what quotes have changed. */
  readonly text: string;
  /** Start and end of each cell in `text`: see `boundsAt`. */
  readonly bounds: Int32Array;
  /** Line on which each row begins, counted from 1. */
  readonly lines: Int32Array;
}

/** Where in `bounds` a cell's start stands; its end follows. */
export function boundsAt({ width }: CsvRows, row: number, column: number): number {
  return 2 * (row * width + column);
}

/** A cell as it stands in the file, outer whitespace and all, without its quotes. */
export function cellOf(rows: CsvRows, row: number, column: number): string {
  const at = boundsAt(rows, row, column);
  return rows.text.slice(rows.bounds[at], rows.bounds[at + 1]);
}

export interface CsvHeader {
  cells: readonly string[];
  line: number;
}

export interface CsvReader {
  /** The first row; null before it has ended. */
  readonly header: CsvHeader | null;
  /**
   * The rows that end within this chunk, whose memory may be used again afterwards. @throws
   * AppError csv_*.
   */
  push(chunk: Uint8Array): CsvRows;
  /** The last row, when the file does not end with a line break. @throws AppError csv_*. */
  end(): CsvRows;
}

interface State {
  /**
   * Begins with the bytes behind the last line break, `pendingLength` of them. Memory that is used
   * again: see `behindPending`.
   */
  pending: Uint8Array;
  pendingLength: number;
  /** Bytes before those. */
  bytesRead: number;
  /** Line that is read next. */
  line: number;
  delimiter: string;
  lineBreak: "\n" | "\r" | null;
  /** Lines of a row with an open quote, and the line on which it began. */
  open: { lines: string[]; characters: number; line: number } | null;
  header: CsvHeader | null;
  /** Rows read, with the header. */
  rowCount: number;
  /** The next delimiter in the current text; see `delimiterFrom`. */
  delimiterAt: number;
  /**
   * What the current chunk has given so far. `width`: cells of the header, as many as every row
   * must have.
   */
  found: { -readonly [name in keyof CsvRows]: CsvRows[name] };
}

/**
 * A reader for one file. The header is its first row; blank lines are no rows; outer whitespace of
 * cells are kept.
 */
export function createCsvReader(): CsvReader {
  const state: State = {
    pending: newBytes(0),
    pendingLength: 0,
    bytesRead: 0,
    line: 1,
    delimiter: ",",
    lineBreak: null,
    open: null,
    header: null,
    rowCount: 0,
    delimiterAt: -1,
    found: { count: 0, width: 0, text: "", bounds: new Int32Array(0), lines: new Int32Array(0) },
  };
  return {
    get header() {
      return state.header;
    },
    push(chunk) {
      const bytes = behindPending(state, chunk);
      const length = state.lineBreak !== null || hasFirstLine(bytes) ? wholeLinesLength(state, bytes) : 0;
      if (length === 0 && state.lineBreak === null && bytes.length >= magicBytesMax) refuseForeignFile(bytes);
      const text = length === 0 ? "" : takeText(state, bytes, length);
      keepPending(state, bytes.subarray(length));
      const rows = readRows(state, text);
      if (state.pendingLength > csvLineBytesMax) throw lineTooLong(state);
      return rows;
    },
    end() {
      const text = takeText(state, state.pending, state.pendingLength);
      state.pendingLength = 0;
      const rows = readRows(state, text === "" ? "" : text + (state.lineBreak ?? "\n"));
      if (state.open !== null) throw quoteUnclosed(state.open.line, state, "A quote that opens in this row is never closed.");
      return rows;
    },
  };
}

/**
 * The chunk with what is pending before it. In one piece of memory for the whole file: a fresh one
 * a chunk began a garbage collection every few hundred.
 */
function behindPending(state: State, chunk: Uint8Array): Uint8Array {
  const { pendingLength } = state;
  if (pendingLength === 0) return chunk;
  const length = pendingLength + chunk.length;
  if (length > state.pending.length) {
    const larger = newBytes(2 * length);
    larger.set(state.pending.subarray(0, pendingLength));
    state.pending = larger;
  }
  state.pending.set(chunk, pendingLength);
  return state.pending.subarray(0, length);
}

/** Copies them, also from one place of `pending` to its beginning. */
function keepPending(state: State, bytes: Uint8Array): void {
  if (bytes.length > state.pending.length) state.pending = newBytes(2 * bytes.length);
  state.pending.set(bytes);
  state.pendingLength = bytes.length;
}

/** A line break that is not the very last byte: a \r there may be half of \r\n. */
function hasFirstLine(bytes: Uint8Array): boolean {
  const at = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  return at !== -1 && at < bytes.length - 1;
}

/**
 * Length of the beginning of the bytes that ends with a line break; bytes of these values are never
 * part of another character.
 */
function wholeLinesLength(state: State, bytes: Uint8Array): number {
  const first = bytes.indexOf(0x0a);
  const lineBreak = state.lineBreak ?? lineBreakOf(latin1Of(bytes.subarray(0, first === -1 ? bytes.length : first + 1)));
  return bytes.lastIndexOf(lineBreak.charCodeAt(0)) + 1;
}

/** Bytes to text. The first text decides delimiter and line break. */
function takeText(state: State, bytes: Uint8Array, length: number): string {
  const whole = bytes.subarray(0, length);
  if (state.lineBreak === null) refuseForeignFile(whole);
  const bad = findBadByte(whole);
  if (bad !== null) throw badByte(state, whole, bad);
  state.bytesRead += length;
  let text = textOf(whole);
  if (state.lineBreak === null && text !== "") {
    if (text.startsWith("\ufeff")) text = text.slice(1);
    state.lineBreak = lineBreakOf(text);
    state.delimiter = sniffDelimiter(firstLineOf(text));
  }
  return text;
}

const firstLineOf = (text: string) => /^[^\r\n]*/.exec(text)?.[0] ?? "";

function lineBreakOf(text: string): "\r" | "\n" {
  const { length } = firstLineOf(text);
  return text.charAt(length) === "\r" && text.charAt(length + 1) !== "\n" ? "\r" : "\n";
}

/**
 * The most frequent of `,` `;` and tab in the header, outside quotes; a comma when there is none.
 */
function sniffDelimiter(firstLine: string): string {
  const bare = firstLine.replace(/"[^"]*"/g, "");
  let best = { delimiter: ",", count: 0 };
  for (const delimiter of [",", ";", "\t"]) {
    const count = bare.split(delimiter).length - 1;
    if (count > best.count) best = { delimiter, count };
  }
  return best.delimiter;
}

/** Reads whole lines. */
function readRows(state: State, text: string): CsvRows {
  const { found } = state;
  found.count = 0;
  found.text = text;
  state.delimiterAt = -1;
  const hasQuotes = state.open !== null || text.includes('"');
  const lineBreak = state.lineBreak ?? "\n";
  let at = 0;
  for (let next = text.indexOf(lineBreak); next !== -1; next = text.indexOf(lineBreak, at)) {
    if (next - at > csvLineBytesMax) throw lineTooLong(state);
    const end = next > at && text.charCodeAt(next - 1) === 0x0d ? next - 1 : next;
    if (hasQuotes || state.header === null) readLineWithQuotes(state, text.slice(at, end), at);
    else if (!isBlank(text, at, end)) readPlainLine(state, at, end);
    state.line++;
    at = next + 1;
  }
  return found;
}

function isBlank(text: string, start: number, end: number): boolean {
  const code = text.charCodeAt(start);
  return start === end || ((code <= 0x20 || code >= 0x80) && text.slice(start, end).trim() === "");
}

/**
 * The hot loop: a line without quotes is cut where it stands. (0.04 us of CPU a row, with seven
 * cells 0.12; by a look at each character 0.10 and 0.29.)
 */
function readPlainLine(state: State, start: number, end: number): void {
  const { found } = state;
  const { width } = found;
  const bounds = withRoom(state);
  const first = 2 * found.count * width;
  let cells = 0;
  let longest = 0;
  for (let cellStart = start; cellStart <= end; cells++) {
    const cellEnd = Math.min(end, delimiterFrom(state, cellStart));
    if (cells < width) {
      bounds[first + 2 * cells] = cellStart;
      bounds[first + 2 * cells + 1] = cellEnd;
    }
    if (cellEnd - cellStart > longest) longest = cellEnd - cellStart;
    cellStart = cellEnd + 1;
  }
  closeRow(state, { cells, longest, line: state.line });
}

/**
 * Where the text's next delimiter stands; behind the text when there is none. One that is ahead is
 * not looked for again: a file of one column has none.
 */
function delimiterFrom(state: State, from: number): number {
  if (state.delimiterAt >= from) return state.delimiterAt;
  const { text } = state.found;
  const at = text.indexOf(state.delimiter, from);
  state.delimiterAt = at === -1 ? text.length : at;
  return state.delimiterAt;
}

/** The array of bounds, with room for one row more. */
function withRoom({ found }: State): Int32Array {
  const needed = found.count + 1;
  if (needed > found.lines.length) {
    const lines = new Int32Array(needed * 2);
    const bounds = new Int32Array(needed * 2 * 2 * found.width);
    lines.set(found.lines);
    bounds.set(found.bounds);
    Object.assign(found, { lines, bounds });
  }
  return found.bounds;
}

/**
 * A line of a text with quotes, or of the header. An odd number of quotes on a line opens or closes
 * a cell that spans lines.
 */
function readLineWithQuotes(state: State, line: string, at: number): void {
  const isOdd = countQuotes(line) % 2 === 1;
  if (state.open === null && !isOdd) {
    if (line.trim() !== "") addQuotedRow(state, { row: line, at, line: state.line });
    return;
  }
  if (state.open === null) {
    state.open = { lines: [line], characters: line.length, line: state.line };
    return;
  }
  const { open } = state;
  open.lines.push(line);
  open.characters += line.length + 1;
  if (open.characters > csvRowCharactersMax) throw quoteUnclosed(open.line, state, "A quote that opens in this row is never closed.");
  if (!isOdd) return;
  state.open = null;
  const row = open.lines.join("\n");
  addQuotedRow(state, { row, at: putBehind(state, row), line: open.line });
}

/** Puts what does not stand in the chunk like this behind it; returns where. */
function putBehind({ found }: State, text: string): number {
  const at = found.text.length;
  found.text += text;
  return at;
}

/** A row that stands in `found.text` from `at` on. */
function addQuotedRow(state: State, { row, at, line }: { row: string; at: number; line: number }): void {
  const { found } = state;
  const cells = splitQuoted(state, row, line);
  if (state.header === null) {
    found.width = cells.length;
    const texts = cells.map(({ start, end, changed }) => changed ?? row.slice(start, end));
    closeHeader(state, texts, line);
    return;
  }
  const bounds = withRoom(state);
  let to = 2 * found.count * found.width;
  let longest = 0;
  for (const { start, end, changed } of cells.slice(0, found.width)) {
    const from = changed === null ? at + start : putBehind(state, changed);
    const length = changed === null ? end - start : changed.length;
    bounds[to++] = from;
    bounds[to++] = from + length;
    longest = Math.max(longest, length);
  }
  closeRow(state, { cells: cells.length, longest, line });
}

function countQuotes(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) count++;
  return count;
}

/**
 * A cell between two offsets of its row, or what it becomes when its duplicated quotes are single.
 */
interface QuotedCell {
  start: number;
  end: number;
  changed: string | null;
}

/**
 * A row with quotes to its cells: a cell is bare, or wholly in quotes with those inside duplicated.
 * Blanks may stand around the quotes.
 */
function splitQuoted(state: State, row: string, line: number): QuotedCell[] {
  const cells: QuotedCell[] = [];
  for (let at = 0; ; ) {
    const start = skipWhitespace(row, at);
    if (row.charCodeAt(start) !== 0x22) {
      const delimiter = row.indexOf(state.delimiter, at);
      const end = delimiter === -1 ? row.length : delimiter;
      const quote = row.indexOf('"', at);
      if (quote !== -1 && quote < end) {
        throw quoteUnclosed(line, state, "A quote stands inside a cell; put the whole cell in quotes and double those inside.");
      }
      cells.push({ start: at, end, changed: null });
      if (delimiter === -1) return cells;
      at = end + 1;
      continue;
    }
    const close = closingQuote(row, start);
    if (close === -1) throw quoteUnclosed(line, state, "A quote that opens in this row is never closed.");
    const inner = row.slice(start + 1, close);
    cells.push({ start: start + 1, end: close, changed: inner.includes('"') ? inner.replaceAll('""', '"') : null });
    const next = row.startsWith(state.delimiter, close + 1) ? close + 1 : skipWhitespace(row, close + 1);
    if (next === row.length) return cells;
    if (!row.startsWith(state.delimiter, next)) throw quoteUnclosed(line, state, "Something stands after a closing quote.");
    at = next + 1;
  }
}

function skipWhitespace(row: string, from: number): number {
  let at = from;
  while (row.charCodeAt(at) === 0x20) at++;
  return at;
}

function closingQuote(row: string, opening: number): number {
  for (let at = row.indexOf('"', opening + 1); at !== -1; at = row.indexOf('"', at + 2)) {
    if (row.charCodeAt(at + 1) !== 0x22) return at;
  }
  return -1;
}

function closeHeader(state: State, cells: string[], line: number): void {
  if (cells.length > csvColumnsMax) {
    throw new AppError("csv_too_many_columns", `The header has ${cells.length} columns; at most ${csvColumnsMax} are read.`, {
      details: { line, columns: cells.length, columns_max: csvColumnsMax },
    });
  }
  if (cells.some((cell) => cell.length > csvCellCharactersMax)) throw cellTooLong(state, line);
  state.header = { cells, line };
  state.rowCount = 1;
}

/**
 * The bounds of a row are written: it counts if it has as many cells as the header, none of them
 * too long.
 */
function closeRow(state: State, { cells, longest, line }: { cells: number; longest: number; line: number }): void {
  const { found, rowCount } = state;
  if (cells !== found.width) {
    throw new AppError("csv_row_ragged", `Line ${line} (row ${rowCount}) has ${cells} cells, the header has ${found.width}.`, {
      details: { line, row: rowCount, cells, columns: found.width },
    });
  }
  if (longest > csvCellCharactersMax) throw cellTooLong(state, line);
  found.lines[found.count++] = line;
  state.rowCount++;
}

function cellTooLong({ rowCount }: State, line: number): AppError {
  return new AppError("csv_cell_too_long", `A cell on line ${line} has more than ${csvCellCharactersMax} characters.`, {
    details: { line, row: rowCount, characters_max: csvCellCharactersMax },
  });
}

function lineTooLong(state: State): AppError {
  const { line } = state;
  return new AppError("csv_line_too_long", `Line ${line} is longer than ${csvLineBytesMax} bytes. Has the file lost its line breaks?`, {
    details: { line, row: state.rowCount, bytes_max: csvLineBytesMax },
  });
}

function quoteUnclosed(line: number, state: State, description: string): AppError {
  return new AppError("csv_quote_unclosed", `Line ${line} (row ${state.rowCount}): ${description}`, {
    details: { line, row: state.rowCount },
  });
}

function badByte(state: State, bytes: Uint8Array, bad: { offset: number; is: "nul" | "not_utf8" }): AppError {
  const offset = state.bytesRead + bad.offset;
  const before = latin1Of(bytes.subarray(0, bad.offset));
  const line = state.line + before.split(state.lineBreak ?? lineBreakOf(before)).length - 1;
  const details: ErrorDetails = { offset, line };
  if (bad.is === "nul") {
    return new AppError("csv_nul", `A NUL byte stands at offset ${offset} (line ${line}). Is it UTF-16? Save it as CSV UTF-8.`, {
      details,
    });
  }
  const byte = (bytes[bad.offset] as number).toString(16).toUpperCase().padStart(2, "0");
  const description = `Byte 0x${byte} at offset ${offset} (line ${line}) is not UTF-8. Save the file as CSV UTF-8, not as Windows-1252 or Latin-1.`;
  return new AppError("csv_encoding_invalid", description, { details });
}

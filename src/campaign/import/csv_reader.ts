// CSV (RFC 4180, strict) from chunks of bytes to rows with their line numbers; every refusal names the line.
// Our own, because the bill hangs on it: csv-parse reads 0.3 M rows a second of CPU, this 1.5 M (side by side), and a lone quote or a ragged row is
// refused with its line. csv_reader.test.ts compares it with csv-parse. Called by import_campaign.ts.
import { isAscii } from "node:buffer";
import { AppError, type ErrorDetails } from "../../contracts/errors.ts";
import { findBadByte, magicBytesMax, refuseForeignFile, wholeCharactersLength } from "./csv_bytes.ts";

/** A physical line at most: the columns below, each with a cell that is longer than any text, are far shorter. */
export const csvLineBytesMax = 1024 * 1024;
/** Lines that one quoted row may span in all; a row that runs on further has a quote that was never closed. */
export const csvRowCharactersMax = 1024 * 1024;
/** As many characters as a spreadsheet lets one type into a cell. */
export const csvCellCharactersMax = 32_767;
/** Far above any list of contacts. */
export const csvColumnsMax = 256;

/** Rows in file order; `lines[i]` is the line on which `rows[i]` begins, counted from 1. */
export interface CsvRows {
  rows: string[][];
  lines: number[];
}

export interface CsvReader {
  /** The rows that end within this chunk. @throws AppError csv_*. */
  push(chunk: Buffer): CsvRows;
  /** The last row, when the file does not end with a line break. @throws AppError csv_*. */
  end(): CsvRows;
}

interface State {
  /** Bytes that are not yet a whole character, or not yet a whole first line. */
  pendingBytes: Buffer;
  /** Bytes before `pendingBytes`. */
  bytesRead: number;
  /** Text after the last line break. */
  rest: string;
  /** Line on which `rest` stands. */
  line: number;
  delimiter: string;
  lineBreak: "\n" | "\r" | null;
  /** Lines of a row with an open quote, and the line on which it began. */
  open: { lines: string[]; characters: number; line: number } | null;
  /** Cells of the header: every row must have as many. -1 before the header. */
  width: number;
  /** Rows read, with the header. */
  rowCount: number;
}

/** A reader for one file. The header is its first row; blank lines are no rows; outer blanks of cells are kept. */
export function createCsvReader(): CsvReader {
  const state: State = {
    pendingBytes: Buffer.alloc(0),
    bytesRead: 0,
    rest: "",
    line: 1,
    delimiter: ",",
    lineBreak: null,
    open: null,
    width: -1,
    rowCount: 0,
  };
  return {
    push(chunk) {
      const bytes = state.pendingBytes.length === 0 ? chunk : Buffer.concat([state.pendingBytes, chunk]);
      if (state.lineBreak === null && !hasFirstLine(bytes)) {
        state.pendingBytes = bytes;
        if (bytes.length >= magicBytesMax) refuseForeignFile(bytes);
        if (bytes.length > csvLineBytesMax) throw lineTooLong(state);
        return { rows: [], lines: [] };
      }
      return readRows(state, takeText(state, bytes, wholeCharactersLength(bytes)));
    },
    end() {
      const text = takeText(state, state.pendingBytes, state.pendingBytes.length);
      const found = readRows(state, text === "" && state.rest === "" ? "" : text + (state.lineBreak ?? "\n"));
      if (state.open !== null) throw quoteUnclosed(state.open.line, state, "A quote that opens in this row is never closed.");
      return found;
    },
  };
}

/** A line break that is not the very last byte: a \r there may be half of \r\n. */
function hasFirstLine(bytes: Buffer): boolean {
  const at = bytes.findIndex((byte) => byte === 0x0a || byte === 0x0d);
  return at !== -1 && at < bytes.length - 1;
}

/** Bytes to text; what is left waits. The first text decides delimiter and line break. */
function takeText(state: State, bytes: Buffer, length: number): string {
  const whole = bytes.subarray(0, length);
  if (state.lineBreak === null) refuseForeignFile(whole);
  const bad = findBadByte(whole);
  if (bad !== null) throw badByte(state, whole, bad);
  state.pendingBytes = length === bytes.length ? Buffer.alloc(0) : Buffer.from(bytes.subarray(length));
  state.bytesRead += length;
  let text = isAscii(whole) ? whole.toString("latin1") : whole.toString("utf8");
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

/** The most frequent of `,` `;` and tab in the header, outside quotes; a comma when there is none. */
function sniffDelimiter(firstLine: string): string {
  const bare = firstLine.replace(/"[^"]*"/g, "");
  let best = { delimiter: ",", count: 0 };
  for (const delimiter of [",", ";", "\t"]) {
    const count = bare.split(delimiter).length - 1;
    if (count > best.count) best = { delimiter, count };
  }
  return best.delimiter;
}

function readRows(state: State, added: string): CsvRows {
  const found: CsvRows = { rows: [], lines: [] };
  const text = state.rest === "" ? added : state.rest + added;
  const hasQuotes = state.open !== null || text.includes('"');
  const lineBreak = state.lineBreak ?? "\n";
  let at = 0;
  for (let end = text.indexOf(lineBreak, state.rest.length); end !== -1; end = text.indexOf(lineBreak, at)) {
    if (end - at > csvLineBytesMax) throw lineTooLong(state);
    const line = text.slice(at, text.charCodeAt(end - 1) === 0x0d && end > at ? end - 1 : end);
    if (hasQuotes) readLineWithQuotes(state, line, found);
    else if (line.trim() !== "") addRow(state, line.split(state.delimiter), state.line, found);
    state.line++;
    at = end + 1;
  }
  state.rest = text.slice(at);
  if (state.rest.length > csvLineBytesMax) throw lineTooLong(state);
  return found;
}

/** An odd number of quotes on a line opens or closes a cell that spans lines. */
function readLineWithQuotes(state: State, line: string, found: CsvRows): void {
  const isOdd = countQuotes(line) % 2 === 1;
  if (state.open === null && !isOdd) {
    if (line.trim() !== "") addRow(state, splitQuoted(state, line, state.line), state.line, found);
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
  addRow(state, splitQuoted(state, open.lines.join("\n"), open.line), open.line, found);
}

function countQuotes(line: string): number {
  let count = 0;
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) count++;
  return count;
}

/** A row with quotes to its cells: a cell is bare, or wholly in quotes with those inside doubled. Blanks may stand around the quotes. */
function splitQuoted(state: State, row: string, line: number): string[] {
  const cells: string[] = [];
  for (let at = 0; ; ) {
    const start = skipBlanks(row, at);
    if (row.charCodeAt(start) !== 0x22) {
      const end = row.indexOf(state.delimiter, at);
      const cell = row.slice(at, end === -1 ? row.length : end);
      if (cell.includes('"')) {
        throw quoteUnclosed(line, state, "A quote stands inside a cell; put the whole cell in quotes and double those inside.");
      }
      cells.push(cell);
      if (end === -1) return cells;
      at = end + 1;
      continue;
    }
    const close = closingQuote(row, start);
    if (close === -1) throw quoteUnclosed(line, state, "A quote that opens in this row is never closed.");
    cells.push(row.slice(start + 1, close).replaceAll('""', '"'));
    const next = row.startsWith(state.delimiter, close + 1) ? close + 1 : skipBlanks(row, close + 1);
    if (next === row.length) return cells;
    if (!row.startsWith(state.delimiter, next)) throw quoteUnclosed(line, state, "Something stands after a closing quote.");
    at = next + 1;
  }
}

function skipBlanks(row: string, from: number): number {
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

function addRow(state: State, cells: string[], line: number, found: CsvRows): void {
  const where = { line, row: state.rowCount };
  if (state.width === -1) {
    if (cells.length > csvColumnsMax) {
      throw new AppError("csv_too_many_columns", `The header has ${cells.length} columns; at most ${csvColumnsMax} are read.`, {
        details: { line, columns: cells.length, columns_max: csvColumnsMax },
      });
    }
    state.width = cells.length;
  } else if (cells.length !== state.width) {
    throw new AppError("csv_row_ragged", `Line ${line} (row ${state.rowCount}) has ${cells.length} cells, the header has ${state.width}.`, {
      details: { ...where, cells: cells.length, columns: state.width },
    });
  }
  for (const cell of cells) {
    if (cell.length > csvCellCharactersMax) {
      throw new AppError("csv_cell_too_long", `A cell on line ${line} has ${cell.length} characters; at most ${csvCellCharactersMax}.`, {
        details: { ...where, characters_max: csvCellCharactersMax },
      });
    }
  }
  state.rowCount++;
  found.rows.push(cells);
  found.lines.push(line);
}

function lineTooLong(state: State): AppError {
  const { line } = state;
  return new AppError("csv_line_too_long", `Line ${line} is longer than ${csvLineBytesMax} bytes. Has the file lost its line breaks?`, {
    details: { line, row: state.rowCount, bytes_max: csvLineBytesMax },
  });
}

function quoteUnclosed(line: number, state: State, says: string): AppError {
  return new AppError("csv_quote_unclosed", `Line ${line} (row ${state.rowCount}): ${says}`, { details: { line, row: state.rowCount } });
}

function badByte(state: State, bytes: Buffer, bad: { offset: number; is: "nul" | "not_utf8" }): AppError {
  const offset = state.bytesRead + bad.offset;
  const before = bytes.subarray(0, bad.offset).toString("latin1");
  const line = state.line + before.split(state.lineBreak ?? lineBreakOf(before)).length - 1;
  const details: ErrorDetails = { offset, line };
  if (bad.is === "nul") {
    return new AppError("csv_nul", `A NUL byte stands at offset ${offset} (line ${line}). Is it UTF-16? Save it as CSV UTF-8.`, {
      details,
    });
  }
  const byte = (bytes[bad.offset] as number).toString(16).toUpperCase().padStart(2, "0");
  const says = `Byte 0x${byte} at offset ${offset} (line ${line}) is not UTF-8. Save the file as CSV UTF-8, not as Windows-1252 or Latin-1.`;
  return new AppError("csv_encoding_invalid", says, { details });
}

// CSV from chunks of bytes to rows with their line numbers; every refusal names the line. Our own,
// because the bill depends on it: it gives each broken row a line, and is many times faster than
// csv-parse (decision 018). csv_reader.test.ts compares the two. Called by the import, the quote,
// and the console's worker.
//
// What a file may be:
//   - its first row that is not blank is the header; a line `sep=;` above it names the delimiter,
//     which
//     is otherwise judged over the first rows (csv_delimiter.ts);
//   - \n, \r\n and \r each end a row; within quotes they belong to the cell and are kept as they
//     stand;
//   - rows whose cells are all blank are nothing; missing last cells are empty, and so are extra
//     cells
//     that hold nothing;
//   - cells keep their outer whitespace; `valueAt` and the judges of numbers trim it;
//   - a row with more filled cells than the header, with a broken quote (csv_quotes.ts) or with a
//     cell
//     that is too long is rejected with its line, and the file is read on.
import { AppError, type ErrorDetails } from "../../contracts/errors.ts";
import { type Header, headerName, type RejectedRow, type RowFault, type Rows } from "../rows.ts";
import { findBadByte, magicBytesMax, refuseForeignFile } from "./csv_bytes.ts";
import { findDelimiter } from "./csv_delimiter.ts";
import {
  continueRow,
  type Line,
  type OpenRow,
  openRow,
  type QuotedCell,
  rowBroken,
  rowComplete,
  splitLine,
  textOfCell,
} from "./csv_quotes.ts";
import { latin1Of, newBytes, textOf } from "./csv_text.ts";

/**
 * The longest physical line: even the columns below, each with a cell longer than any text, are far
 * shorter.
 */
export const csvLineBytesMax = 1024 * 1024;
/**
 * The most characters that a quoted row may span; a row that goes on for longer has a quote that
 * was never closed.
 */
export const csvRowCharactersMax = 1024 * 1024;
/** As many characters as a spreadsheet lets one type into a cell. */
export const csvCellCharactersMax = 32_767;
/** As many columns as a spreadsheet has. Unused ones cost only the length of their cells. */
export const csvColumnsMax = 16_384;
/** The delimiter is judged by this much of a file; nothing is read before it has arrived. */
const sampleBytes = 64 * 1024;
/** A file that has no \n within this many bytes has lines that end with \r. */
const carriageReturnsFrom = 16 * 1024;

export interface CsvReader {
  /** The first row; null before it has ended. */
  readonly header: Header | null;
  /** What separates cells; null before it is known. */
  readonly delimiter: string | null;
  /**
   * The rows that end within this chunk, whose memory may be reused afterwards. @throws AppError
   * csv_*.
   */
  push(chunk: Uint8Array): Rows;
  /**
   * The last rows: those after the last line break, and those after a quote that was never closed.
   * @throws AppError csv_*.
   */
  end(): Rows;
}

type Found = { -readonly [name in keyof Rows]: Rows[name] } & { rejected: RejectedRow[] };

interface State {
  /**
   * Begins with the bytes after the last line break, `pendingLength` of them. Reused memory: see
   * `behindPending`.
   */
  pending: Uint8Array;
  pendingLength: number;
  /** Bytes before those. */
  bytesRead: number;
  /** The line that is read next. */
  line: number;
  /** Null until enough has arrived to judge it. */
  delimiter: string | null;
  /** An unfinished row, with its lines so far. */
  open: OpenRow | null;
  header: Header | null;
  /** Rows read, including the header and the rejected ones. */
  rowCount: number;
  /**
   * The next of each in the current text; past the end of the text if there is none. See `nextOf`.
   */
  ahead: { delimiter: number; quote: number; feed: number; carriageReturn: number };
  /** The result of the current chunk so far. */
  found: Found;
}

/** A reader for one file in UTF-8; `transcode` converts other encodings. */
export function createCsvReader(): CsvReader {
  const state = startState();
  return {
    get header() {
      return state.header;
    },
    get delimiter() {
      return state.delimiter;
    },
    push(chunk) {
      const bytes = behindPending(state, chunk);
      const isStarting = state.delimiter === null;
      if (isStarting && bytes.length >= magicBytesMax) refuseForeignFile(bytes);
      const length = isStarting && bytes.length < sampleBytes ? 0 : wholeLinesLength(bytes);
      const text = length === 0 ? "" : takeText(state, bytes, length, false);
      keepPending(state, bytes.subarray(length));
      const rows = readRows(state, text);
      if (state.pendingLength > csvLineBytesMax) throw lineTooLong(state);
      return rows;
    },
    end() {
      const text = takeText(state, state.pending.subarray(0, state.pendingLength), state.pendingLength, true);
      state.pendingLength = 0;
      const rows = readRows(state, text === "" ? "" : `${text}\n`);
      while (state.open !== null) breakOpenRow(state, state.open);
      closeRows(state);
      return rows;
    },
  };
}

function startState(): State {
  const found: Found = {
    count: 0,
    width: 0,
    text: "",
    bounds: new Int32Array(2),
    starts: new Int32Array(1),
    lines: new Int32Array(0),
    rejected: [],
    faults: new Map(),
  };
  return {
    pending: newBytes(0),
    pendingLength: 0,
    bytesRead: 0,
    line: 1,
    delimiter: null,
    open: null,
    header: null,
    rowCount: 0,
    ahead: { delimiter: -1, quote: -1, feed: -1, carriageReturn: -1 },
    found,
  };
}

/**
 * The chunk, preceded by what is pending. In one piece of memory for the whole file: allocating one
 * per chunk started a garbage collection every few hundred.
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

/** Copies them, also from one place in `pending` to its beginning. */
function keepPending(state: State, bytes: Uint8Array): void {
  if (bytes.length > state.pending.length) state.pending = newBytes(2 * bytes.length);
  state.pending.set(bytes);
  state.pendingLength = bytes.length;
}

/**
 * Length of the beginning of the bytes that ends with a line break; bytes of these values are never
 * part of another character. A \r as the very last byte may be half of \r\n.
 */
function wholeLinesLength(bytes: Uint8Array): number {
  const length = bytes.lastIndexOf(0x0a) + 1;
  if (length > 0 || bytes.length < carriageReturnsFrom) return length;
  return bytes.lastIndexOf(0x0d, bytes.length - 2) + 1;
}

/** Bytes to text. The first text decides the delimiter. */
function takeText(state: State, bytes: Uint8Array, length: number, isLast: boolean): string {
  const whole = bytes.subarray(0, length);
  if (state.delimiter === null) refuseForeignFile(whole);
  const bad = findBadByte(whole);
  if (bad !== null) throw badByte(state, whole, bad);
  state.bytesRead += length;
  const text = textOf(whole);
  return state.delimiter === null ? startText(state, text, latin1Of(bytes.subarray(0, sampleBytes)), isLast) : text;
}

/**
 * Strips the mark at the very beginning and a `sep=` line from the first text. Everything that
 * decides the delimiter is ASCII.
 */
function startText(state: State, text: string, bytesOfSample: string, isLast: boolean): string {
  const sample = bytesOfSample.replace(/^\u00ef\u00bb\u00bf/, "");
  const isWhole = isLast && bytesOfSample.length < sampleBytes;
  const { delimiter, skip } = findDelimiter(isWhole ? `${sample}\n` : sample);
  state.delimiter = delimiter;
  if (skip > 0) state.line++;
  return text.slice((text.startsWith("\ufeff") ? 1 : 0) + skip);
}

/** Reads whole lines. */
function readRows(state: State, text: string): Rows {
  const { found, ahead } = state;
  Object.assign(found, { count: 0, text });
  // whoever received them may have kept them
  if (found.rejected.length > 0) found.rejected = [];
  Object.assign(ahead, { delimiter: -1, quote: -1, feed: -1, carriageReturn: -1 });
  found.starts[0] = 2;
  for (let at = 0; at < text.length; ) {
    const end = Math.min(feedFrom(ahead, text, at), carriageReturnFrom(ahead, text, at));
    const isPair = ahead.carriageReturn === end && text.charCodeAt(end + 1) === 0x0a;
    const next = end + (isPair ? 2 : 1);
    if (end - at > csvLineBytesMax) throw lineTooLong(state);
    if (state.open !== null || state.header === null || quoteFrom(ahead, text, at) < end) {
      takeLine(state, { text: text.slice(at, end), lineBreak: text.slice(end, next) }, at);
    } else {
      if (!isBlank(text, at, end, state.delimiter)) readPlainLine(state, at, end);
      state.line++;
    }
    at = next;
  }
  closeRows(state);
  return found;
}

// One that is ahead is not searched for again: a file may have none. Written out, because a key as
// an argument slows the hot loop down (decision 018).
function feedFrom(ahead: State["ahead"], text: string, from: number): number {
  if (ahead.feed < from) ahead.feed = placeOf(text.indexOf("\n", from), text);
  return ahead.feed;
}

function carriageReturnFrom(ahead: State["ahead"], text: string, from: number): number {
  if (ahead.carriageReturn < from) ahead.carriageReturn = placeOf(text.indexOf("\r", from), text);
  return ahead.carriageReturn;
}

function quoteFrom(ahead: State["ahead"], text: string, from: number): number {
  if (ahead.quote < from) ahead.quote = placeOf(text.indexOf('"', from), text);
  return ahead.quote;
}

function delimiterFrom(state: State, from: number): number {
  const { ahead, found } = state;
  if (ahead.delimiter < from) ahead.delimiter = placeOf(found.text.indexOf(state.delimiter as string, from), found.text);
  return ahead.delimiter;
}

const placeOf = (index: number, { length }: string) => (index === -1 ? length : index);

/** Whether a line holds nothing but whitespace and delimiters. */
function isBlank(text: string, start: number, end: number, delimiter: string | null): boolean {
  if (start === end) return true;
  const code = text.charCodeAt(start);
  if (code > 0x20 && code < 0x80 && code !== delimiter?.charCodeAt(0)) return false;
  return (
    text
      .slice(start, end)
      .replaceAll(delimiter ?? ",", "")
      .trim() === ""
  );
}

/**
 * The hot loop: a line without quotes is cut in place, by searching, which is quicker than visiting
 * each character (decision 018).
 */
function readPlainLine(state: State, start: number, end: number): void {
  const { found } = state;
  const { width, text } = found;
  const bounds = withRoom(found, Math.min(width, end - start + 1));
  let to = found.starts[found.count] as number;
  const last = to + 2 * width;
  let longest = 0;
  for (let cellStart = start; cellStart <= end; ) {
    const cellEnd = Math.min(end, delimiterFrom(state, cellStart));
    if (to < last) {
      bounds[to++] = cellStart;
      bounds[to++] = cellEnd;
    } else if (cellEnd > cellStart && text.slice(cellStart, cellEnd).trim() !== "") {
      reject(state, "row_ragged", text.slice(start, end).split(state.delimiter as string), state.line);
      return;
    }
    if (cellEnd - cellStart > longest) longest = cellEnd - cellStart;
    cellStart = cellEnd + 1;
  }
  if (longest > csvCellCharactersMax) {
    reject(state, "cell_too_long", text.slice(start, end).split(state.delimiter as string), state.line);
    return;
  }
  closeRow(state, to, state.line);
}

/** The array of bounds, with room for one more row of `cells`. */
function withRoom(found: Found, cells: number): Int32Array {
  const { count } = found;
  if (count + 1 >= found.starts.length) {
    const starts = new Int32Array(2 * (count + 2));
    const lines = new Int32Array(2 * (count + 2));
    starts.set(found.starts);
    lines.set(found.lines);
    Object.assign(found, { starts, lines });
  }
  const needed = (found.starts[count] as number) + 2 * cells;
  if (needed > found.bounds.length) {
    const bounds = new Int32Array(2 * needed);
    bounds.set(found.bounds);
    found.bounds = bounds;
  }
  return found.bounds;
}

/** The bounds of a row are written, up to `end`. */
function closeRow({ found }: State, end: number, line: number): void {
  found.lines[found.count++] = line;
  found.starts[found.count] = end;
}

/** Rows are counted when a chunk has been read, not one by one. */
function closeRows(state: State): void {
  const { count, rejected } = state.found;
  state.rowCount += count + rejected.length;
}

function reject({ found }: State, reason: RowFault, cells: readonly string[], line: number): void {
  found.rejected.push({ line, reason, cells });
}

/**
 * A line of a row with quotes, or of the header. `at`: its offset in the text; null if it is not
 * part of it.
 */
function takeLine(state: State, line: Line, at: number | null): void {
  const delimiter = state.delimiter as string;
  const { open } = state;
  const lineNo = state.line++;
  if (open === null) {
    if (isBlank(line.text, 0, line.text.length, delimiter)) return;
    const cells: QuotedCell[] = [];
    const ended = splitLine(line.text, delimiter, 0, cells);
    if (ended === rowComplete) addRow(state, line.text, cells, at, lineNo);
    else if (ended === rowBroken) breakRow(state, line.text, lineNo);
    else state.open = openRow(line, lineNo, cells, ended);
    return;
  }
  const became = continueRow(open, line, delimiter);
  if (became === "broken" || open.characters > csvRowCharactersMax) breakOpenRow(state, open);
  else if (became === "complete") {
    state.open = null;
    addRow(
      state,
      "",
      open.cells.map((changed) => ({ start: 0, end: 0, changed })),
      null,
      open.line,
    );
  }
}

/**
 * The quote was never closed: the row's first line is rejected, and those after it are read again.
 */
function breakOpenRow(state: State, open: OpenRow): void {
  const [first, ...rest] = open.lines as [Line, ...Line[]];
  state.open = null;
  breakRow(state, first.text, open.line);
  const { line } = state;
  state.line = open.line + 1;
  for (const again of rest) takeLine(state, again, null);
  state.line = line;
}

function breakRow(state: State, row: string, line: number): void {
  if (state.header === null) {
    throw new AppError("csv_quote_unclosed", `Line ${line}: a quote in the header is never closed, or is followed by something else.`, {
      details: { line, row: 0 },
    });
  }
  reject(state, "quote_unclosed", [row], line);
}

/** Appends to the chunk what does not occur in it in this form; returns where. */
function putBehind({ found }: State, text: string): number {
  const at = found.text.length;
  found.text += text;
  return at;
}

/** A row whose cells are offsets into `row`, which begins at `at` in the chunk's text. */
function addRow(state: State, row: string, cells: readonly QuotedCell[], at: number | null, line: number): void {
  const { found } = state;
  if (state.header === null) {
    closeHeader(state, textsOf(row, cells), line);
    return;
  }
  const { width } = found;
  const filled = filledCells(row, cells);
  if (filled === 0) return;
  if (filled > width) {
    reject(state, "row_ragged", textsOf(row, cells), line);
    return;
  }
  const bounds = withRoom(found, Math.min(width, cells.length));
  let to = found.starts[found.count] as number;
  for (let column = 0; column < cells.length && column < width; column++) {
    const cell = cells[column] as QuotedCell;
    const { start, end, changed } = cell;
    const length = changed === null ? end - start : changed.length;
    if (length > csvCellCharactersMax) {
      reject(state, "cell_too_long", textsOf(row, cells), line);
      return;
    }
    const from = changed === null && at !== null ? at + start : putBehind(state, textOfCell(row, cell));
    bounds[to++] = from;
    bounds[to++] = from + length;
  }
  closeRow(state, to, line);
}

const textsOf = (row: string, cells: readonly QuotedCell[]) => cells.map((cell) => textOfCell(row, cell));

/** The number of cells up to the last non-blank one. */
function filledCells(row: string, cells: readonly QuotedCell[]): number {
  for (let count = cells.length; count > 0; count--) {
    const cell = cells[count - 1] as QuotedCell;
    const first = cell.changed === null ? row.charCodeAt(cell.start) : cell.changed.charCodeAt(0);
    const isPlain = cell.end > cell.start && first > 0x20 && first < 0x80;
    if (isPlain || textOfCell(row, cell).trim() !== "") return count;
  }
  return 0;
}

function closeHeader(state: State, cells: string[], line: number): void {
  if (cells.length > csvColumnsMax) {
    throw new AppError("csv_too_many_columns", `The header has ${cells.length} columns; at most ${csvColumnsMax} are read.`, {
      details: { line, columns: cells.length, columns_max: csvColumnsMax },
    });
  }
  if (cells.some((cell) => cell.length > csvCellCharactersMax)) {
    throw new AppError("csv_cell_too_long", `A cell on line ${line} has more than ${csvCellCharactersMax} characters.`, {
      details: { line, row: 0, characters_max: csvCellCharactersMax },
    });
  }
  state.header = { cells: cells.map(headerName), line };
  state.found.width = cells.length;
  state.rowCount = 1;
}

function lineTooLong(state: State): AppError {
  const { line } = state;
  return new AppError("csv_line_too_long", `Line ${line} is longer than ${csvLineBytesMax} bytes. Has the file lost its line breaks?`, {
    details: { line, row: state.rowCount, bytes_max: csvLineBytesMax },
  });
}

function badByte(state: State, bytes: Uint8Array, bad: { offset: number; is: "nul" | "not_utf8" }): AppError {
  const offset = state.bytesRead + bad.offset;
  const line = state.line + latin1Of(bytes.subarray(0, bad.offset)).split(/\r\n|\r|\n/).length - 1;
  const details: ErrorDetails = { offset, line };
  if (bad.is === "nul") {
    return new AppError("csv_nul", `There is a NUL byte at offset ${offset} (line ${line}). Save the file as CSV UTF-8.`, {
      details,
    });
  }
  const byte = (bytes[bad.offset] as number).toString(16).toUpperCase().padStart(2, "0");
  const reason = `Byte 0x${byte} at offset ${offset} (line ${line}) is not UTF-8. Save the file as CSV UTF-8, or name its encoding.`;
  return new AppError("csv_encoding_invalid", reason, { details });
}

// Quotes in CSV: where a cell ends, and which rows are broken. Called by csv_reader.ts, line by
// line.
//
//   "a ""b"" c"   a cell in quotes; a quote inside is written twice; spaces around are fine
//   5" pipe       a quote inside a cell that does not begin with one is a character
//   "a" b         something behind a closing quote: the row is broken
//   "a            a quote that is never closed, or is closed by the next quote of a later row, so
//                 that something stands behind it: the row is broken, and reading resumes on its
//                 second line

/** A cell between two offsets of its line, or its text once its duplicated quotes are single. */
export interface QuotedCell {
  start: number;
  end: number;
  changed: string | null;
}

/**
 * How a line ended: with the row, with a fault, or (from 0 up) within the quoted cell that begins
 * there.
 */
export const rowComplete = -1;
export const rowBroken = -2;

/**
 * Cuts a line from `from` on, which is outside quotes, and adds its cells. Returns how it ended.
 */
export function splitLine(line: string, delimiter: string, from: number, cells: QuotedCell[]): number {
  for (let at = from; ; ) {
    const start = skipSpaces(line, at);
    if (line.charCodeAt(start) !== 0x22) {
      const next = line.indexOf(delimiter, at);
      const end = next === -1 ? line.length : next;
      cells.push({ start: at, end, changed: null });
      if (next === -1) return rowComplete;
      at = end + 1;
      continue;
    }
    const close = closingQuote(line, start + 1);
    if (close === -1) return start + 1;
    const inner = line.slice(start + 1, close);
    cells.push({ start: start + 1, end: close, changed: inner.includes('"') ? inner.replaceAll('""', '"') : null });
    const next = behindQuote(line, delimiter, close);
    if (next < 0) return next;
    at = next;
  }
}

/** Where the next cell begins after a closing quote, or how the row ends there. */
function behindQuote(line: string, delimiter: string, close: number): number {
  const next = line.startsWith(delimiter, close + 1) ? close + 1 : skipSpaces(line, close + 1);
  if (next === line.length) return rowComplete;
  return line.startsWith(delimiter, next) ? next + 1 : rowBroken;
}

function skipSpaces(line: string, from: number): number {
  let at = from;
  while (line.charCodeAt(at) === 0x20) at++;
  return at;
}

/** The first quote from `from` on that is not duplicated; -1 when there is none. */
function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at !== -1; at = line.indexOf('"', at + 2)) {
    if (line.charCodeAt(at + 1) !== 0x22) return at;
  }
  return -1;
}

export interface Line {
  text: string;
  /** \n, \r\n or \r: kept when the line ends within a cell. */
  lineBreak: string;
}

/** An unfinished row: its last cell is open. */
export interface OpenRow {
  /** Line on which it began. */
  line: number;
  lines: Line[];
  characters: number;
  /** Cells that have ended. */
  cells: string[];
  /** The open one so far, its quotes still duplicated. */
  part: string;
}

/** A row whose first line ended within the quoted cell that begins at `openAt`. */
export function openRow(first: Line, line: number, closed: readonly QuotedCell[], openAt: number): OpenRow {
  return {
    line,
    lines: [first],
    characters: first.text.length,
    cells: closed.map((cell) => textOfCell(first.text, cell)),
    part: first.text.slice(openAt) + first.lineBreak,
  };
}

/** Takes the next line of an open row. */
export function continueRow(row: OpenRow, next: Line, delimiter: string): "open" | "complete" | "broken" {
  const { text, lineBreak } = next;
  row.lines.push(next);
  row.characters += text.length + lineBreak.length;
  const close = closingQuote(text, 0);
  if (close === -1) {
    row.part += text + lineBreak;
    return "open";
  }
  row.cells.push((row.part + text.slice(0, close)).replaceAll('""', '"'));
  const behind = behindQuote(text, delimiter, close);
  if (behind === rowComplete) return "complete";
  if (behind === rowBroken) return "broken";
  const cells: QuotedCell[] = [];
  const ended = splitLine(text, delimiter, behind, cells);
  for (const cell of cells) row.cells.push(textOfCell(text, cell));
  if (ended === rowComplete) return "complete";
  if (ended === rowBroken) return "broken";
  row.part = text.slice(ended) + lineBreak;
  return "open";
}

export function textOfCell(line: string, { start, end, changed }: QuotedCell): string {
  return changed ?? line.slice(start, end);
}

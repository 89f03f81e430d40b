// What separates the cells of a CSV file: named by a line `sep=;`, or judged by its first rows.
// Called by csv_reader.ts once, with the beginning of the file.
import { continueRow, type OpenRow, openRow, type QuotedCell, rowBroken, splitLine, textOfCell } from "./csv_quotes.ts";

/** In the order that decides a tie: a comma also occurs in prose, in names and in amounts. */
const delimiters = ["\t", ";", "|", ","] as const;
/** The number of rows that are judged. */
const rowsMax = 100;
/**
 * A whole cell that looks like a number with at least six digits: what a list of contacts has in
 * each row.
 */
const phoneLike = /^[\s"'=]*\+?(?:[\s().\-/]*\d){6,}[\s".-]*$/;

export interface Delimiter {
  delimiter: string;
  /** Characters of the `sep=` line with its line break, which is no row; 0 when there is none. */
  skip: number;
}

/**
 * The delimiter of a file that begins with `sample`: whole lines, without a byte order mark.
 * `sep=X` on the first line is obeyed, as in Excel, whatever X is. Otherwise the one that gives the
 * most rows as many cells as the header and a cell that is just a phone number; a comma for a file
 * of one column.
 */
export function findDelimiter(sample: string): Delimiter {
  const named = /^"?sep=([^\r\n"])\1*"?[;,\t ]*(?:\r\n|\r|\n|$)/i.exec(sample);
  if (named !== null) return { delimiter: named[1] as string, skip: named[0].length };
  let best = { delimiter: ",", score: 0, spaces: 0, count: 0 };
  for (const delimiter of delimiters) {
    const found = { delimiter, ...scoreOf(sample, delimiter) };
    if (found.score > best.score || (found.score === best.score && isBetter(found, best))) best = found;
  }
  return { delimiter: best.delimiter, skip: 0 };
}

interface Score {
  score: number;
  /** Cells that begin with a space, as after a comma in prose. */
  spaces: number;
  /** Columns of the header. */
  count: number;
}

const isBetter = (one: Score, other: Score) => one.spaces < other.spaces || (one.spaces === other.spaces && one.count > other.count);

function scoreOf(sample: string, delimiter: string): Score {
  const [header, ...rows] = rowsOf(sample, delimiter);
  if (header === undefined || header.length < 2) return { score: 0, spaces: 0, count: 0 };
  const count = header.length;
  const spaces = [header, ...rows].flat().filter((cell) => cell.startsWith(" ")).length;
  if (rows.length === 0) return { score: count / 10_000, spaces, count };
  const fitting = rows.filter((cells) => cells.length > 1 && cells.slice(count).every((cell) => cell.trim() === "")).length;
  const withNumber = rows.filter((cells) => cells.some((cell) => phoneLike.test(cell))).length;
  return { score: (fitting + 2 * withNumber) / rows.length, spaces, count };
}

/**
 * The sample's first rows that are not blank, cut at `delimiter`; one with a broken quote has no
 * cells.
 */
function rowsOf(sample: string, delimiter: string): string[][] {
  const rows: string[][] = [];
  let open: OpenRow | null = null;
  for (const [, text = "", lineBreak = ""] of sample.matchAll(/([^\r\n]*)(\r\n|\r|\n)/gy)) {
    if (rows.length > rowsMax) break;
    if (open !== null) {
      const state = continueRow(open, { text, lineBreak }, delimiter);
      if (state === "open") continue;
      rows.push(state === "complete" ? open.cells : []);
      open = null;
      continue;
    }
    if (text.replaceAll(delimiter, "").trim() === "") continue;
    const cells: QuotedCell[] = [];
    const ended = splitLine(text, delimiter, 0, cells);
    if (ended >= 0) open = openRow({ text, lineBreak }, 0, cells, ended);
    else rows.push(ended === rowBroken ? [] : cells.map((cell) => textOfCell(text, cell)));
  }
  return rows;
}

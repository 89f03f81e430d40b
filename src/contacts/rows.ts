// A file's rows, whatever its kind: what the CSV reader and the workbook reader pass to whoever
// judges them. No row becomes an object: a cell is two offsets into a text, and becomes a string
// only when needed. Called by the import, the quote, and the console's worker. Pure, also for the
// browser.

import { AppError } from "../contracts/errors.ts";
import type { RejectReason } from "../contracts/states.ts";
import { textOfFormula } from "./exports/cells.ts";

/** Why a row cannot be used at all, whatever its columns mean. */
export const rowFaults = ["row_ragged", "quote_unclosed", "cell_too_long"] as const satisfies readonly RejectReason[];
export type RowFault = (typeof rowFaults)[number];

/** Why a cell cannot be used; its row is rejected only when the campaign uses its column. */
export const cellFaults = ["formula_without_value", "digits_lost"] as const satisfies readonly RejectReason[];
export type CellFault = (typeof cellFaults)[number];

export interface RejectedRow {
  /** Line (CSV) or row number (workbook) on which it begins, counted from 1. */
  line: number;
  reason: RowFault;
  /** All its cells; for a row with broken quotes, its first line unchanged. */
  cells: readonly string[];
}

/**
 * Rows in file order, without the header. Valid until the next are requested: arrays are reused.
 */
export interface Rows {
  readonly count: number;
  /** Columns of the header. A row may have fewer cells, never more. */
  readonly width: number;
  /** The text that the cells are cut from. */
  readonly text: string;
  /** Start and end of each cell in `text`. The first pair is the empty cell: see `boundsAt`. */
  readonly bounds: Int32Array;
  /** Where in `bounds` each row begins, followed by where the last one ends. */
  readonly starts: Int32Array;
  /** Line on which each row begins, counted from 1. */
  readonly lines: Int32Array;
  /** Rows between these that cannot be used. They are not included in `count`. */
  readonly rejected: readonly RejectedRow[];
  /** Cells that cannot be used, by `row * width + column`; see `faultOf`. Almost always empty. */
  readonly faults: ReadonlyMap<number, CellFault>;
}

export interface Header {
  /** Names of the columns, without invisible marks; see `headerName`. */
  cells: readonly string[];
  line: number;
  /** Names of columns of a workbook that are hidden, and so are none of `cells`. */
  hidden?: readonly string[];
}

/** What the file yields, once. */
export interface RowSource {
  /** The first row that is not empty; null until it has been read. */
  readonly header: Header | null;
  /** What stands between the cells of a CSV file; null for a workbook, or before it is known. */
  readonly delimiter: string | null;
  /** All rows, in batches; ask for the next when you are done with one. @throws AppError. */
  rows(): AsyncIterable<Rows>;
}

/**
 * The index in `bounds` of a cell's start; its end follows. A cell that the row does not have is
 * empty.
 */
export function boundsAt({ starts }: Rows, row: number, column: number): number {
  const at = (starts[row] as number) + 2 * column;
  return at < (starts[row + 1] as number) ? at : 0;
}

/**
 * A cell as it stands in the file: with outer whitespace and its own line breaks, without its
 * quotes. `="text"`, by which a spreadsheet is told that digits are a text, is that text.
 */
export function cellOf(rows: Rows, row: number, column: number): string {
  const at = boundsAt(rows, row, column);
  return textOfFormula(rows.text.slice(rows.bounds[at], rows.bounds[at + 1]));
}

/**
 * A cell as people read it in a text: outer whitespace is trimmed, and every line break (\r\n, \r
 * or \n) within is one \n, one character of the text.
 */
export function valueAt(rows: Rows, row: number, column: number): string {
  const cell = cellOf(rows, row, column).trim();
  return cell.includes("\r") ? cell.replace(/\r\n?/g, "\n") : cell;
}

/** All cells of a row, as many as the header has. */
export function cellsOf(rows: Rows, row: number): string[] {
  return Array.from({ length: rows.width }, (_, column) => cellOf(rows, row, column));
}

/** Why a cell cannot be used, or null. */
export function faultOf({ faults, width }: Rows, row: number, column: number): CellFault | null {
  return faults.size === 0 ? null : (faults.get(row * width + column) ?? null);
}

/** Fewer rejected rows than this never stop a file, however short it is. */
const rejectedRowsFew = 20;
const rejectedShareMax = 0.05;

/**
 * Whether so many of a file's rows are broken that it is not the table it appears to be. `rows`
 * counts all of them, including the rejected ones.
 */
export function areTooManyRejected(rejected: number, rows: number): boolean {
  return rejected > rejectedRowsFew && rejected > rows * rejectedShareMax;
}

/**
 * The refusal of such a file, the same wherever it is judged. `lines`: the first rejects, for
 * programs.
 */
export function tooManyBroken(broken: number, rows: number, lines: string[]): AppError {
  const reason = `${broken} of the ${rows} rows are broken (more cells than the header, or a quote that is never closed).`;
  return new AppError("csv_rows_broken", `${reason} Is the header's delimiter used in all rows?`, { details: { broken, rows, lines } });
}

/** Invisible marks at either end of a name. */
const outerMarks = /^[\s\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+/;
/**
 * Those that mean nothing inside a word either, unlike the joiners U+200C and U+200D, which Persian
 * spelling uses.
 */
const innerMarks = /[\u00ad\u180e\u200b\u2060\ufeff]/g;

/** A column's name as people see it: without invisible marks and without outer whitespace. */
export function headerName(cell: string): string {
  const plain = textOfFormula(cell.trim());
  if (/^[\x20-\x7e]*$/.test(plain)) return plain;
  const start = plain.replace(outerMarks, "");
  const turned = [...start].reverse().join("").replace(outerMarks, "");
  return [...turned].reverse().join("").replace(innerMarks, "");
}

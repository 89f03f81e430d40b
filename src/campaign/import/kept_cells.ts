// What is kept of a rejected row: its own cells, so that it can be fixed and sent again, within
// bounds. Called by judge_rows.ts for each reject.
import { cellsOf, type RejectedRow, type Rows } from "../../contacts/rows.ts";

/** Characters of a cell: more than most texts may have. */
export const keptCellCharactersMax = 1_000;
/** And UTF-16 units of all cells of a row. */
export const keptRowCharactersMax = 8_000;
/** Stands at the end of what was cut. */
const cutMark = "…";

export interface KeptCells {
  /** As a literal of Postgres' text[]: one string, a million of which are moved more quickly. */
  literal: string;
  /** Some are cut, and end with `…`. */
  isCut: boolean;
}

/** Of a row that was judged. `used`: the columns that the campaign uses are cut last. */
export function keptCellsOf(rows: Rows, row: number, used: readonly number[]): KeptCells {
  return keep(cellsOf(rows, row), used);
}

/**
 * Of a row that is broken. One whose cells nobody knows stands whole in the first column: sent
 * again as it is, it is nobody's number and rejected again.
 */
export function keptCellsOfBroken({ reason, cells }: RejectedRow, separator: string, used: readonly number[]): KeptCells {
  return keep(reason === "row_ragged" ? [cells.join(separator)] : cells, used);
}

function keep(cells: readonly string[], used: readonly number[]): KeptCells {
  const kept = new Array<string>(cells.length).fill("");
  let room = keptRowCharactersMax;
  let isCut = false;
  const keepCell = (column: number) => {
    const cell = cells[column] ?? "";
    if (cell === "" || kept[column] !== "") return;
    const whole = cut(cell, Math.min(keptCellCharactersMax, room));
    if (whole.length < cell.length) isCut = true;
    kept[column] = whole.length < cell.length ? `${whole}${cutMark}` : cell;
    room -= whole.length;
  };
  for (const column of used) keepCell(column);
  for (let column = 0; column < cells.length; column++) keepCell(column);
  return { literal: literalOf(kept.slice(0, lengthWithoutEmpty(kept))), isCut };
}

/** No half of a character is left. */
function cut(cell: string, length: number): string {
  if (cell.length <= length) return cell;
  const last = cell.charCodeAt(length - 1);
  return cell.slice(0, last >= 0xd800 && last < 0xdc00 ? Math.max(0, length - 1) : length);
}

function lengthWithoutEmpty(cells: readonly string[]): number {
  let length = cells.length;
  while (length > 0 && cells[length - 1] === "") length--;
  return length;
}

/**
 * Copied: a piece of a string keeps the whole of it, here 64 kB of the file, from being freed. Half
 * characters become U+FFFD on the way.
 */
function literalOf(cells: readonly string[]): string {
  const quoted = cells.map((cell) => `"${cell.replaceAll("\0", "").replace(/["\\]/g, "\\$&")}"`);
  return Buffer.from(`{${quoted.join(",")}}`).toString();
}

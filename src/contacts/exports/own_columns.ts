// The columns that a rejects file has beside the file's own, and the same file sent again: they are
// no columns of the people in it, and its cells are what they were before we wrote them. Pure, also
// for the browser. Everybody who opens a file of contacts reads it through `withoutOwnColumns`.
import { columnKey } from "../../sms/template.ts";
import { boundsAt, type CellFault, type Header, headerName, type RejectedRow, type RowSource, type Rows } from "../rows.ts";
import { originalCell } from "./cells.ts";

/** In this order, behind the file's own. The last is a name that no list of people has. */
export const ownColumns = ["line", "reason", "what_to_do"] as const;

/**
 * Places of our columns: wherever `what_to_do` stands, with `reason` and `line` directly before it.
 * Columns that somebody moved or added are his own.
 */
function placesOfOwn(header: readonly string[]): ReadonlySet<number> {
  const places = new Set<number>();
  for (let end = 0; end < header.length; end++) {
    for (let back = 0; back < ownColumns.length; back++) {
      if (columnKey(header[end - back] ?? "") !== ownColumns[ownColumns.length - 1 - back]) break;
      places.add(end - back);
    }
  }
  return places;
}

/** The same rows without our columns and with the cells that we escaped as they were. */
export function withoutOwnColumns(source: RowSource): RowSource {
  let own: { header: Header; kept: readonly number[] } | null | undefined;
  const find = (header: Header) => {
    if (own !== undefined) return own;
    const places = placesOfOwn(header.cells);
    const kept = header.cells.map((_, column) => column).filter((column) => !places.has(column));
    const cells = kept.map((column) => headerName(originalCell(header.cells[column] as string)));
    own = places.size === 0 ? null : { header: { cells, line: header.line }, kept };
    return own;
  };
  return {
    get header() {
      return source.header === null ? null : (find(source.header)?.header ?? source.header);
    },
    get delimiter() {
      return source.delimiter;
    },
    async *rows() {
      for await (const rows of source.rows()) {
        const found = source.header === null ? null : find(source.header);
        yield found === null ? rows : originalRows(rows, found.kept);
      }
    },
  };
}

/** The columns that are kept, each cell as it was. */
function originalRows(rows: Rows, kept: readonly number[]): Rows {
  const { count, text, faults, width } = rows;
  const bounds = new Int32Array(2 + 2 * count * kept.length);
  const starts = new Int32Array(count + 1);
  const pieces: string[] = [];
  const kinds = new Map<number, CellFault>();
  let length = text.length;
  let to = 2;
  for (let row = 0; row < count; row++) {
    starts[row] = to;
    for (const [place, column] of kept.entries()) {
      const at = boundsAt(rows, row, column);
      const [start, end] = [rows.bounds[at] as number, rows.bounds[at + 1] as number];
      const fault = faults.size === 0 ? undefined : faults.get(row * width + column);
      if (fault !== undefined) kinds.set(row * kept.length + place, fault);
      const cell = text.slice(start, end);
      const original = originalCell(cell);
      const isChanged = original !== cell;
      if (isChanged) pieces.push(original);
      bounds[to++] = isChanged ? length : start;
      bounds[to++] = isChanged ? length + original.length : end;
      if (isChanged) length += original.length;
    }
  }
  starts[count] = to;
  const rejected = rows.rejected.map((row) => ({ ...row, cells: originalCells(row, kept, width) }));
  return { ...rows, width: kept.length, text: text + pieces.join(""), bounds, starts, rejected, faults: kinds };
}

/** A row with more cells than the header keeps those; of a broken line nobody knows the cells. */
function originalCells({ reason, cells }: RejectedRow, kept: readonly number[], width: number): string[] {
  if (reason === "quote_unclosed") return [...cells];
  return [...kept.map((column) => cells[column] ?? ""), ...cells.slice(width)].map(originalCell);
}

// The first rows of a file, kept until the columns are known, then judged like all others. Called
// by import_campaign.ts and by the console's worker.
import { createColumnCensus, type PhoneColumnVerdict } from "../columns/phone_column.ts";
import { cellOf, type Rows } from "../rows.ts";

export interface ColumnSample {
  /** Takes the rows into account and keeps a copy. True: no more are needed. */
  add(rows: Rows): boolean;
  verdict(): PhoneColumnVerdict;
  /** All rows that were added, in order. */
  readonly rows: readonly Rows[];
}

export function createColumnSample(header: readonly string[], options: { country: string }): ColumnSample {
  const census = createColumnCensus(header, options);
  const kept: Rows[] = [];
  return {
    rows: kept,
    add(rows) {
      for (let row = 0; row < rows.count && !census.isFull; row++) census.add((column) => cellOf(rows, row, column));
      kept.push(copyOf(rows));
      return census.isFull;
    },
    verdict: () => census.verdict(),
  };
}

/** The reader reuses its arrays, but not those of rejected rows and of cell faults. */
function copyOf({ count, width, text, bounds, starts, lines, rejected, faults }: Rows): Rows {
  return {
    count,
    width,
    text,
    bounds: bounds.slice(0, starts[count]),
    starts: starts.slice(0, count + 1),
    lines: lines.slice(0, count),
    rejected,
    faults,
  };
}

// The first rows of a file, kept until it is known which columns they have; then they are judged
// like all others.
// Called by import_campaign.ts and by the console's worker.
import { createColumnCensus, type PhoneColumnVerdict } from "../columns/phone_column.ts";
import { cellOf, type Rows } from "../rows.ts";

export interface ColumnSample {
  /** Looks at the rows and keeps a copy of them. True: no more are needed. */
  add(rows: Rows): boolean;
  verdict(): PhoneColumnVerdict;
  /** All rows that were added, in their order. */
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

/** The reader uses its arrays again; what it rejected, and the faults of cells, it leaves to us. */
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

// The first rows of a file, kept until it is known which columns they have; then they are judged
// like all others.
// Called by import_campaign.ts and by the console's worker.
import { createColumnCensus, type PhoneColumnVerdict } from "../columns/phone_column.ts";
import { type CsvRows, cellOf } from "./csv_reader.ts";

export interface ColumnSample {
  /** Looks at the rows and keeps a copy of them. True: no more are needed. */
  add(rows: CsvRows): boolean;
  verdict(): PhoneColumnVerdict;
  /** All rows that were added, in their order. */
  readonly rows: readonly CsvRows[];
}

export function createColumnSample(header: readonly string[], options: { country: string }): ColumnSample {
  const census = createColumnCensus(header, options);
  const kept: CsvRows[] = [];
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

/** The reader uses its arrays again. */
function copyOf({ count, width, text, bounds, lines }: CsvRows): CsvRows {
  return { count, width, text, bounds: bounds.slice(0, 2 * count * width), lines: lines.slice(0, count) };
}

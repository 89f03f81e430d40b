// How many phone numbers a table begins with, which distinguishes the sheet with the people from
// the others. Called by the import, the quote and the console for each sheet of a workbook.
import { cellOf, type Header, type Rows } from "../rows.ts";
import { createColumnCensus } from "./phone_column.ts";

/**
 * Numbers in the column that would be used, or in the first of those that somebody must choose
 * between.
 */
export function countPhoneNumbers({ header, rows }: { header: Header | null; rows: Rows }, country: string): number {
  if (header === null) return 0;
  const census = createColumnCensus(header.cells, { country });
  for (let row = 0; row < rows.count && !census.isFull; row++) census.add((column) => cellOf(rows, row, column));
  const verdict = census.verdict();
  if (verdict.kind === "none") return 0;
  return verdict.kind === "column" ? verdict.column.numbers : (verdict.candidates[0]?.numbers ?? 0);
}

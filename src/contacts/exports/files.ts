// The two CSV files by which a campaign is followed up, line by line: the report of its messages
// and the rows that it rejected. The same whether salesapi writes them or whoever has the file at
// hand joins them with it (join.ts). UTF-8 with its mark, \r\n; cells as cells.ts writes them.
import type { RejectReason } from "../../contracts/states.ts";
import { rejectFixes, rowCutWords } from "../../contracts/words.ts";
import { csvLine } from "./cells.ts";
import { ownColumns } from "./own_columns.ts";
import type { Separator } from "./separator.ts";

/** The mark by which Excel knows UTF-8. */
const byteOrderMark = "\ufeff";

/** Columns of report.csv. `line` is empty for what was imported before lines were kept. */
export const reportColumns = ["line", "row_no", "msisdn", "status", "reason", "parts", "error_code", "sent_at", "done_at"] as const;
/** Columns of rejects.csv where the rows' own cells were not kept yet. */
export const bareRejectColumns = ["line", "reason", "value"] as const;

export type Cells = readonly (string | number | null)[];

/** The first line of either file. */
export function headerLine(columns: Cells, separator: Separator): string {
  return byteOrderMark + csvLine(columns, separator);
}

/** Names of the columns of rejects.csv, or of the same joined with its file. */
export function rejectColumns(fileColumns: readonly string[]): string[] {
  return [...fileColumns, ...ownColumns];
}

/** A rejected row; one with fewer cells than columns has empty ones at its end. */
export function rejectCells(
  columns: number,
  { line, reason, cells, isCut }: { line: number; reason: string; cells: readonly string[]; isCut: boolean },
): Cells {
  const fix = Object.hasOwn(rejectFixes, reason) ? rejectFixes[reason as RejectReason] : "";
  const own = Array.from({ length: columns }, (_, column) => cells[column] ?? "");
  return [...own, line, reason, isCut ? `${fix} ${rowCutWords}` : fix];
}

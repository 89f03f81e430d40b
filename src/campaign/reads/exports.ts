// A campaign's CSV exports: the report of its messages, and the rows of its file that were
// rejected, with their own cells. Called by the routes of salesapi. Every statement is restricted
// to the workspace.
import { csvLine } from "../../contacts/exports/cells.ts";
import { bareRejectColumns, type Cells, headerLine, rejectCells, rejectColumns, reportColumns } from "../../contacts/exports/files.ts";
import type { Separator } from "../../contacts/exports/separator.ts";
import type { CarrierAnswer } from "../../contracts/carriers.ts";
import { messageReason, simulatedWords } from "../../contracts/words.ts";
import type { Sql } from "../../platform/postgres.ts";
import { carrierColumn } from "../lifecycle/campaign_rows.ts";
import { type MessageRow, messageColumns, notFound, toMessage } from "./campaign_reads.ts";

/**
 * Rows that an export reads at a time: bounded memory, short statements, and no transaction held
 * while the client reads.
 */
const reportPageRows = 5_000;
/** A row's cells may be thousands of characters. */
const rejectPageRows = 1_000;

interface Campaign {
  /** Null: no row was rejected, or before their cells were kept. */
  fileColumns: string[] | null;
  csvSeparator: Separator;
  carrier: CarrierAnswer;
}

async function findCampaign(sql: Sql, workspaceId: string, bulksmsId: string): Promise<Campaign> {
  const [found] = await sql<Campaign[]>`
    select file_columns as "fileColumns", csv_separator as "csvSeparator", ${carrierColumn(sql)} as carrier
    from bulksms b where id = ${bulksmsId} and workspace_id = ${workspaceId}`;
  if (found === undefined) throw notFound();
  return found;
}

/**
 * GET report.csv: every message with its line of the file, its state and why; of a simulated
 * campaign each row says that it is one, because a report is passed on without its page.
 * @throws AppError bulksms_not_found, before the first line
 */
export async function exportReport(sql: Sql, workspaceId: string, bulksmsId: string): Promise<AsyncIterable<string>> {
  const { csvSeparator, carrier } = await findCampaign(sql, workspaceId, bulksmsId);
  const remark = carrier.simulated ? ` (${simulatedWords})` : "";
  return lines([...reportColumns], csvSeparator, reportPageRows, async (cursor) => {
    const rows = await sql<(MessageRow & { line: number | null })[]>`
      select ${messageColumns(sql)}, m.line from bulksms_info m
      where m.bulksms_id = ${bulksmsId} and m.row_no > ${cursor} order by m.row_no limit ${reportPageRows}`;
    return rows.map((row) => {
      const { row_no, msisdn, status, parts, error_code, sent_at, done_at } = toMessage(row);
      const reason = messageReason(status, error_code) + remark;
      return { key: row_no, cells: [row.line, row_no, msisdn, status, reason, parts, error_code, sent_at, done_at] };
    });
  });
}

/**
 * GET rejects.csv: every rejected row under the file's own header, with its line, the reason and
 * what to do. Of a campaign from before cells were kept: line, reason and the number's cell. A row
 * that was refused when the campaign got another carrier has its number in the first column.
 * @throws AppError bulksms_not_found
 */
export async function exportRejects(sql: Sql, workspaceId: string, bulksmsId: string): Promise<AsyncIterable<string>> {
  const { csvSeparator, fileColumns } = await findCampaign(sql, workspaceId, bulksmsId);
  const columns = fileColumns === null ? [...bareRejectColumns] : rejectColumns(fileColumns);
  return lines(columns, csvSeparator, rejectPageRows, async (cursor) => {
    const rows = await sql<{ line: number; reason: string; value: string; cells: string[] | null; isCut: boolean }[]>`
      select line, reason, value, cells, is_cut as "isCut" from bulksms_reject
      where bulksms_id = ${bulksmsId} and line > ${cursor} order by line limit ${rejectPageRows}`;
    return rows.map(({ line, reason, value, cells, isCut }) => ({
      key: line,
      cells:
        fileColumns === null ? [line, reason, value] : rejectCells(fileColumns.length, { line, reason, cells: cells ?? [value], isCut }),
    }));
  });
}

async function* lines(
  columns: Cells,
  separator: Separator,
  pageRows: number,
  readPage: (cursor: number) => Promise<{ key: number; cells: Cells }[]>,
): AsyncGenerator<string, void, undefined> {
  yield headerLine(columns, separator);
  let cursor = 0;
  for (;;) {
    const page = await readPage(cursor);
    if (page.length > 0) yield page.map(({ cells }) => csvLine(cells, separator)).join("");
    if (page.length < pageRows) return;
    cursor = (page.at(-1) as { key: number }).key;
  }
}

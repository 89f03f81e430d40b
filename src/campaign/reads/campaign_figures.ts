// How a campaign went: failure reasons and latencies of a bounded sample, and its anomalies. Called
// by the routes of salesapi.
import type { AnomaliesAnswer, StatisticsAnswer } from "../../contracts/campaign_reads.ts";
import { AppError } from "../../contracts/errors.ts";
import { type AnomalyKind, type MessageStatus, unconfirmedCode } from "../../contracts/states.ts";
import type { Sql } from "../../platform/postgres.ts";
import { requireBulksms } from "./campaign_reads.ts";

/**
 * Sample size in rows, so that the figures of a campaign of millions cost no more than those of a
 * small one.
 */
const sampleRowsMax = 5_000;
const errorsShownMax = 50;

interface LatencyColumns {
  rows: number;
  p50: number | null;
  p90: number | null;
  p99: number | null;
}

/**
 * Statistics of a sample spread evenly over the file, found by key.
 * @throws AppError bulksms_not_found
 */
export async function readStatistics(sql: Sql, workspaceId: string, bulksmsId: string): Promise<StatisticsAnswer> {
  const [campaign] = await sql<{ contacts: number }[]>`
    select contacts from bulksms where id = ${bulksmsId} and workspace_id = ${workspaceId}`;
  if (campaign === undefined) throw new AppError("bulksms_not_found", "There is no such campaign in your workspace.");
  const { contacts } = campaign;
  const stride = Math.max(1, Math.ceil(contacts / sampleRowsMax));
  const sampled = sql`select m.status, m.error_code, m.sent_at, m.done_at, c.submitted_at
    from generate_series(1, ${contacts}::int, ${stride}::int) as n join bulksms_info m on m.bulksms_id = ${bulksmsId} and m.row_no = n
      left join bulksms_chunk c on c.bulksms_id = m.bulksms_id and m.row_no between c.first_row and c.last_row`;
  const [errors, [times], [doubt]] = await Promise.all([
    sql<{ errorCode: string; status: MessageStatus; rows: number }[]>`
      select error_code as "errorCode", status, count(*)::int as rows from (${sampled}) s
      where error_code is not null and error_code <> ${unconfirmedCode} group by 1, 2 order by rows desc, error_code limit ${errorsShownMax}`,
    sql<{ sampled: number; toSent: LatencyColumns; toDelivered: LatencyColumns }[]>`
      select count(*)::int as sampled, ${latencyOf(sql, sql`sent_at - submitted_at`, sql`sent_at is not null`)} as "toSent",
        ${latencyOf(sql, sql`done_at - sent_at`, sql`status = 'delivered'`)} as "toDelivered"
      from (${sampled}) s`,
    // one that was resolved has an id of the carrier's, or was sent
    sql<{ messages: number }[]>`
      select count(distinct d.row_no)::int as messages
      from doubt_message d join bulksms_info m on m.bulksms_id = d.bulksms_id and m.row_no = d.row_no
      where d.bulksms_id = ${bulksmsId} and m.status = 'expired' and m.sent_at is null
        and not exists (select from carrier_message c where c.bulksms_id = d.bulksms_id and c.row_no = d.row_no)`,
  ]);
  return {
    rows_sampled: times?.sampled ?? 0,
    rows_total: contacts,
    errors: errors.map(({ errorCode, status, rows }) => ({ error_code: errorCode, status, rows })),
    submit_to_sent: toLatency(times?.toSent),
    sent_to_delivered: toLatency(times?.toDelivered),
    ended_in_doubt: doubt?.messages ?? 0,
  };
}

/**
 * Never below 0: the two times come from different transactions, and the server's clock may be set
 * back between them.
 */
function latencyOf(sql: Sql, took: ReturnType<Sql>, counts: ReturnType<Sql>) {
  const ms = sql`greatest(0, extract(epoch from ${took}) * 1000)`;
  const percentile = (share: number) => sql`percentile_cont(${share}::float8) within group (order by ${ms}) filter (where ${counts})`;
  return sql`json_build_object('rows', count(${took}) filter (where ${counts}), 'p50', ${percentile(0.5)}, 'p90', ${percentile(0.9)}, 'p99', ${percentile(0.99)})`;
}

function toLatency(columns: LatencyColumns | undefined): StatisticsAnswer["submit_to_sent"] {
  if (columns === undefined || columns.p50 === null || columns.p90 === null || columns.p99 === null) return null;
  const { rows, p50, p90, p99 } = columns;
  return { rows, p50_ms: Math.round(p50), p90_ms: Math.round(p90), p99_ms: Math.round(p99) };
}

interface AnomalyRow {
  receiptId: string;
  rowNo: number | null;
  kind: AnomalyKind;
  status: string;
  errorCode: string | null;
  messageStatus: MessageStatus | null;
  createdAt: Date;
}

/**
 * Ordered by row and receipt; `cursor` is `next_cursor` of the previous page: the last row and
 * receipt seen.
 * @throws AppError bulksms_not_found
 */
export async function listAnomalies(
  sql: Sql,
  workspaceId: string,
  bulksmsId: string,
  page: { limit: number; cursor: { rowNo: number; receiptId: string } | undefined },
): Promise<AnomaliesAnswer> {
  await requireBulksms(sql, workspaceId, bulksmsId);
  const { cursor } = page;
  const rows = await sql<AnomalyRow[]>`
    select receipt_id as "receiptId", row_no as "rowNo", kind, status, error_code as "errorCode", message_status as "messageStatus",
      created_at as "createdAt"
    from receipt_anomaly
    where bulksms_id = ${bulksmsId}
      ${cursor === undefined ? sql`` : sql`and (coalesce(row_no, 0), receipt_id) > (${cursor.rowNo}, ${cursor.receiptId})`}
    order by coalesce(row_no, 0), receipt_id limit ${page.limit + 1}`;
  const shown = rows.slice(0, page.limit);
  const last = shown.at(-1);
  return {
    anomalies: shown.map(({ receiptId, rowNo, kind, status, errorCode, messageStatus, createdAt }) => ({
      receipt_id: receiptId,
      row_no: rowNo,
      kind,
      status,
      error_code: errorCode,
      message_status: messageStatus,
      at: createdAt.toISOString(),
    })),
    next_cursor: rows.length > page.limit && last !== undefined ? `${last.rowNo ?? 0}:${last.receiptId}` : null,
  };
}

// What callers may read of campaigns: lists, a single one, its messages. (Its CSV exports:
// exports.ts; steps of one message: message_timeline.ts; percentiles, reasons, anomalies:
// campaign_figures.ts.) Called by the routes of salesapi. Every statement is restricted to the
// workspace.
import type { MessageAnswer, MessagesPage } from "../../contracts/campaign_reads.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { AppError } from "../../contracts/errors.ts";
import type { BulksmsAnswer, BulksmsKind, BulksmsPage } from "../../contracts/http.ts";
import { importEndNames } from "../../contracts/import_ends.ts";
import { type BulksmsStatus, campaignSets, type MessageStatus, type ShownState, unconfirmedCode } from "../../contracts/states.ts";
import type { Sql } from "../../platform/postgres.ts";
import { countersObject, statusIn } from "../../platform/state_sql.ts";
import { carrierColumn } from "../lifecycle/campaign_rows.ts";
import type { CampaignProgress } from "../lifecycle/move_messages.ts";

/** The columns that are returned as they are, and those that are converted. */
interface BulksmsRow
  extends Pick<
    BulksmsAnswer,
    "id" | "kind" | "name" | "sender" | "text" | "country" | "status" | "contacts" | "rejected" | "counts" | "unconfirmed" | "carrier"
  > {
  rejectCounts: Record<string, number>;
  parts: bigint;
  partsSent: bigint;
  price: bigint;
  costMilli: bigint;
  chargedMilli: bigint;
  lastError: string | null;
  holdId: string | null;
  deadlineS: number;
  createdAt: Date;
  startedAt: Date | null;
  endedAt: Date | null;
  version: bigint;
}

const bulksmsColumns = (
  sql: Sql,
) => sql`b.id, case when b.is_message then 'message' else 'campaign' end as kind, b.name, b.sender, b.text, b.country, b.status, b.contacts, b.rejected,
  b.reject_counts as "rejectCounts", b.parts, b.parts_sent as "partsSent", b.price, b.cost_milli as "costMilli",
  b.charged_milli as "chargedMilli", b.last_error as "lastError", b.hold_id as "holdId",
  b.deadline_s as "deadlineS", b.created_at as "createdAt", b.started_at as "startedAt", b.ended_at as "endedAt", b.version, ${carrierColumn(sql)} as carrier,
  b.unconfirmed, ${countersObject(sql, "b")} as counts`;

/** @throws AppError bulksms_not_found, also for a campaign of another workspace */
export async function readBulksms(sql: Sql, workspaceId: string, bulksmsId: string): Promise<BulksmsAnswer> {
  const rows = await sql<BulksmsRow[]>`
    select ${bulksmsColumns(sql)} from bulksms b where b.id = ${bulksmsId} and b.workspace_id = ${workspaceId}`;
  const row = rows[0];
  if (row === undefined) throw notFound();
  return toView(row);
}

/**
 * Campaigns of a workspace, newest first; `cursor` is the id of the last one seen. Refused files
 * are listed only when requested by status: whoever sent one has read why. Single texts have a list
 * of their own, which would otherwise hide the campaigns.
 */
export async function listBulksms(
  sql: Sql,
  workspaceId: string,
  page: { limit: number; cursor: string | undefined; status: BulksmsStatus | undefined; kind: BulksmsKind },
): Promise<BulksmsPage> {
  const rows = await sql<BulksmsRow[]>`
    select ${bulksmsColumns(sql)} from bulksms b
    where b.workspace_id = ${workspaceId} and ${page.kind === "message" ? sql`b.is_message` : sql`not b.is_message`}
      ${page.cursor === undefined ? sql`` : sql`and b.id < ${page.cursor}`}
      ${page.status === undefined ? sql`and (${statusIn(sql, "b.status", campaignSets.imported)} or b.status = 'importing' or b.last_error = any (${importEndNames}))` : sql`and b.status = ${page.status}`}
    order by b.id desc limit ${page.limit + 1}`;
  const shown = rows.slice(0, page.limit);
  return { bulksms: shown.map(toView), next_cursor: rows.length > page.limit ? (shown.at(-1)?.id ?? null) : null };
}

export interface MessageRow {
  rowNo: number;
  msisdn: string;
  parts: number;
  status: MessageStatus;
  errorCode: string | null;
  sentAt: Date | null;
  doneAt: Date | null;
}

export const messageColumns = (sql: Sql) => sql`m.row_no as "rowNo", m.msisdn::text, m.parts, m.status, m.error_code as "errorCode",
  m.sent_at as "sentAt", m.done_at as "doneAt"`;

export interface MessageFilter {
  statuses?: readonly ShownState[] | undefined;
  /** The digits that the number begins with (after its plus) or ends with. */
  numberPrefix?: string | undefined;
  numberSuffix?: string | undefined;
}

/** The message `m` by what people are shown: contracts/states.ts, shownStateOf. */
const shownStateSql = (sql: Sql) =>
  sql`case when m.status = 'expired' and m.error_code = ${unconfirmedCode} then ${unconfirmedCode} else m.status::text end`;

/**
 * Rows that a filtered page scans at most: there is no index on a rare state or a number's last
 * digits (decision 033), and no request should read a million rows.
 */
const rowsScannedMax = 200_000;

/**
 * Messages of a campaign in row order; `cursor` is the last row seen. With a filter a page may be
 * short or even empty although there are more: keep following `next_cursor` until it is null.
 * @throws AppError bulksms_not_found
 */
export async function listMessages(
  sql: Sql,
  workspaceId: string,
  bulksmsId: string,
  page: MessageFilter & { limit: number; cursor: number },
): Promise<MessagesPage> {
  await requireBulksms(sql, workspaceId, bulksmsId);
  const { statuses, numberPrefix, numberSuffix } = page;
  const isFiltered = statuses !== undefined || numberPrefix !== undefined || numberSuffix !== undefined;
  const scannedTo = isFiltered ? page.cursor + rowsScannedMax : null;
  const [rows, [next]] = await Promise.all([
    sql<MessageRow[]>`
      select ${messageColumns(sql)} from bulksms_info m
      where m.bulksms_id = ${bulksmsId} and m.row_no > ${page.cursor}
        ${scannedTo === null ? sql`` : sql`and m.row_no <= ${scannedTo}`}
        ${statuses === undefined ? sql`` : sql`and ${shownStateSql(sql)} = any (${[...statuses]}::text[])`}
        ${numberPrefix === undefined ? sql`` : sql`and m.msisdn::text like ${`${numberPrefix}%`}`}
        ${numberSuffix === undefined ? sql`` : sql`and m.msisdn::text like ${`%${numberSuffix}`}`}
      order by m.row_no limit ${page.limit + 1}`,
    scannedTo === null ? [] : sql`select from bulksms_info where bulksms_id = ${bulksmsId} and row_no > ${scannedTo} limit 1`,
  ]);
  const shown = rows.slice(0, page.limit).map(toMessage);
  if (rows.length > page.limit) return { messages: shown, next_cursor: shown.at(-1)?.row_no ?? null };
  return { messages: shown, next_cursor: next === undefined ? null : scannedTo };
}

/**
 * For webapi's snapshots, which check the workspace themselves.
 * @throws AppError bulksms_not_found
 */
export async function readProgress(sql: Sql, bulksmsId: string): Promise<CampaignProgress> {
  const rows = await sql<(BulksmsRow & { workspaceId: string })[]>`
    select ${bulksmsColumns(sql)}, b.workspace_id as "workspaceId" from bulksms b where b.id = ${bulksmsId}`;
  const row = rows[0];
  if (row === undefined) throw notFound();
  const { id, workspaceId, status, contacts, partsSent, chargedMilli, counts, unconfirmed, version } = row;
  return { bulksmsId: id, workspaceId, status, contacts, partsSent, chargedMilli, counts, unconfirmed, version };
}

export async function requireBulksms(sql: Sql, workspaceId: string, bulksmsId: string): Promise<void> {
  const rows = await sql`select from bulksms where id = ${bulksmsId} and workspace_id = ${workspaceId}`;
  if (rows.length === 0) throw notFound();
}

export const notFound = () => new AppError("bulksms_not_found", "There is no such campaign in your workspace.");

function toView(row: BulksmsRow): BulksmsAnswer {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    sender: row.sender,
    text: row.text,
    country: row.country,
    status: row.status,
    contacts: row.contacts,
    rejected: row.rejected,
    rejects: row.rejectCounts,
    parts: Number(row.parts),
    parts_sent: Number(row.partsSent),
    price: formatCredits(row.price),
    cost: formatCredits(row.costMilli),
    charged: formatCredits(row.chargedMilli),
    carrier: row.carrier,
    counts: row.counts,
    unconfirmed: row.unconfirmed,
    last_error: row.lastError,
    hold_id: row.holdId,
    deadline_s: row.deadlineS,
    created_at: row.createdAt.toISOString(),
    started_at: row.startedAt?.toISOString() ?? null,
    ended_at: row.endedAt?.toISOString() ?? null,
    version: Number(row.version),
  };
}

export function toMessage(row: MessageRow): MessageAnswer {
  return {
    row_no: row.rowNo,
    msisdn: `+${row.msisdn}`,
    parts: row.parts,
    status: row.status,
    error_code: row.errorCode,
    sent_at: row.sentAt?.toISOString() ?? null,
    done_at: row.doneAt?.toISOString() ?? null,
  };
}

// A single text as its application sees it: each recipient's state, and how far its callback URL
// has been told. Called by POST /messages and GET /messages/{id}.
import { formatCredits } from "../../contracts/credits.ts";
import { AppError } from "../../contracts/errors.ts";
import { type CallbackAnswer, type MessageView, type RecipientAnswer, versionOf } from "../../contracts/messages.ts";
import type { BulksmsStatus, MessageStatus } from "../../contracts/states.ts";
import type { AnySql, Sql } from "../../platform/postgres.ts";
import { compileTemplate } from "../../sms/template.ts";
import { carrierColumn } from "../lifecycle/campaign_rows.ts";

/** A recipient as `recipientObject` selects it: times as Postgres writes them in JSON. */
export interface RecipientRow {
  rowNo: number;
  msisdn: number;
  status: MessageStatus;
  errorCode: string | null;
  parts: number;
  costMilli: number;
  sentAt: string | null;
  updatedAt: string;
}

/**
 * One recipient `m` of message `b`, its chunk `c`, as a JSON object. Nobody notes when a carrier
 * accepted a message; it was then submitted at the latest.
 */
export function recipientObject(sql: AnySql) {
  return sql`json_build_object('rowNo', m.row_no, 'msisdn', m.msisdn, 'status', m.status, 'errorCode', m.error_code, 'parts', m.parts,
    'costMilli', m.cost_milli, 'sentAt', m.sent_at, 'updatedAt', coalesce(m.done_at, m.sent_at, c.submitted_at, b.created_at))`;
}

export function recipientOf(bulksmsId: string, row: RecipientRow): RecipientAnswer {
  return {
    id: `${bulksmsId}.${row.rowNo}`,
    to: `+${row.msisdn}`,
    status: row.status,
    error_code: row.errorCode,
    parts: row.parts,
    cost: formatCredits(BigInt(row.costMilli)),
    sent_at: row.sentAt === null ? null : new Date(row.sentAt).toISOString(),
    updated_at: new Date(row.updatedAt).toISOString(),
    version: versionOf(row.status),
  };
}

interface MessageRow {
  id: string;
  status: BulksmsStatus;
  text: string;
  sender: string;
  parts: bigint;
  costMilli: bigint;
  chargedMilli: bigint;
  price: bigint;
  carrier: MessageView["carrier"];
  lastError: string | null;
  deadlineS: number;
  createdAt: Date;
  endedAt: Date | null;
  recipients: RecipientRow[];
  callback: (Omit<CallbackAnswer, "next_try_at" | "given_up_at"> & { dueAt: string | null; givenUpAt: string | null }) | null;
}

/**
 * @throws AppError message_not_found, also for a campaign and for a message of another workspace
 */
export async function readMessage(sql: Sql, workspaceId: string, bulksmsId: string): Promise<MessageView> {
  const [row] = await sql<MessageRow[]>`
    select b.id, b.status, b.text, b.sender, b.parts, b.cost_milli as "costMilli", b.charged_milli as "chargedMilli", b.price,
      ${carrierColumn(sql)} as carrier, b.last_error as "lastError", b.deadline_s as "deadlineS", b.created_at as "createdAt",
      b.ended_at as "endedAt",
      (select json_agg(${recipientObject(sql)} order by m.row_no) from bulksms_info m
        left join bulksms_chunk c on c.bulksms_id = m.bulksms_id and m.row_no between c.first_row and c.intent_to
        where m.bulksms_id = b.id) as recipients,
      (select json_build_object('url', b.callback_url, 'tries', k.tries, 'last_error', k.last_error, 'dueAt', k.due_at, 'givenUpAt', k.given_up_at,
          'untold', (select count(*) from bulksms_info m where m.bulksms_id = b.id and m.status <> k.told[m.row_no]))
        from message_callback k where k.bulksms_id = b.id) as callback
    from bulksms b where b.id = ${bulksmsId} and b.workspace_id = ${workspaceId} and b.is_message`;
  if (row === undefined) throw messageNotFound();
  return toView(row);
}

export const messageNotFound = () => new AppError("message_not_found", "There is no such message in your workspace.");

function toView(row: MessageRow): MessageView {
  return {
    id: row.id,
    status: row.status,
    text: wordsOf(row),
    sender: row.sender,
    parts: Number(row.parts),
    cost: formatCredits(row.costMilli),
    charged: formatCredits(row.chargedMilli),
    price: formatCredits(row.price),
    carrier: row.carrier,
    recipients: row.recipients.map((recipient) => recipientOf(row.id, recipient)),
    callback: callbackOf(row.callback),
    last_error: row.lastError,
    deadline_s: row.deadlineS,
    created_at: row.createdAt.toISOString(),
    ended_at: row.endedAt?.toISOString() ?? null,
  };
}

/** It is kept as a template without placeholders: its braces are written twice. */
function wordsOf({ id, text }: MessageRow): string {
  const compiled = compileTemplate(text);
  if ("problem" in compiled) throw new Error(`message ${id} has a text that is no template: ${compiled.problem.reason}`);
  return compiled.template.fill([]);
}

function callbackOf(callback: MessageRow["callback"]): CallbackAnswer | null {
  if (callback === null) return null;
  const { dueAt, givenUpAt, ...shown } = callback;
  const isoOf = (time: string | null) => (time === null ? null : new Date(time).toISOString());
  return { ...shown, next_try_at: isoOf(dueAt), given_up_at: isoOf(givenUpAt) };
}

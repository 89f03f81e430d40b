// The ids that carriers give to messages, and receipts that name an id which no message has yet.
// Read and written within the transactions of links and of receipts that come over HTTP.
import type { CarrierReceipt } from "../../carriers/link.ts";
import type { MessageStatus, ReceiptStatus } from "../../contracts/states.ts";
import { isMessageIn } from "../../contracts/states.ts";
import type { TransactionSql } from "../../platform/postgres.ts";
import { isOpenSql } from "../../platform/state_sql.ts";
import { foldVerdict } from "../lifecycle/message_state.ts";

/** One id: a message, or one of its parts (from 1). */
export interface TheirId {
  theirId: string;
  bulksmsId: string;
  rowNo: number;
  partNo: number;
  parts: number;
}

/** A receipt for one of our messages. */
export interface MessageReceipt {
  bulksmsId: string;
  rowNo: number;
  status: ReceiptStatus;
  errorCode: string | null;
  receipt: WaitingReceipt;
}

/** What is stored of a receipt while its id is unknown. */
export type WaitingReceipt = Pick<CarrierReceipt, "theirId" | "errorCode" | "phone" | "raw"> & { status: ReceiptStatus };

/** Ids are used again after this; a receipt never names an older one. */
const horizonDays = 8;
/** Receipts that wait for their id, of one carrier; more are anomalies. */
export const waitingMax = 10_000;

/**
 * Stores ids; an id that the carrier gives again names its newest message from then on. Of a
 * carrier whose receipts cannot reach us, each is asked for after a minute.
 */
export async function keepIds(transaction: TransactionSql, carrierId: string, ids: readonly TheirId[]): Promise<void> {
  const distinct = [...new Map(ids.map((id) => [id.theirId, id])).values()].filter(({ theirId }) => theirId !== "");
  if (distinct.length === 0) return;
  await transaction`
    insert into carrier_message (carrier_id, their_id, bulksms_id, row_no, part_no, parts, next_poll_at)
    select ${carrierId}, t.*, case when r.settings ->> 'protocol' = 'twilio' and r.settings ->> 'receipts' = 'push' and r.settings ->> 'receipts_url' is null
      then now() + interval '1 min' end
    from carrier r, unnest(${distinct.map(({ theirId }) => theirId)}::text[], ${distinct.map(({ bulksmsId }) => bulksmsId)}::uuid[],
      ${distinct.map(({ rowNo }) => rowNo)}::int[], ${distinct.map(({ partNo }) => partNo)}::smallint[],
      ${distinct.map(({ parts }) => parts)}::smallint[]) t
    where r.id = ${carrierId}
    on conflict (carrier_id, their_id, day) do update set bulksms_id = excluded.bulksms_id, row_no = excluded.row_no,
      part_no = excluded.part_no, parts = excluded.parts, status = null, error_code = null`;
}

/** The newest message of each id. */
export async function findIds(transaction: TransactionSql, carrierId: string, theirIds: readonly string[]): Promise<Map<string, TheirId>> {
  if (theirIds.length === 0) return new Map();
  const rows = await transaction<TheirId[]>`
    select distinct on (their_id) their_id as "theirId", bulksms_id as "bulksmsId", row_no as "rowNo", part_no as "partNo", parts
    from carrier_message
    where carrier_id = ${carrierId} and their_id = any (${[...theirIds]}::text[]) and day >= (now() at time zone 'UTC')::date - ${horizonDays}::int
    order by their_id, day desc`;
  return new Map(rows.map((row) => [row.theirId, row]));
}

/** Takes out the receipts that waited for these ids. */
export async function takeWaiting(transaction: TransactionSql, carrierId: string, theirIds: readonly string[]): Promise<WaitingReceipt[]> {
  if (theirIds.length === 0) return [];
  return transaction<WaitingReceipt[]>`
    delete from receipt_waiting where carrier_id = ${carrierId} and their_id = any (${[...theirIds]}::text[])
    returning their_id as "theirId", phone::text, status, error_code as "errorCode", body as raw`;
}

/**
 * Stores receipts whose id is unknown, in the order in which they came.
 * @returns those that found no room
 */
export async function keepWaiting(
  transaction: TransactionSql,
  carrierId: string,
  receipts: readonly WaitingReceipt[],
): Promise<WaitingReceipt[]> {
  if (receipts.length === 0) return [];
  const [counted] = await transaction<{ waiting: number }[]>`
    select count(*)::int as waiting from receipt_waiting where carrier_id = ${carrierId}`;
  const room = Math.max(0, waitingMax - (counted?.waiting ?? 0));
  const kept = receipts.slice(0, room);
  await transaction`
    insert into receipt_waiting (carrier_id, their_id, phone, status, error_code, body)
    select ${carrierId}, t.* from unnest(${kept.map(({ theirId }) => theirId)}::text[], ${kept.map(({ phone }) => phone)}::bigint[],
      ${kept.map(({ status }) => status)}::message_status[], ${kept.map(({ errorCode }) => errorCode)}::text[], ${kept.map(({ raw }) => raw)}::text[]) t`;
  return receipts.slice(room);
}

/** A receipt with the id that it names. */
export interface ReportedPart {
  id: TheirId;
  receipt: WaitingReceipt;
}

/**
 * What receipts of parts mean for their messages: nothing final before every part of one has its
 * end, and then the worst of them. Records what became of each part. In order of arrival.
 */
export async function foldParts(
  transaction: TransactionSql,
  carrierId: string,
  reported: readonly ReportedPart[],
): Promise<MessageReceipt[]> {
  const ofMany = reported.filter(({ id }) => id.parts > 1);
  const verdictOf = ofMany.length === 0 ? new Map<string, PartVerdict>() : await recordParts(transaction, carrierId, ofMany);
  return reported.map(({ id, receipt }) => {
    const { status, errorCode } = verdictOf.get(nameOf(id)) ?? receipt;
    return { bulksmsId: id.bulksmsId, rowNo: id.rowNo, status, errorCode, receipt };
  });
}

type PartVerdict = Pick<WaitingReceipt, "status" | "errorCode">;

const nameOf = ({ bulksmsId, rowNo }: Pick<TheirId, "bulksmsId" | "rowNo">): string => `${bulksmsId}.${rowNo}`;

/** @returns the verdict of each message, by its name */
async function recordParts(
  transaction: TransactionSql,
  carrierId: string,
  reported: readonly ReportedPart[],
): Promise<Map<string, PartVerdict>> {
  const last = new Map<string, ReportedPart>();
  for (const part of reported) {
    const before = last.get(part.id.theirId)?.receipt.status;
    if (before === undefined || foldVerdict(before, part.receipt.status) !== before) last.set(part.id.theirId, part);
  }
  const parts = [...last.values()];
  const messages = new Map(parts.map(({ id }) => [nameOf(id), id]));
  const column = <T>(read: (part: ReportedPart) => T): T[] => parts.map(read);
  await transaction`
    update carrier_message m set status = v.status, error_code = v.error_code
    from unnest(${column(({ id }) => id.theirId)}::text[], ${column(({ id }) => id.bulksmsId)}::uuid[], ${column(({ id }) => id.rowNo)}::int[],
      ${column(({ receipt }) => receipt.status)}::message_status[], ${column(({ receipt }) => receipt.errorCode)}::text[])
      as v (their_id, bulksms_id, row_no, status, error_code)
    where m.carrier_id = ${carrierId} and m.their_id = v.their_id and m.bulksms_id = v.bulksms_id and m.row_no = v.row_no
      and (m.status is null or ${isOpenSql(transaction, "m.status")} and m.status < v.status)`;
  const known = await transaction<(Pick<TheirId, "bulksmsId" | "rowNo"> & { status: MessageStatus | null; errorCode: string | null })[]>`
    select m.bulksms_id as "bulksmsId", m.row_no as "rowNo", m.status, m.error_code as "errorCode"
    from unnest(${[...messages.values()].map(({ bulksmsId }) => bulksmsId)}::uuid[], ${[...messages.values()].map(({ rowNo }) => rowNo)}::int[])
      as v (bulksms_id, row_no) join carrier_message m on m.bulksms_id = v.bulksms_id and m.row_no = v.row_no
    where m.carrier_id = ${carrierId} order by m.part_no`;
  const byMessage = new Map<string, (typeof known)[number][]>();
  for (const part of known) byMessage.set(nameOf(part), [...(byMessage.get(nameOf(part)) ?? []), part]);
  return new Map(
    [...messages].map(([name, id]) => {
      const all = byMessage.get(name) ?? [];
      const status = worstOf(
        all.map((part) => part.status),
        id.parts,
      );
      return [name, { status, errorCode: all.find((part) => part.status === status)?.errorCode ?? null }];
    }),
  );
}

/** Exported for its test. */
export function worstOf(statuses: readonly (MessageStatus | null)[], parts: number): ReceiptStatus {
  const known = statuses.filter((status): status is ReceiptStatus => status !== null);
  const ends = known.filter((status) => isMessageIn("final", status));
  if (ends.length >= parts) return ends.find((status) => status !== "delivered") ?? "delivered";
  return known.some((status) => isMessageIn("charging", status)) ? "sent" : "queued";
}

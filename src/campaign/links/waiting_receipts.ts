// Receipts that wait for their id: joined again with ids that were committed meanwhile, on another
// link or in another process; and by their phone with a message in doubt. Called by every link now
// and then. What finds no message within the horizon becomes an anomaly.
import { campaignSets, messageSets } from "../../contracts/states.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";
import { statusIn, statusList } from "../../platform/state_sql.ts";
import type { CommittedReceipts } from "../receipts/receipts.ts";
import { type ReadReceipts, writeReceipts } from "./link_commit.ts";
import { keepIds, type TheirId, type WaitingReceipt } from "./their_ids.ts";

/** Receipts of one transaction. */
const joinedMax = 500;
/** A receipt's answer may be on its way for so long; only then is its phone looked at. */
const phonePatienceS = 10;
/** A carrier repeats a receipt for three days at most. */
const waitingDaysMax = 8;

export interface JoinTerms {
  carrierId: string;
  /** Each part of a message has an id of its own. */
  hasIdPerPart: boolean;
  /** Whether receipts name no message but by the carrier's id: then the phone may. */
  resolvesByPhone: boolean;
}

/** @returns null if nothing was joined */
export async function joinWaiting(sql: Sql, terms: JoinTerms): Promise<CommittedReceipts | null> {
  const [any] = await sql`select from receipt_waiting where carrier_id = ${terms.carrierId} limit 1`;
  if (any === undefined) return null;
  return inTransaction(sql, async (transaction) => {
    const known = await takeJoined(transaction, terms.carrierId);
    const byPhone = terms.resolvesByPhone ? await takeByPhone(transaction, terms) : [];
    const expired = await takeExpired(transaction, terms.carrierId);
    const all: ReadReceipts = { known: [...known, ...byPhone], unknown: [] };
    if (all.known.length === 0 && expired.length === 0) return null;
    const ids = [...new Set(all.known.map(({ id }) => id.bulksmsId))];
    await transaction`select from bulksms where id = any (${ids}::uuid[]) order by id for no key update`;
    await keepIds(
      transaction,
      terms.carrierId,
      byPhone.map(({ id }) => id),
    );
    return writeReceipts(transaction, terms.carrierId, all, { unclaimed: expired });
  });
}

type JoinedRow = TheirId & Omit<WaitingReceipt, "theirId">;

function split(rows: readonly JoinedRow[]): ReadReceipts["known"] {
  return rows.map(({ phone, status, errorCode, raw, ...id }) => ({ id, receipt: { theirId: id.theirId, phone, status, errorCode, raw } }));
}

async function takeJoined(transaction: TransactionSql, carrierId: string): Promise<ReadReceipts["known"]> {
  const rows = await transaction<JoinedRow[]>`
    with joined as (
      select w.id, m.bulksms_id, m.row_no, m.part_no, m.parts
      from receipt_waiting w join lateral (
        select * from carrier_message m where m.carrier_id = w.carrier_id and m.their_id = w.their_id
          and m.day >= (w.received_at at time zone 'UTC')::date - ${waitingDaysMax}::int
        order by m.day desc limit 1) m on true
      where w.carrier_id = ${carrierId} order by w.id limit ${joinedMax} for update of w skip locked
    )
    delete from receipt_waiting w using joined j where w.id = j.id
    returning w.their_id as "theirId", j.bulksms_id as "bulksmsId", j.row_no as "rowNo", j.part_no as "partNo", j.parts,
      w.phone::text, w.status, w.error_code as "errorCode", w.body as raw`;
  return split(rows);
}

/**
 * A receipt whose id nobody gets to know is about the only message of its phone that has no id and
 * may be with the carrier, if that one is in doubt and was intended before the receipt came. Two
 * candidates, or more ids than the message has: it waits on.
 */
async function takeByPhone(transaction: TransactionSql, { carrierId, hasIdPerPart }: JoinTerms): Promise<ReadReceipts["known"]> {
  const rows = await transaction<JoinedRow[]>`
    with waiting as (
      select phone, array_agg(distinct their_id order by their_id) as their_ids, min(received_at) as first_at
      from receipt_waiting where carrier_id = ${carrierId} and received_at < now() - ${phonePatienceS}::int * interval '1 s'
        -- the few phones in doubt: thousands of strangers' receipts cost nothing
        and phone in (select m.msisdn from doubt_event e join doubt_message d on d.event_id = e.id
          join bulksms_info m on m.bulksms_id = d.bulksms_id and m.row_no = d.row_no
          where e.carrier_id = ${carrierId} and m.status = 'unknown' and e.created_at > now() - ${waitingDaysMax}::int * interval '1 day')
      group by phone limit ${joinedMax}
    ), candidates as (
      select w.phone, w.their_ids, min(m.bulksms_id::text)::uuid as bulksms_id, min(m.row_no) as row_no, min(m.parts) as parts
      from waiting w cross join lateral (${mayBeThere(transaction, carrierId, transaction`w.phone`)}) m
      group by w.phone, w.their_ids, w.first_at
      having count(*) = 1 and bool_and(m.status = 'unknown' and m.intended_at <= w.first_at)
        and cardinality(w.their_ids) <= min(case when ${hasIdPerPart} then m.parts else 1 end)
    )
    delete from receipt_waiting w using candidates c
    where w.carrier_id = ${carrierId} and w.phone = c.phone and w.their_id = any (c.their_ids)
    returning w.their_id as "theirId", c.bulksms_id as "bulksmsId", c.row_no as "rowNo", array_position(c.their_ids, w.their_id)::int as "partNo",
      c.parts::int, w.phone::text, w.status, w.error_code as "errorCode", w.body as raw`;
  return split(rows);
}

/**
 * Messages of a phone that the carrier may have without our knowing their id: in doubt, also those
 * that have expired since, and those that a link has intended and has no outcome of.
 */
export function mayBeThere(sql: TransactionSql | Sql, carrierId: string, phone: ReturnType<Sql>) {
  return sql`
    select d.bulksms_id, d.row_no, m.parts, m.status, max(d.intended_at) as intended_at
    from doubt_event e join doubt_message d on d.event_id = e.id
      join bulksms_info m on m.bulksms_id = d.bulksms_id and m.row_no = d.row_no
    where e.carrier_id = ${carrierId} and m.msisdn = ${phone} and m.status in (${statusList(sql, ["unknown", ...messageSets.abandoned])})
      and not exists (select from carrier_message i where i.bulksms_id = d.bulksms_id and i.row_no = d.row_no)
    group by d.bulksms_id, d.row_no, m.parts, m.status
    union all
    select m.bulksms_id, m.row_no, m.parts, m.status, c.submitted_at
    from bulksms b join bulksms_chunk c on c.bulksms_id = b.id and c.state = 'leased'
      join bulksms_info m on m.bulksms_id = c.bulksms_id and m.row_no between c.first_row and c.intent_to and m.status = 'pending'
    where b.carrier_id = ${carrierId} and ${statusIn(sql, "b.status", campaignSets.open)} and m.msisdn = ${phone}`;
}

async function takeExpired(transaction: TransactionSql, carrierId: string): Promise<WaitingReceipt[]> {
  return transaction<WaitingReceipt[]>`
    delete from receipt_waiting where id in (
      select id from receipt_waiting where carrier_id = ${carrierId} and received_at < now() - ${waitingDaysMax}::int * interval '1 day'
      order by id limit ${joinedMax} for update skip locked)
    returning their_id as "theirId", phone::text, status, error_code as "errorCode", body as raw`;
}

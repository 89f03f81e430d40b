// Carriers that can be asked: for messages whose receipts cannot reach us, and whether they have a
// message that is in doubt. What is not found there may still come: only a find says anything.
// Called by the link manager now and then, a few questions at a time.
import type { CarrierReceipt } from "../../carriers/link.ts";
import { messageSets } from "../../contracts/states.ts";
import { backoffInterval } from "../../platform/backoff_sql.ts";
import type { Sql } from "../../platform/postgres.ts";
import { statusIn } from "../../platform/state_sql.ts";
import { eachInSlots } from "../../platform/time/slots.ts";
import { compileTemplate } from "../../sms/template.ts";
import { commitCarrierReceipts } from "./carrier_receipts.ts";
import { mayBeThere } from "./waiting_receipts.ts";

/** A message in doubt, as its carrier would know it. */
export interface Sought {
  phone: string;
  sender: string;
  text: string;
  /** Between these it was submitted, if it was; ms since 1970. */
  fromMs: number;
  toMs: number;
}

/** How a carrier is asked. */
export interface Inquirer {
  /** null: no answer that can be read. */
  poll(theirId: string): Promise<CarrierReceipt | null>;
  /** The only message there that it can be; null: none, several, or no answer. */
  lookUp(sought: Sought): Promise<CarrierReceipt | null>;
  close(): Promise<void>;
}

/** 1 minute, doubling to 1 hour. */
const pollBackoff = { firstMs: 60_000, maxMs: 3_600_000 };
/** 5 s, 25 s, 2 min and 10 min after the event. */
const lookUpBackoff = { firstMs: 5_000, maxMs: 600_000, factor: 5 };
const lookUpsMax = 5;
const questionsMax = 50;
const questionsAtOnce = 4;

type Committed = Awaited<ReturnType<typeof commitCarrierReceipts>>;

/** Asks for messages that have no end and whose turn has come. */
export async function pollMessages(
  sql: Sql,
  carrierId: string,
  inquirer: Inquirer,
  onCommitted: (committed: Committed) => void,
): Promise<void> {
  const due = await sql<{ theirId: string; isOpen: boolean }[]>`
    update carrier_message c set polls = c.polls + 1,
      next_poll_at = case when ${statusIn(sql, "m.status", messageSets.open)} then now() + ${backoffInterval(sql, pollBackoff, sql`c.polls`)} end
    from bulksms_info m
    where m.bulksms_id = c.bulksms_id and m.row_no = c.row_no and (c.carrier_id, c.their_id, c.day) in (
      select carrier_id, their_id, day from carrier_message where carrier_id = ${carrierId} and next_poll_at <= now()
      order by next_poll_at limit ${questionsMax} for update skip locked)
    returning c.their_id as "theirId", ${statusIn(sql, "m.status", messageSets.open)} as "isOpen"`;
  await eachInSlots(
    due.filter(({ isOpen }) => isOpen),
    questionsAtOnce,
    async ({ theirId }) => {
      const receipt = await inquirer.poll(theirId);
      if (receipt !== null) onCommitted(await commitCarrierReceipts(sql, carrierId, [receipt]));
    },
  );
}

interface SoughtRow {
  bulksmsId: string;
  rowNo: number;
  phone: string;
  sender: string;
  text: string;
  fields: string[] | null;
  fromMs: number;
  toMs: number;
}

/**
 * Asks whether the carrier has messages that are in doubt; not while another message of the same
 * phone may be there too, because nobody could tell which of them was found.
 */
export async function lookUpDoubt(
  sql: Sql,
  carrierId: string,
  inquirer: Inquirer,
  onCommitted: (committed: Committed) => void,
): Promise<void> {
  const due = await sql<SoughtRow[]>`
    update doubt_message d set look_ups = d.look_ups + 1,
      next_look_up_at = case when d.look_ups + 1 < ${lookUpsMax} and m.status = 'unknown' then now() + ${backoffInterval(sql, lookUpBackoff, sql`d.look_ups`)} end
    from doubt_event e, bulksms b, bulksms_info m
    where e.id = d.event_id and b.id = d.bulksms_id and m.bulksms_id = d.bulksms_id and m.row_no = d.row_no
      and (d.bulksms_id, d.row_no, d.event_id) in (
        select l.bulksms_id, l.row_no, l.event_id from doubt_message l join doubt_event f on f.id = l.event_id
        where f.carrier_id = ${carrierId} and l.next_look_up_at <= now() order by l.next_look_up_at limit ${questionsMax} for update of l skip locked)
    returning case when m.status = 'unknown' and (select count(*) from (${mayBeThere(sql, carrierId, sql`m.msisdn`)}) other) = 1
        then d.bulksms_id end as "bulksmsId", d.row_no as "rowNo", m.msisdn::text as phone, b.sender, b.text, m.fields,
      (extract(epoch from coalesce(b.started_at, d.intended_at)) * 1000)::float8 as "fromMs", (extract(epoch from e.created_at) * 1000)::float8 as "toMs"`;
  await eachInSlots(
    due.filter(({ bulksmsId }) => bulksmsId !== null),
    questionsAtOnce,
    async ({ bulksmsId, rowNo, text, fields, ...sought }) => {
      const compiled = compileTemplate(text);
      if ("problem" in compiled) return;
      const receipt = await inquirer.lookUp({ ...sought, text: compiled.template.fill(fields ?? []) });
      if (receipt === null) return;
      // found: the carrier has taken it, whatever has become of it since
      const found = { ...receipt, reference: `${bulksmsId}.${rowNo}.1`, status: receipt.status ?? ("queued" as const) };
      onCommitted(await commitCarrierReceipts(sql, carrierId, [found]));
    },
  );
}

// Deadlines: messages that were submitted and got no final receipt in time end as `expired`. Called
// by the sweeper. A carrier never sends after the deadline (valid_until), and repeats a receipt
// until the receipt horizon: only after both can nothing be on its way. Where no receipt comes
// from, there is none to wait for: what was sent ends at its deadline, `unconfirmed`.
import { campaignSets, type MessageStatus, messageSets, unconfirmedCode } from "../../contracts/states.ts";
import { type AnySql, inTransaction, type Sql } from "../../platform/postgres.ts";
import { statusIn, sumOfCounters } from "../../platform/state_sql.ts";
import { countryOf } from "../../sms/number_country.ts";
import { type Campaign, lockCampaign } from "./campaign_rows.ts";
import { endMessages, rowsPerTransactionMax } from "./end_messages.ts";

/** Chunks that are looked up at once; of those past the horizon, also chunks per pass. */
const chunksPerPassMax = 200;

export interface Expired {
  messages: number;
  campaign: Campaign | null;
}

/** Where no receipt comes from. */
interface Silence {
  isEverywhere: boolean;
  countries: string[];
}

interface Rows {
  firstRow: number;
  lastRow: number;
}

/** What may be unconfirmed: the carrier has taken it, and it was charged. */
const confirmable = ["sent"] as const satisfies MessageStatus[];

/**
 * Expires what is due in one campaign. `pending` never expires: those messages were not submitted,
 * or will be submitted again.
 */
export async function expireMessages(sql: Sql, bulksmsId: string, receiptHorizonS: number): Promise<Expired> {
  const expired: Expired = { messages: 0, campaign: null };
  const silence = await readSilence(sql, bulksmsId);
  if (silence !== null) await endUnconfirmed(sql, bulksmsId, silence, expired);
  const due = await readDueChunks(sql, bulksmsId, { graceS: receiptHorizonS, from: messageSets.submitted, after: 0 });
  for (const chunk of due) {
    for (const rows of stepsOf(chunk)) await endRows(sql, { bulksmsId, ...rows }, messageSets.submitted, null, expired);
  }
  return expired;
}

/** Whether the carrier `r` of campaign `b` gives no receipts, of some messages at least. */
export const isSilentSql = (sql: AnySql) =>
  sql`exists (select from carrier r where r.id = b.carrier_id
    and (r.settings ->> 'receipts' = 'none' or coalesce(r.settings -> 'countries_without_receipts', '[]') <> '[]'))`;

/** null: receipts come from everywhere. */
async function readSilence(sql: Sql, bulksmsId: string): Promise<Silence | null> {
  const [silence] = await sql<Silence[]>`
    select r.settings ->> 'receipts' = 'none' as "isEverywhere", coalesce(r.settings -> 'countries_without_receipts', '[]') as countries
    from bulksms b join carrier r on r.id = b.carrier_id where b.id = ${bulksmsId} and ${isSilentSql(sql)}`;
  return silence ?? null;
}

/** All due chunks: those that wait for receipts of other countries must not hide the later ones. */
async function endUnconfirmed(sql: Sql, bulksmsId: string, silence: Silence, expired: Expired): Promise<void> {
  let after = 0;
  for (;;) {
    const chunks = await readDueChunks(sql, bulksmsId, { graceS: 0, from: confirmable, after });
    for (const chunk of chunks) {
      for (const rows of stepsOf(chunk)) {
        const only = silence.isEverywhere ? undefined : await readSilentRows(sql, bulksmsId, rows, silence.countries);
        if (only?.length === 0) continue;
        await endRows(sql, { bulksmsId, ...rows, ...(only && { only }) }, confirmable, unconfirmedCode, expired);
      }
    }
    if (chunks.length < chunksPerPassMax) return;
    after = (chunks.at(-1) as { chunkNo: number }).chunkNo;
  }
}

async function readSilentRows(sql: Sql, bulksmsId: string, { firstRow, lastRow }: Rows, countries: readonly string[]): Promise<number[]> {
  const rows = await sql<{ rowNo: number; msisdn: bigint }[]>`
    select row_no as "rowNo", msisdn from bulksms_info
    where bulksms_id = ${bulksmsId} and row_no between ${firstRow} and ${lastRow} and ${statusIn(sql, "status", confirmable)}`;
  return rows.filter(({ msisdn }) => countries.includes(countryOf(Number(msisdn)) ?? "")).map(({ rowNo }) => rowNo);
}

async function endRows(
  sql: Sql,
  rows: Rows & { bulksmsId: string; only?: readonly number[] },
  from: readonly MessageStatus[],
  errorCode: string | null,
  expired: Expired,
): Promise<void> {
  const { moved, campaign } = await inTransaction(sql, async (transaction) => {
    await lockCampaign(transaction, rows.bulksmsId);
    return endMessages(transaction, rows, from, "expired", errorCode);
  });
  expired.messages += moved;
  if (moved > 0) expired.campaign = campaign;
}

/** Ranges of rows, one for each transaction. */
function* stepsOf({ firstRow, lastRow }: Rows): Generator<Rows> {
  for (let first = firstRow; first <= lastRow; first += rowsPerTransactionMax)
    yield { firstRow: first, lastRow: Math.min(lastRow, first + rowsPerTransactionMax - 1) };
}

/**
 * Chunks past their deadline and `graceS` in which a message waits in one of the states `from`.
 * This reads their rows, so the sweeper calls it rarely and only once a deadline has passed. One
 * lookup per chunk along the primary key: as `exists` it may be planned as a join with a scan of
 * the whole campaign. (Whole chunks: a link takes its intent back below messages that the carrier
 * has.)
 */
async function readDueChunks(
  sql: Sql,
  bulksmsId: string,
  { graceS, from, after }: { graceS: number; from: readonly MessageStatus[]; after: number },
): Promise<(Rows & { chunkNo: number })[]> {
  return sql<(Rows & { chunkNo: number })[]>`
    select c.chunk_no as "chunkNo", c.first_row as "firstRow", c.last_row as "lastRow"
    from bulksms_chunk c join bulksms b on b.id = c.bulksms_id
      cross join lateral (select from bulksms_info m where m.bulksms_id = ${bulksmsId} and m.row_no between c.first_row and c.last_row
        and ${statusIn(sql, "m.status", from)} order by m.row_no limit 1) waiting
    where c.bulksms_id = ${bulksmsId} and c.chunk_no > ${after} and ${statusIn(sql, "b.status", campaignSets.open)}
      and ${sumOfCounters(sql, "b", from)} > 0 and c.submitted_at + (b.deadline_s + ${graceS}::int) * interval '1 s' < now()
    order by c.chunk_no limit ${chunksPerPassMax}`;
}

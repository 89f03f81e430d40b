// Deadlines: messages that were submitted and got no final receipt in time end as `expired`. Called
// by the sweeper. A carrier never sends after the deadline (valid_until), and repeats a receipt
// until the receipt horizon: only after both can nothing be on its way.
import { campaignSets, messageSets } from "../../contracts/states.ts";
import { inTransaction, type Sql } from "../../platform/postgres.ts";
import { statusIn, sumOfCounters } from "../../platform/state_sql.ts";
import { type Campaign, lockCampaign } from "./campaign_rows.ts";
import { endMessages, rowsPerTransactionMax } from "./end_messages.ts";

/** Chunks per pass; the next pass continues. */
const chunksPerPassMax = 200;

export interface Expired {
  messages: number;
  campaign: Campaign | null;
}

/**
 * Expires what is due in one campaign. `pending` never expires: those messages were not submitted,
 * or will be submitted again.
 */
export async function expireMessages(sql: Sql, bulksmsId: string, receiptHorizonS: number): Promise<Expired> {
  const expired: Expired = { messages: 0, campaign: null };
  for (const { firstRow, lastRow: end } of await readDueChunks(sql, bulksmsId, receiptHorizonS)) {
    for (let first = firstRow; first <= end; first += rowsPerTransactionMax) {
      const lastRow = Math.min(end, first + rowsPerTransactionMax - 1);
      const { moved, campaign } = await inTransaction(sql, async (transaction) => {
        await lockCampaign(transaction, bulksmsId);
        return endMessages(transaction, { bulksmsId, firstRow: first, lastRow }, messageSets.submitted, "expired");
      });
      expired.messages += moved;
      if (moved > 0) expired.campaign = campaign;
    }
  }
  return expired;
}

/**
 * Chunks past deadline and horizon in which a message still waits for a receipt. This reads their
 * rows, so the sweeper calls it rarely and only once a deadline has passed. One lookup per chunk
 * along the primary key: as `exists` it may be planned as a join with a scan of the whole campaign.
 * (Whole chunks: a link takes its intent back below messages that the carrier has.)
 */
async function readDueChunks(sql: Sql, bulksmsId: string, receiptHorizonS: number): Promise<{ firstRow: number; lastRow: number }[]> {
  return sql<{ firstRow: number; lastRow: number }[]>`
    select c.first_row as "firstRow", c.last_row as "lastRow"
    from bulksms_chunk c join bulksms b on b.id = c.bulksms_id
      cross join lateral (select from bulksms_info m where m.bulksms_id = ${bulksmsId} and m.row_no between c.first_row and c.last_row
        and ${statusIn(sql, "m.status", messageSets.submitted)} order by m.row_no limit 1) waiting
    where c.bulksms_id = ${bulksmsId} and ${statusIn(sql, "b.status", campaignSets.open)} and ${sumOfCounters(sql, "b", messageSets.submitted)} > 0
      and c.submitted_at + (b.deadline_s + ${receiptHorizonS}::int) * interval '1 s' < now()
    order by c.chunk_no limit ${chunksPerPassMax}`;
}

// The end of a campaign: every message final (counted from the rows, not taken from the counters),
// every charge confirmed, the rest of the hold given back. Called by advance after confirmations,
// receipts and cancels, and by the sweeper; any of them may run concurrently.
import { type BulksmsStatus, campaignSets, campaignsLeadingTo, isCampaignIn } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { type AnySql, inTransaction, type Sql } from "../../platform/postgres.ts";
import { isFinalSql } from "../../platform/state_sql.ts";
import { type Campaign, changeStatus, lockCampaign } from "./campaign_rows.ts";
import { openMessages } from "./move_messages.ts";
import { type ReserveDependencies, release } from "./reserve.ts";

/**
 * Rows counted by one statement: about ten milliseconds each, so that counting a large campaign
 * blocks nobody, and a million rows take 20 round trips.
 */
const countedRowsMax = 50_000;

/**
 * Ends the campaign if it is complete: `running`, `paused` -> `settling` -> `finished`, or
 * `canceling` -> `canceled`.
 * @returns the campaign after its last change of state here; null if it is not complete yet
 */
export async function finish(dependencies: ReserveDependencies, campaign: Campaign): Promise<Campaign | null> {
  const { sql } = dependencies;
  let ending = campaign;
  if (isCampaignIn("open", campaign.status)) {
    if (openMessages(campaign) > 0 || (await hasUnconfirmed(sql, campaign.bulksmsId)) || !(await areAllFinal(sql, campaign))) return null;
    const settled = await settle(sql, campaign.bulksmsId);
    if (settled === null) return null;
    ending = settled;
    reachFailpoint("settling_committed");
  }
  const to = endOf(ending.status);
  if (to === null) return null;
  const { bulksmsId, workspaceId, holdId } = ending;
  if (holdId !== null && (await release(dependencies, { workspaceId, holdId })) === "silent") return ending;
  reachFailpoint("hold_released");
  return (await changeStatus(sql, bulksmsId, { from: [ending.status], to, holdId })) ?? ending;
}

/** The end of a campaign that is only waiting for its hold to close; null: it has more to do. */
const endOf = (status: BulksmsStatus): BulksmsStatus | null =>
  campaignSets.complete.find((end) => campaignsLeadingTo(end).includes(status)) ?? null;

/**
 * The counters trigger the end, but the rows decide. No lock is needed: messages never leave a
 * final state, so rows found final stay final.
 */
async function areAllFinal(sql: Sql, { bulksmsId, contacts }: Campaign): Promise<boolean> {
  // its numbers may have gaps: canceled while its carrier was changed
  const [last] = await sql<{ row: number }[]>`
    select coalesce(max(last_row), 0)::int as row from bulksms_chunk where bulksms_id = ${bulksmsId}`;
  let final = 0;
  for (let firstRow = 1; firstRow <= (last?.row ?? 0); firstRow += countedRowsMax) {
    const [counted] = await sql<{ final: number }[]>`
      select count(*)::int as final from bulksms_info
      where bulksms_id = ${bulksmsId} and row_no between ${firstRow} and ${firstRow + countedRowsMax - 1} and ${isFinalSql(sql, "status")}`;
    final += counted?.final ?? 0;
  }
  return final === contacts;
}

/**
 * Runs under the campaign's lock, so that no receipt is between its rows and its outbox: counters
 * and charges agree, nothing is unconfirmed. `running`, `paused` -> `settling`; `canceling` stays.
 * null: not yet.
 */
async function settle(sql: Sql, bulksmsId: string): Promise<Campaign | null> {
  return inTransaction(sql, async (transaction) => {
    const campaign = await lockCampaign(transaction, bulksmsId);
    if (campaign === null || openMessages(campaign) > 0) return null;
    if (await hasUnconfirmed(transaction, bulksmsId)) return null;
    if (campaignsLeadingTo("settling").includes(campaign.status)) return changeStatus(transaction, bulksmsId, { to: "settling" });
    return endOf(campaign.status) === null ? null : campaign;
  });
}

/**
 * Whether charges are on their way to the ledger. Without the campaign's lock this is only a hint
 * that saves the counting.
 */
async function hasUnconfirmed(sql: AnySql, bulksmsId: string): Promise<boolean> {
  const rows = await sql`select from credit_outbox where bulksms_id = ${bulksmsId} and confirmed_at is null limit 1`;
  return rows.length > 0;
}

// A campaign whose price list is no longer the newest gets its messages' cost by the new one, in
// steps, while it is `ready`. Called by the command run when its caller accepts the new list.
// Meanwhile the campaign has no list, so nobody can run it; its own cost follows with each step, so
// it is the sum of its messages' at every moment. Whoever dies in between leaves a campaign that
// the next one who accepts goes on with.
import type { Pricing } from "../../contracts/prices.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import { inTransaction, type Sql, type TransactionSql } from "../../platform/postgres.ts";

/** Rows per transaction: a few tens of milliseconds under the campaign's lock. */
const rowsPerStep = 5_000;

/**
 * @returns whether all messages have their cost by this list. False: the campaign is not `ready`,
 * or a newer list is at work.
 */
export async function reprice(sql: Sql, campaign: { workspaceId: string; bulksmsId: string }, pricing: Pricing): Promise<boolean> {
  const begun = await begin(sql, campaign, pricing);
  if (begun === null) return isPricedBy(sql, campaign.bulksmsId, pricing);
  for (let firstRow = 1; firstRow <= begun.contacts; firstRow += rowsPerStep) {
    const goesOn = await inTransaction(sql, (transaction) => repriceRows(transaction, campaign.bulksmsId, firstRow, pricing));
    if (!goesOn) return isPricedBy(sql, campaign.bulksmsId, pricing);
    reachFailpoint("reprice_step_committed");
  }
  const ended = await sql`
    update bulksms set price_version = ${pricing.version}, repricing_version = null, price = ${pricing.partMilli}, version = version + 1
    where id = ${campaign.bulksmsId} and status = 'ready' and repricing_version = ${pricing.version}`;
  return ended.count === 1 || isPricedBy(sql, campaign.bulksmsId, pricing);
}

/** From here on the campaign has no list. Two at once, or one after a crash, do the same work. */
async function begin(
  sql: Sql,
  { workspaceId, bulksmsId }: { workspaceId: string; bulksmsId: string },
  { version }: Pricing,
): Promise<{ contacts: number } | null> {
  const rows = await sql<{ contacts: number }[]>`
    update bulksms set price_version = null, repricing_version = ${version}
    where id = ${bulksmsId} and workspace_id = ${workspaceId} and status = 'ready' and next_carrier_id is null
      and coalesce(price_version, 0) < ${version} and coalesce(repricing_version, 0) <= ${version}
    returning contacts`;
  return rows[0] ?? null;
}

/** @returns false when the campaign is no longer re-priced by this list */
async function repriceRows(transaction: TransactionSql, bulksmsId: string, firstRow: number, pricing: Pricing): Promise<boolean> {
  const locked = await transaction`
    select from bulksms where id = ${bulksmsId} and status = 'ready' and repricing_version = ${pricing.version} for no key update`;
  if (locked.length === 0) return false;
  const rows = await transaction<{ rowNo: number; msisdn: bigint; parts: number; costMilli: number }[]>`
    select row_no as "rowNo", msisdn, parts, cost_milli as "costMilli" from bulksms_info
    where bulksms_id = ${bulksmsId} and row_no between ${firstRow} and ${firstRow + rowsPerStep - 1} order by row_no`;
  const costs = rows.map(({ msisdn, parts }) => pricing.costOf(Number(msisdn), parts));
  const added = rows.reduce((sum, { costMilli }, index) => sum + (costs[index] as number) - costMilli, 0);
  await transaction`
    update bulksms_info m set cost_milli = n.cost_milli
    from unnest(${rows.map(({ rowNo }) => rowNo)}::int[], ${costs}::int[]) n (row_no, cost_milli)
    where m.bulksms_id = ${bulksmsId} and m.row_no = n.row_no and m.cost_milli <> n.cost_milli`;
  await transaction`update bulksms set cost_milli = cost_milli + ${added} where id = ${bulksmsId}`;
  return true;
}

async function isPricedBy(sql: Sql, bulksmsId: string, { version }: Pricing): Promise<boolean> {
  const rows = await sql`select from bulksms where id = ${bulksmsId} and price_version = ${version}`;
  return rows.length > 0;
}

/**
 * What the campaign's messages would cost by this list, in milli-credits. With one price for all
 * their parts tell; otherwise they are summed by what decides about the price.
 */
export async function costByList(sql: Sql, { bulksmsId, parts }: { bulksmsId: string; parts: number }, pricing: Pricing): Promise<number> {
  if (pricing.prefixMax === 0) return pricing.costAtMost(parts);
  const rows = await sql<{ prefix: string; parts: number }[]>`
    select left(msisdn::text, ${pricing.prefixMax}::int) as prefix, sum(parts)::float8 as parts from bulksms_info
    where bulksms_id = ${bulksmsId} group by 1`;
  return rows.reduce((sum, row) => sum + pricing.costOf(Number(row.prefix), row.parts), 0);
}

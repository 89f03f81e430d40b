// L5: a campaign's counters match its rows. Within one snapshot of salesdb, so it holds at every
// moment.
import { campaignSets, messageStatuses, unconfirmedCode } from "../contracts/states.ts";
import { statusIn } from "../platform/state_sql.ts";
import type { Finding, Law } from "./law.ts";
import { cursorRows, onlyCampaigns, type Snapshots } from "./snapshots.ts";

export const counters: Law = {
  name: "L5",
  title: "each campaign: contacts = sum over states, and each counter and sum = its rows counted",
  checkRows: checkCounters,
};

const columns = ["contacts", "parts", "parts_sent", "cost_milli", "charged_milli", "rejected", "unconfirmed", ...messageStatuses] as const;
type Column = (typeof columns)[number];
type CampaignCounts = { id: string; unpriced: bigint; uncharged: bigint } & Record<`stored_${Column}` | `counted_${Column}`, bigint>;

/**
 * A campaign that is importing has no counters yet; one whose import failed has rows that are being
 * purged.
 */
async function checkCounters({ salesdb: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const rows = sql<CampaignCounts[]>`
    with counted as (
      select i.bulksms_id, count(*) as contacts, coalesce(sum(i.parts), 0)::bigint as parts,
        coalesce(sum(i.parts) filter (where i.sent_at is not null), 0)::bigint as parts_sent,
        coalesce(sum(i.cost_milli), 0)::bigint as cost_milli,
        coalesce(sum(i.cost_milli) filter (where i.sent_at is not null), 0)::bigint as charged_milli,
        count(*) filter (where i.cost_milli is null) as unpriced,
        count(*) filter (where i.status = 'expired' and i.error_code = ${unconfirmedCode}) as unconfirmed,
        count(*) filter (where i.status = 'expired' and i.error_code = ${unconfirmedCode} and i.sent_at is null) as uncharged
        ${messageStatuses.map((status) => sql`, count(*) filter (where i.status = ${status}) as ${sql(status)}`)}
      from bulksms_info i ${onlyCampaignRows(sql, "i", scope)} group by i.bulksms_id
    ), rejects as (
      select r.bulksms_id, count(*) as rejected from bulksms_reject r ${onlyCampaignRows(sql, "r", scope)} group by r.bulksms_id
    )
    select b.id, coalesce(counted.unpriced, 0)::bigint as unpriced, coalesce(counted.uncharged, 0)::bigint as uncharged
      ${columns.map((column) => sql`, b.${sql(column)}::bigint as ${sql(`stored_${column}`)}`)}
      ${columns.map((column) => sql`, coalesce(${sql(column === "rejected" ? "rejects" : "counted")}.${sql(column)}, 0)::bigint as ${sql(`counted_${column}`)}`)}
    from bulksms b left join counted on counted.bulksms_id = b.id left join rejects on rejects.bulksms_id = b.id
    where ${statusIn(sql, "b.status", campaignSets.imported)} ${onlyCampaigns(sql, "b", scope)}`;
  for await (const batch of rows.cursor(cursorRows)) for (const row of batch) judgeCounters(row, finding);
  await checkRowsWithoutCampaign(sql, scope, finding);
}

function judgeCounters(row: CampaignCounts, finding: Finding): void {
  finding.compared(1 + Number(row.counted_contacts) + Number(row.counted_rejected));
  for (const column of columns) {
    const [stored, counted] = [row[`stored_${column}`], row[`counted_${column}`]];
    if (stored !== counted) finding.broken(`bulksms ${row.id}`, `${column} ${stored}, counted ${counted}`);
  }
  if (row.unpriced > 0n) finding.broken(`bulksms ${row.id}`, `${row.unpriced} of its messages have no cost`);
  if (row.uncharged > 0n) finding.broken(`bulksms ${row.id}`, `${row.uncharged} of its messages are unconfirmed, and were never sent`);
  const sum = messageStatuses.reduce((total, status) => total + row[`stored_${status}`], 0n);
  if (sum !== row.stored_contacts) finding.broken(`bulksms ${row.id}`, `contacts ${row.stored_contacts}, its states sum to ${sum}`);
}

/**
 * Rows of a campaign that does not exist would be counted nowhere. (bulksms_info has no foreign
 * key, which would slow the import down.)
 */
async function checkRowsWithoutCampaign(sql: Snapshots["salesdb"], scope: Snapshots["scope"], finding: Finding): Promise<void> {
  if (scope.workspaceId !== undefined) return;
  const orphans = await sql<{ bulksmsId: string; rows: bigint }[]>`
    select i.bulksms_id as "bulksmsId", count(*) as rows from bulksms_info i
    where not exists (select from bulksms b where b.id = i.bulksms_id)
    group by i.bulksms_id limit 100`;
  for (const { bulksmsId, rows } of orphans) finding.broken(`bulksms ${bulksmsId}`, `${rows} messages, but no such campaign`);
}

function onlyCampaignRows(sql: Snapshots["salesdb"], table: string, scope: Snapshots["scope"]) {
  if (scope.workspaceId === undefined) return sql``;
  return sql`where ${sql(table)}.bulksms_id in (select b.id from bulksms b where true ${onlyCampaigns(sql, "b", scope)})`;
}

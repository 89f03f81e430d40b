// L15: what nobody knows of messages that were sent through a carrier is listed, and bounded.
import { campaignSets } from "../contracts/states.ts";
import type { TransactionSql } from "../platform/postgres.ts";
import { statusIn } from "../platform/state_sql.ts";
import type { Finding, Law } from "./law.ts";
import { cursorRows, onlyCampaigns, type Snapshots } from "./snapshots.ts";

export const doubt: Law = {
  name: "L15",
  title: "each message in doubt is listed by the event that left it so, and no event lists more than its bound",
  concerns: "carriers",
  checkRows: async (snapshots, finding) => {
    await checkListed(snapshots, finding);
    await checkBounds(snapshots, finding);
    await checkReach(snapshots.salesdb, snapshots, finding);
  },
};

/** An unknown message of a carrier that repeats nothing got there by an event. */
async function checkListed({ salesdb: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const rows = sql<{ bulksmsId: string; rowNo: number; isListed: boolean }[]>`
    select m.bulksms_id as "bulksmsId", m.row_no as "rowNo",
      exists (select from doubt_message d where d.bulksms_id = m.bulksms_id and d.row_no = m.row_no) as "isListed"
    from bulksms b join bulksms_info m on m.bulksms_id = b.id
    where b.carrier_id is not null and m.status = 'unknown' ${onlyCampaigns(sql, "b", scope)}`;
  for await (const batch of rows.cursor(cursorRows)) {
    finding.compared(batch.length);
    for (const { bulksmsId, rowNo, isListed } of batch)
      if (!isListed) finding.broken(`bulksms_info ${bulksmsId}.${rowNo}`, "unknown, and no doubt event lists it");
  }
}

/** Of the whole installation: an event may concern several campaigns. */
async function checkBounds({ salesdb: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  if (scope.workspaceId !== undefined) return;
  const rows = sql<{ id: string; kind: string; bound: number; messages: number }[]>`
    select e.id, e.kind, e.bound, (select count(*)::int from doubt_message d where d.event_id = e.id) as messages from doubt_event e`;
  for await (const batch of rows.cursor(cursorRows)) {
    finding.compared(batch.length);
    for (const { id, kind, bound, messages } of batch) {
      if (messages > bound) finding.broken(`doubt_event ${id}`, `${messages} messages in doubt after a ${kind}, the bound is ${bound}`);
      if (messages === 0) finding.broken(`doubt_event ${id}`, `a ${kind} that left nothing in doubt`);
    }
  }
}

/** At every moment: what is intended on a link and has no outcome is at most two windows. */
async function checkReach(sql: TransactionSql, { scope }: Snapshots, finding: Finding): Promise<void> {
  if (scope.workspaceId !== undefined) return;
  const rows = await sql<{ name: string; slot: number; messages: number; bound: number }[]>`
    select r.name, l.slot, count(*)::int as messages, 2 * (r.settings ->> 'window')::int as bound
    from carrier_link l join carrier r on r.id = l.carrier_id
      join bulksms b on b.carrier_id = r.id and ${statusIn(sql, "b.status", campaignSets.open)}
      join bulksms_chunk c on c.bulksms_id = b.id and c.state = 'leased' and c.lease_owner = l.lease_owner
      join bulksms_info m on m.bulksms_id = b.id and m.row_no between c.first_row and c.intent_to and m.status = 'pending'
    group by r.name, l.slot, r.settings`;
  finding.compared(rows.length);
  for (const { name, slot, messages, bound } of rows)
    if (messages > bound)
      finding.broken(`carrier_link ${name}.${slot}`, `${messages} messages intended without an outcome, at most ${bound} may be`);
}

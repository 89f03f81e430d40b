// L16: our books of what carriers took agree with theirs. The witness is the simulator's journal,
// so it speaks of the accounts of it that our carriers use; of a real carrier nothing is observed.

import type { CarrierSettings } from "../contracts/carriers.ts";
import { type SimulatorAccount, theirIdOf } from "../contracts/simulator_accounts.ts";
import { numberMark, segmentRows } from "../contracts/simulator_journal.ts";
import { campaignSets } from "../contracts/states.ts";
import { statusIn } from "../platform/state_sql.ts";
import { normalizeMessageId } from "../protocols/smpp/message_ids.ts";
import { journalBits, readSegment, type SegmentFacts } from "./journal.ts";
import type { Finding, Law } from "./law.ts";
import type { JournalSnapshots } from "./messages.ts";
import type { Snapshots } from "./snapshots.ts";

export const carrierBooks: Law = {
  name: "L16",
  title: "no carrier accepted a message twice: each acceptance is recorded once, or is one of the messages in doubt",
  concerns: "carriers",
  checkRows: async (snapshots, finding, journal) => {
    await checkIdsOfParts(snapshots, finding);
    if (journal === null || snapshots.scope.workspaceId !== undefined) return;
    const carriers = await readSimulated(snapshots);
    for (const account of journal.accounts) {
      const ofAccount = carriers.filter(({ settings }) => accountOf(settings) === account.name);
      if (ofAccount.length > 0) await compareBooks(snapshots, journal, ofAccount, account, finding);
    }
  },
};

/** No part of a message has two ids: the second would be a second text. */
async function checkIdsOfParts({ salesdb: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  if (scope.workspaceId !== undefined) return;
  const [counted] = await sql<{ ids: number }[]>`select count(*)::int as ids from carrier_message`;
  finding.compared(counted?.ids ?? 0);
  const rows = await sql<{ bulksmsId: string; rowNo: number; partNo: number; ids: string[] }[]>`
    select bulksms_id as "bulksmsId", row_no as "rowNo", part_no as "partNo", array_agg(their_id) as ids
    from carrier_message group by 1, 2, 3 having count(*) > 1 limit 100`;
  for (const { bulksmsId, rowNo, partNo, ids } of rows)
    finding.broken(`bulksms_info ${bulksmsId}.${rowNo}`, `part ${partNo} was accepted ${ids.length} times: ${ids.join(", ")}`);
}

interface CarrierRow {
  id: string;
  name: string;
  settings: CarrierSettings;
}

/** Somebody else's carrier may have an account of the same name. */
const readSimulated = ({ salesdb: sql }: Snapshots) =>
  sql<CarrierRow[]>`select id, name, settings from carrier where is_simulated order by name`;

const accountOf = (settings: CarrierSettings): string =>
  settings.protocol === "smpp" ? `smpp:${settings.system_id}` : `twilio:${settings.account_sid}`;

/** The id in the form in which our books have it. */
const idOf = (settings: CarrierSettings, account: SimulatorAccount, rowNo: number): string =>
  settings.protocol === "smpp" ? normalizeMessageId(theirIdOf(account, rowNo), settings.receipt_ids) : theirIdOf(account, rowNo);

/**
 * Each message that the journal has as accepted must be known by its id, with its number; what is
 * not is one of the messages in doubt of that number, or one whose answer is on its way.
 */
async function compareBooks(
  snapshots: Snapshots,
  journal: JournalSnapshots,
  carriers: readonly CarrierRow[],
  account: SimulatorAccount,
  finding: Finding,
): Promise<void> {
  /** Acceptances that no id explains, by number mark. */
  const unexplained = new Map<number, number[]>();
  for (const segmentNo of journal.before.get(account.batchId)?.keys() ?? []) {
    const bytes = journal.before.get(account.batchId)?.get(segmentNo) ?? 0;
    const { before } = await readSegment(journal.folder, account.batchId, segmentNo, bytes);
    if (before !== null) await explainSegment(snapshots, carriers, account, before, unexplained, finding);
  }
  if (unexplained.size > 0) await explainByDoubt(snapshots, carriers, unexplained, finding);
}

async function explainSegment(
  { salesdb: sql }: Snapshots,
  carriers: readonly CarrierRow[],
  account: SimulatorAccount,
  facts: SegmentFacts,
  unexplained: Map<number, number[]>,
  finding: Finding,
): Promise<void> {
  const accepted = new Set<number>();
  for (let at = 0; at < segmentRows; at++) if (((facts.bits[at] as number) & journalBits.accepted) !== 0) accepted.add(facts.firstRow + at);
  finding.compared(accepted.size);
  for (const { id, name, settings } of carriers) {
    const rowNoOf = new Map([...accepted].map((rowNo) => [idOf(settings, account, rowNo), rowNo]));
    const known = await sql<{ theirId: string; msisdn: string; message: string }[]>`
      select m.their_id as "theirId", i.msisdn::text as msisdn, m.bulksms_id || '.' || m.row_no as message
      from carrier_message m join bulksms_info i on i.bulksms_id = m.bulksms_id and i.row_no = m.row_no
      where m.carrier_id = ${id} and m.their_id = any (${[...rowNoOf.keys()]}::text[])`;
    for (const { theirId, msisdn, message } of known) {
      const rowNo = rowNoOf.get(theirId) as number;
      accepted.delete(rowNo);
      if (facts.numberMarks[rowNo - facts.firstRow] !== numberMark(msisdn))
        finding.broken(`bulksms_info ${message}`, `the number that ${name} accepted under ${theirId} is another`);
    }
  }
  for (const rowNo of accepted) {
    const mark = facts.numberMarks[rowNo - facts.firstRow] as number;
    unexplained.set(mark, [...(unexplained.get(mark) ?? []), rowNo]);
  }
}

/**
 * How many acceptances the messages explain that were in doubt, or are under way at this moment,
 * and have no id: a long message, one per part.
 */
async function explainByDoubt(
  { salesdb: sql }: Snapshots,
  carriers: readonly CarrierRow[],
  unexplained: ReadonlyMap<number, readonly number[]>,
  finding: Finding,
): Promise<void> {
  const ids = carriers.map(({ id }) => id);
  const name = carriers.map((carrier) => carrier.name).join(", ");
  const rows = await sql<{ msisdn: string; parts: number }[]>`
    select i.msisdn::text as msisdn, sum(i.parts)::int as parts from (
      select d.bulksms_id, d.row_no from doubt_message d join doubt_event e on e.id = d.event_id where e.carrier_id = any (${ids}::uuid[])
      union
      select m.bulksms_id, m.row_no from bulksms b join bulksms_chunk c on c.bulksms_id = b.id and c.state <> 'done'
        join bulksms_info m on m.bulksms_id = b.id and m.row_no between c.first_row and c.intent_to and m.status = 'pending'
      where b.carrier_id = any (${ids}::uuid[]) and ${statusIn(sql, "b.status", campaignSets.open)}
    ) doubtful join bulksms_info i on i.bulksms_id = doubtful.bulksms_id and i.row_no = doubtful.row_no
    where not exists (select from carrier_message m where m.bulksms_id = doubtful.bulksms_id and m.row_no = doubtful.row_no)
    group by 1`;
  const explained = new Map<number, number>();
  for (const { msisdn, parts } of rows) explained.set(numberMark(msisdn), (explained.get(numberMark(msisdn)) ?? 0) + parts);
  for (const [mark, rowNos] of unexplained) {
    const most = explained.get(mark) ?? 0;
    if (rowNos.length > most)
      finding.broken(
        `${name} message ${rowNos.at(-1)}`,
        `the carrier accepted ${rowNos.length} texts to its number that no id of ours names, and ${most} of ours are in doubt`,
      );
  }
}

// Compares what the original's databases say of a campaign with what the simulator's journal says:
// wrong final states, wrong credit.
import { journalEnds, receiptStatusOf, segmentRows } from "../../../../src/contracts/simulator_journal.ts";
import { journalBits, listJournal, readSegment } from "../../../../src/laws/journal.ts";
import type { OriginalCampaign, OriginalSystem } from "./original_system.ts";

export interface OriginalTruth {
  messages: number;
  /** By the journal. */
  sent: number;
  /** Messages whose row does not say how they ended. */
  wrongStates: number;
  /** Credits charged minus credits that should have been: not 0 is wrong. */
  creditOff: number;
  /** Example: `12 delivered in the network, sent in the row`. */
  example: string | null;
}

/** Reads every row of an ended campaign. */
export async function readTruth(system: OriginalSystem, campaign: OriginalCampaign): Promise<OriginalTruth> {
  const truth: OriginalTruth = { messages: campaign.contacts, sent: 0, wrongStates: 0, creditOff: 0, example: null };
  const segments = (await listJournal(system.simulatorFolder))?.get(campaign.id) ?? new Map<number, number>();
  for (const segmentNo of segments.keys()) {
    const { after } = await readSegment(system.simulatorFolder, campaign.id, segmentNo, 0);
    if (after === null) continue;
    const rows = await system.salesdb<{ rowNo: number; status: string }[]>`
      select row_no as "rowNo", status from bulksms_info
      where bulksms_id = ${campaign.id} and row_no between ${after.firstRow} and ${after.firstRow + segmentRows - 1} order by row_no`;
    for (const { rowNo, status } of rows) {
      const at = rowNo - after.firstRow;
      const bits = after.bits[at] as number;
      const isSent = (bits & journalBits.isSent) !== 0;
      if (isSent) truth.sent += 1;
      const end = (bits & journalBits.rejected) !== 0 ? "failed" : lastWord(isSent, journalEnds[after.ends[at] as number] ?? null);
      if (status === end) continue;
      truth.wrongStates += 1;
      truth.example ??= `row ${rowNo} is ${end} in the network, ${status} in the database`;
    }
  }
  const [workspace] = await system.ds<
    { credit: string }[]
  >`select credit::text as credit from workspace where id = ${campaign.workspaceId}`;
  truth.creditOff = Math.round(10 * (campaign.credit - Number(workspace?.credit)) - truth.sent) / 10;
  return truth;
}

/** The last of a message's receipts. */
function lastWord(isSent: boolean, end: (typeof journalEnds)[number]): string | null {
  return receiptStatusOf(3, isSent, end) ?? receiptStatusOf(2, isSent, end) ?? "queued";
}

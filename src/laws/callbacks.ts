// L17: nobody who asked to be told about a text is forgotten.
import type { MessageStatus } from "../contracts/states.ts";
import type { Finding, Law } from "./law.ts";
import { cursorRows, onlyCampaigns, type Snapshots } from "./snapshots.ts";

export const callbacks: Law = {
  name: "L17",
  title: "each recipient's newest state was told to its callback URL, is to be told, or was given up",
  concerns: "callbacks",
  checkRows: checkTold,
};

interface Told {
  bulksmsId: string;
  rowNo: number;
  status: MessageStatus;
  /** null: nothing notes what was told. */
  told: MessageStatus | null;
  isDue: boolean;
  isGivenUp: boolean;
  /** What was told is a state that it is not in yet. */
  isAhead: boolean;
}

/** The intent to tell stands in the transaction of the change: this holds at every moment. */
async function checkTold({ salesdb: sql, scope }: Snapshots, finding: Finding): Promise<void> {
  const rows = sql<Told[]>`
    select b.id as "bulksmsId", m.row_no as "rowNo", m.status, k.told[m.row_no] as told,
      k.due_at is not null as "isDue", k.given_up_at is not null as "isGivenUp", coalesce(k.told[m.row_no] > m.status, false) as "isAhead"
    from bulksms b join bulksms_info m on m.bulksms_id = b.id left join message_callback k on k.bulksms_id = b.id
    where b.callback_url is not null ${onlyCampaigns(sql, "b", scope)}`;
  for await (const batch of rows.cursor(cursorRows)) {
    finding.compared(batch.length);
    for (const row of batch) {
      const problem = problemOf(row);
      if (problem !== null) finding.broken(`bulksms_info ${row.bulksmsId}.${row.rowNo}`, problem);
    }
  }
}

function problemOf({ status, told, isDue, isGivenUp, isAhead }: Told): string | null {
  if (told === null) return `${status}, and nothing notes what its callback URL was told`;
  if (isAhead) return `${status}, but its callback URL was told ${told}`;
  if (told !== status && !isDue && !isGivenUp) return `${status}, but its callback URL was told ${told}, and nobody is to tell it more`;
  return null;
}

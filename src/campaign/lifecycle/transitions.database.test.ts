// No statement moves a message or a campaign where contracts/states.ts does not lead: over all
// pairs of states.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import {
  bulksmsStatuses,
  campaignsLeadingTo,
  isMessageIn,
  type MessageStatus,
  messageLeadsTo,
  messageSets,
  messageStatuses,
  type ReceiptStatus,
  receiptStatuses,
} from "../../contracts/states.ts";
import { inTransaction } from "../../platform/postgres.ts";
import { changeStatus, lockCampaign } from "./campaign_rows.ts";
import { type EndTarget, endMessages } from "./end_messages.ts";
import { receive } from "./message_state.ts";
import { emptyVerdicts, moveMessages, setVerdict } from "./move_messages.ts";

let rows: SalesRows;
beforeAll(async () => {
  rows = await openSalesRows("salesapi");
});
afterAll(async () => {
  await rows?.close();
});

/** A campaign with one message in every state, in the enum's order. */
async function seed(): Promise<string> {
  const charged = messageSets.charging.length;
  const contacts = messageStatuses.length;
  const counters = Object.fromEntries(messageStatuses.map((status) => [status, 1]));
  const id = await rows.insertCampaign({ contacts, parts: contacts, parts_sent: charged, ...counters });
  await rows.owner`
    insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status, sent_at, done_at)
    select ${id}, row_no, 358400000000 + row_no, 1, 100, status,
      case when status::text = any (${messageSets.charging as string[]}) then now() end,
      case when status::text = any (${messageSets.final as string[]}) then now() end
    from unnest(${messageStatuses as string[]}::message_status[]) with ordinality as s (status, row_no)`;
  return id;
}

const readStates = async (id: string): Promise<MessageStatus[]> =>
  (await rows.owner<{ status: MessageStatus }[]>`select status from bulksms_info where bulksms_id = ${id} order by row_no`).map(
    ({ status }) => status,
  );

async function expectCounters(id: string, states: readonly MessageStatus[]): Promise<void> {
  const [campaign] = await rows.owner<Record<string, number>[]>`select * from bulksms where id = ${id}`;
  for (const status of messageStatuses) expect(campaign?.[status], status).toBe(states.filter((each) => each === status).length);
}

/** Pairs of states between which something moved. */
const moves = (after: readonly MessageStatus[]) =>
  messageStatuses.flatMap((from, index) => (after[index] === from ? [] : [{ from, to: after[index] as MessageStatus }]));

describe("a message", () => {
  it.each(receiptStatuses)("that gets the verdict %s goes only where its state leads", async (verdict: ReceiptStatus) => {
    const id = await seed();
    const verdicts = emptyVerdicts();
    for (const index of messageStatuses.keys()) setVerdict(verdicts, index + 1, { status: verdict, errorCode: null });
    await inTransaction(rows.sql, async (transaction) => {
      await lockCampaign(transaction, id);
      await moveMessages(transaction, id, verdicts);
    });
    const after = await readStates(id);
    for (const { from, to } of moves(after)) expect(messageLeadsTo(from), `${from} -> ${to}`).toContain(to);
    expect(after).toEqual(messageStatuses.map((status) => receive(status, verdict)));
    await expectCounters(id, after);
  });

  it("never leaves a state for one that it does not lead to, whatever receipt comes", () => {
    for (const status of messageStatuses) {
      for (const receipt of receiptStatuses) {
        const next = receive(status, receipt);
        if (next !== status) expect(messageLeadsTo(status), `${status} + ${receipt}`).toContain(next);
      }
    }
  });

  const targets: readonly EndTarget[] = ["unknown", ...messageSets.imposed];
  it.each(targets)("is ended as %s from every state that leads there, and from no other", async (to: EndTarget) => {
    const end = (from: readonly MessageStatus[], bulksmsId: string) =>
      inTransaction(rows.sql, async (transaction) => {
        await lockCampaign(transaction, bulksmsId);
        return endMessages(transaction, { bulksmsId, firstRow: 1, lastRow: messageStatuses.length }, from, to);
      });
    const id = await seed();
    const leading = messageStatuses.filter((status) => messageLeadsTo(status).includes(to));
    expect(await end(leading, id)).toMatchObject({ moved: leading.length });
    const after = await readStates(id);
    expect(after).toEqual(messageStatuses.map((status) => (leading.includes(status) ? to : status)));
    await expectCounters(id, after);
    const [ended] = await rows.owner<{ rows: number }[]>`
      select count(*)::int as rows from bulksms_info where bulksms_id = ${id} and status = ${to} and done_at is not null`;
    expect(ended?.rows).toBe(isMessageIn("final", to) ? leading.length + 1 : 0);
    const untouched = await seed();
    for (const from of messageStatuses.filter((status) => !leading.includes(status))) {
      await expect(end([from], untouched), from).rejects.toThrow(`no message goes from ${from} to ${to}`);
      await expect(end([...leading, from], untouched), from).rejects.toThrow("no message goes from");
    }
    expect(await readStates(untouched)).toEqual(messageStatuses);
  });
});

describe("a campaign", () => {
  it.each(bulksmsStatuses)("goes to %s from every state that leads there, and from no other", async (to) => {
    const leading = campaignsLeadingTo(to);
    if (leading.length === 0) await expect(changeStatus(rows.sql, randomUUID(), { to })).rejects.toThrow(`to ${to}`);
    for (const from of bulksmsStatuses) {
      const id = await rows.insertCampaign({ status: from });
      const change = changeStatus(rows.sql, id, { from: [from], to });
      if (leading.includes(from)) expect(await change).toMatchObject({ status: to });
      else await expect(change, from).rejects.toThrow(`no campaign goes from ${from} to ${to}`);
      if (leading.length === 0) continue;
      const open = await rows.insertCampaign({ status: from });
      expect((await changeStatus(rows.sql, open, { to }))?.status ?? null, `${from} -> ${to}`).toBe(leading.includes(from) ? to : null);
    }
  });
});

// A message that was sent to where no receipt comes from is shown as that, wherever people look.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { readStatistics } from "./campaign_figures.ts";
import { listMessages, readBulksms } from "./campaign_reads.ts";
import { exportReport } from "./exports.ts";
import { readMessageTimeline } from "./message_timeline.ts";

const workspaceId = randomUUID();
let rows: SalesRows;
let id: string;
beforeAll(async () => {
  rows = await openSalesRows("salesapi");
  const counters = { contacts: 3, parts: 3, expired: 3, unconfirmed: 1 };
  id = await rows.insertCampaign({ workspace_id: workspaceId, ...counters });
  await rows.owner`
    insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status, error_code, sent_at, done_at)
    select ${id}, n, 358400000000 + n, 1, 100, 'expired', code, now(), now()
    from unnest(${["unconfirmed", null, "42"]}::text[]) with ordinality as m (code, n)`;
});
afterAll(() => rows?.close());

const words = "sent, unconfirmed: no receipt comes from there";

it("is found by its own state, and not among those that expired", async () => {
  const found = async (statuses: ("expired" | "unconfirmed")[]) =>
    (await listMessages(rows.sql, workspaceId, id, { limit: 10, cursor: 0, statuses })).messages.map(({ row_no }) => row_no);
  expect(await found(["unconfirmed"])).toEqual([1]);
  expect(await found(["expired"])).toEqual([2, 3]);
  expect(await found(["expired", "unconfirmed"])).toEqual([1, 2, 3]);
  expect(await readBulksms(rows.sql, workspaceId, id)).toMatchObject({ counts: { expired: 3 }, unconfirmed: 1 });
});

it("is no reason why messages did not arrive", async () => {
  expect((await readStatistics(rows.sql, workspaceId, id)).errors).toEqual([{ error_code: "42", status: "expired", rows: 1 }]);
});

it("is called so in its timeline and in the report", async () => {
  const { way, charge } = await readMessageTimeline(rows.sql, workspaceId, id, 1);
  expect(way.at(-1)).toMatchObject({ step: "done", reached: true, process: "sales_worker", description: words });
  expect(charge.description).toMatch(/^Sent: /);
  let report = "";
  for await (const line of await exportReport(rows.sql, workspaceId, id)) report += line;
  expect(report.split("\r\n").filter((line) => line.includes(words))).toHaveLength(1);
});

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../testing/engines.ts";
import { message, type PlantedCampaign, plantCampaign, plantWorkspace, writeJournal } from "../../testing/planted_world.ts";
import { accountsFile, formatAccount } from "../contracts/simulator_accounts.ts";
import { segmentPath } from "../contracts/simulator_journal.ts";
import { type InjectionLine, injectionsFile } from "../contracts/simulator_weather.ts";
import { closePostgres, openPostgres, type Sql } from "../platform/postgres.ts";
import { checkLaws, type LawsReport } from "./check_laws.ts";
import type { LawName } from "./law.ts";

const workspaceId = "0199aaaa-0000-7000-8000-000000000001";
const strangerId = "0199aaaa-0000-7000-8000-000000000002";
const holdOf = (id: string): string => id.replace("0199bbbb", "0199cccc");

function campaign(no: number, status: PlantedCampaign["status"], messages: PlantedCampaign["messages"]): PlantedCampaign {
  const id = `0199bbbb-0000-7000-8000-00000000000${no}`;
  return { id, holdId: holdOf(id), workspaceId, status, messages };
}

/** Every possible ending, each with the course that leads there. */
const finished = campaign(1, "finished", [
  ...Array.from({ length: 20 }, (_, index) => message(1 + index, "delivered", { parts: index === 4 ? 2 : 1 })),
  message(21, "undelivered"),
  message(22, "failed", { journal: { verdict: "rejected", errorCode: "no_sms_service" } }),
  message(23, "failed"),
  message(24, "expired", { isSentMarked: true, journal: { verdict: "accepted", isSent: true, answered: [1, 2] } }),
  message(25, "expired", { journal: { verdict: "accepted", isSent: true } }),
  message(26, "expired", { journal: null }),
  message(27, "expired"),
  message(28, "expired", { anomaly: "sent", journal: { verdict: "accepted", isSent: true, answered: [1, 2] } }),
  message(29, "delivered", {
    journal: { verdict: "accepted", isSent: true, end: "delivered", answered: [1, 2, 3], repeats: [true, true] },
  }),
  message(30, "undelivered", { journal: { verdict: "accepted", isSent: true, end: "undelivered", answered: [3] } }),
]);
const canceled = campaign(2, "canceled", [
  message(1, "delivered"),
  message(2, "delivered"),
  message(3, "canceled"),
  message(4, "canceled"),
]);
const running = campaign(3, "running", [
  ...[message(1, "delivered"), message(2, "sent"), message(3, "sent"), message(4, "queued"), message(5, "unknown")],
  message(6, "sent", { journal: { verdict: "accepted", isSent: true, end: "delivered", answered: [1, 2] } }),
  message(7, "pending", { isIntended: true, journal: { verdict: "accepted" } }),
  message(8, "pending"),
]);

const madeUp = (receiptNo: number): string => `${finished.id}.1.${receiptNo}.unknown_status`;

async function empty(sql: Sql): Promise<void> {
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = 'public' and tablename <> 'schemaversion'`;
  await sql`truncate ${sql(tables.map(({ name }) => name))} cascade`;
}

describe("the laws", () => {
  let databases: { ds: TestDatabase; salesdb: TestDatabase };
  let ds: Sql;
  let salesdb: Sql;
  let simulatorFolder: string;

  beforeAll(async () => {
    const [one, other] = await Promise.all([createTestDatabase("ds"), createTestDatabase("salesdb")]);
    databases = { ds: one, salesdb: other };
    ds = openPostgres(one.ownerUrl, { applicationName: "test", connections: 1 });
    salesdb = openPostgres(other.ownerUrl, { applicationName: "test", connections: 1 });
  });

  beforeEach(() => {
    simulatorFolder = mkdtempSync(join(tmpdir(), "bulksms-laws-"));
  });

  afterEach(async () => {
    await Promise.all([empty(ds), empty(salesdb)]);
    rmSync(simulatorFolder, { recursive: true, force: true });
  });

  afterAll(async () => {
    await Promise.all([closePostgres(ds), closePostgres(salesdb)]);
    await Promise.all([databases.ds.drop(), databases.salesdb.drop()]);
  });

  const check = (scope = {}): Promise<LawsReport> =>
    checkLaws({ dsUrl: databases.ds.urls.check as string, salesdbUrl: databases.salesdb.urls.check as string, simulatorFolder }, scope);
  const verdicts = (report: LawsReport) => Object.fromEntries(report.laws.map((law) => [law.law, law.verdict]));
  const namedBy = (report: LawsReport, law: LawName) => report.laws.find((one) => one.law === law)?.broken.map((row) => row.row) ?? [];
  const plant = async (...campaigns: PlantedCampaign[]): Promise<void> => {
    await plantWorkspace(ds, workspaceId, 1_000_000n);
    for (const one of campaigns) await plantCampaign(ds, salesdb, simulatorFolder, one);
  };
  const allHold = Object.fromEntries(["L1", "L2", "L3", "L4", "L5", "L6", "L7", "L8", "L9", "L10", "L11"].map((law) => [law, "held"]));
  /**
   * Makes receipts up as the weather does: writes lines of its file, and an anomaly for each one
   * named.
   */
  const makeUp = async (lines: readonly InjectionLine[], anomalies: readonly string[] = [], kind = "unknown_status"): Promise<void> => {
    mkdirSync(join(simulatorFolder, "weather"), { recursive: true });
    writeFileSync(
      join(simulatorFolder, injectionsFile),
      `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"answered":"cut by a cra`,
    );
    for (const id of anomalies)
      await salesdb`insert into receipt_anomaly (receipt_id, kind, reference, bulksms_id, row_no, status, body)
        values (${id}, ${kind}, ${`${finished.id}.1`}, ${finished.id}, 1, 'teleported', '{}')`;
  };

  /** The campaign as a text whose callback URL was told each recipient's state. */
  const makeCallbacks = async (one: PlantedCampaign): Promise<void> => {
    await salesdb`update bulksms set is_message = true, callback_url = 'https://app.example/' where id = ${one.id}`;
    await salesdb`insert into callback_account (workspace_id) values (${one.workspaceId})`;
    await salesdb`insert into message_callback (bulksms_id, workspace_id, told)
      select ${one.id}, ${one.workspaceId}, array_agg(status order by row_no) from bulksms_info where bulksms_id = ${one.id}`;
  };

  it("hold for callbacks that were told, are to be told, or were given up", async () => {
    await plant(finished, running);
    await makeCallbacks(running);
    expect(verdicts(await check()).L17).toBe("held");
    const stays = salesdb`told[1] = 'pending'`;
    await salesdb`update message_callback set ${stays}, due_at = now(), waiting_since = now()`;
    expect(verdicts(await check()).L17).toBe("held");
    await salesdb`update message_callback set due_at = null, waiting_since = null, given_up_at = now()`;
    const report = await check();
    expect(verdicts(report).L17).toBe("held");
    expect(report.laws.find(({ law }) => law === "L17")?.rowsCompared).toBe(running.messages.length);
    expect(verdicts(await check({ bulksmsId: finished.id })).L17).toBe("nothing_to_check");
  });

  it("have nothing to check in an empty system, and do not call that held", async () => {
    const report = await check();
    expect(new Set(Object.values(verdicts(report)))).toEqual(new Set(["nothing_to_check"]));
    expect(report.rowsCompared).toBe(0);
  });

  it("hold when everything has ended, and list what was sent without a receipt", async () => {
    await plant(finished, canceled);
    const report = await check();
    expect(report.laws.flatMap((law) => law.broken)).toEqual([]);
    expect(verdicts(report)).toEqual(allHold);
    expect(report.form).toBe("settled");
    const excused = report.laws.find((law) => law.law === "L3")?.excused.map((row) => row.row);
    expect(excused).toEqual([`bulksms_info ${finished.id}.25`, `bulksms_info ${finished.id}.28`]);
    expect(report.laws.every((law) => law.rowsCompared > 1)).toBe(true);
  });

  it("take no batch of an account for a campaign, and any other batch that salesdb does not know for one", async () => {
    await plant(finished, canceled);
    const batchId = "0199dddd-0000-8000-8000-000000000001";
    writeJournal(simulatorFolder, batchId, finished.messages);
    expect(namedBy(await check(), "L7")).toContain(`bulksms_info ${batchId}.1`);
    const line = formatAccount({ name: "smpp:oulu", batchId });
    writeFileSync(join(simulatorFolder, accountsFile), `${line}{"account":"smpp:cut by a cra`);
    const report = await check();
    expect(verdicts(report)).toEqual(allHold);
    expect(report.rowsCompared).toBeGreaterThan(finished.messages.length);
  });

  it("hold in the running form while a campaign runs, its last charge on the way", async () => {
    await plant(finished, running);
    const report = await check();
    expect(report.laws.flatMap((law) => law.broken)).toEqual([]);
    expect(report.form).toBe("running");
  });

  it("hold over a journal of format 1, whose verdicts name no number; all else about its messages is still compared", async () => {
    await plant(finished, canceled);
    writeJournal(simulatorFolder, finished.id, finished.messages, 1);
    expect(verdicts(await check())).toEqual(allHold);
    await salesdb`update bulksms_info set msisdn = msisdn + 1 where row_no = 1`;
    expect(namedBy(await check(), "L7")).toEqual([`bulksms_info ${canceled.id}.1`]);
    await salesdb`update bulksms_info set error_code = 'gremlins' where row_no = 21`;
    expect(namedBy(await check(), "L8")).toEqual([`bulksms_info ${finished.id}.21`]);
  });

  it("hold over more messages than one segment of the journal has", async () => {
    const messages = Array.from({ length: 20_000 }, (_, index) => message(1 + index, index % 50 === 0 ? "undelivered" : "delivered"));
    await plantWorkspace(ds, workspaceId, 10_000_000n);
    await plantCampaign(ds, salesdb, simulatorFolder, campaign(1, "finished", messages));
    expect(verdicts(await check())).toEqual(allHold);
    await salesdb`update bulksms_info set parts = 7 where row_no = 19999`;
    expect(namedBy(await check(), "L7")).toEqual([`bulksms_info ${finished.id}.19999`]);
  });

  it("hold when each receipt that the weather made up was quarantined, and one may be on its way", async () => {
    await plant(finished, canceled);
    await makeUp(
      [{ injected: madeUp(1), kind: "unknown_status" }, { answered: madeUp(1) }, { injected: madeUp(2), kind: "malformed" }],
      [madeUp(1)],
    );
    expect(verdicts(await check())).toEqual(allHold);
    expect(verdicts(await check({ bulksmsId: finished.id }))).toEqual(allHold);
  });

  it("look at one campaign or one workspace alone when asked", async () => {
    await plant(finished, canceled);
    await salesdb`update bulksms set delivered = delivered - 1, failed = failed + 1 where id = ${canceled.id}`;
    expect((await check({ bulksmsId: finished.id })).brokenLaws).toBe(0);
    expect(verdicts(await check({ bulksmsId: finished.id }))).toEqual(allHold);
    expect((await check({ bulksmsId: canceled.id })).brokenLaws).toBe(1);
    expect((await check({ workspaceId })).brokenLaws).toBe(1);
    await expect(check({ workspaceId: strangerId })).rejects.toThrow("There is no such workspace.");
    await expect(check({ bulksmsId: finished.id.replace(/.{4}$/, "ffff") })).rejects.toThrow("There is no such campaign.");
  });

  it("cannot write: the audit's role has no right to", async () => {
    const sql = openPostgres(databases.salesdb.urls.check as string, { applicationName: "test", connections: 1 });
    await expect(sql`update bulksms set contacts = 0`).rejects.toThrow(/read-only transaction|permission denied/);
    await sql.end();
  });

  interface Corruption {
    law: LawName;
    title: string;
    corrupt: () => Promise<unknown> | unknown;
    names: string;
    while?: "running";
  }

  const info = (one: PlantedCampaign, rowNo: number): string => `bulksms_info ${one.id}.${rowNo}`;
  const rejournal = (one: PlantedCampaign, rowNo: number, journal: PlantedCampaign["messages"][number]["journal"]): void =>
    writeJournal(
      simulatorFolder,
      one.id,
      one.messages.map((m) => (m.rowNo === rowNo ? { ...m, journal } : m)),
    );
  const delivered = { verdict: "accepted", isSent: true, end: "delivered", answered: [1, 2, 3] } as const;
  /** Takes one settle out of ds so that ds alone still adds up. */
  const unsettle = async (): Promise<void> => {
    await ds`delete from credit_ledger where kind = 'settle' and hold_id = ${canceled.holdId} and amount = 100 and transfer_id = (
      select min(transfer_id::text)::uuid from credit_ledger where kind = 'settle' and hold_id = ${canceled.holdId})`;
    await ds`alter table credit_hold drop constraint credit_hold_check2`;
    await ds`update credit_hold set settled = settled - 100, state = 'open', closed_at = null where id = ${canceled.holdId}`;
    await ds`update workspace set spent = spent - 100, held = held + 100`;
  };

  const corruptions: Corruption[] = [
    {
      law: "L1",
      title: "a milli-credit from nowhere",
      corrupt: () => ds`update workspace set available = available + 1`,
      names: `workspace ${workspaceId}`,
    },
    {
      law: "L1",
      title: "a ledger row lost",
      corrupt: () => ds`delete from credit_ledger where kind = 'top_up'`,
      names: `workspace ${workspaceId}`,
    },
    {
      law: "L1",
      title: "credit moved between accounts without a transfer",
      corrupt: () => ds`update workspace set available = available - 100, spent = spent + 100`,
      names: `workspace ${workspaceId}`,
    },
    {
      law: "L2",
      title: "more spent than was settled",
      corrupt: () => ds`update workspace set available = available - 100, spent = spent + 100`,
      names: `workspace ${workspaceId}`,
    },
    {
      law: "L2",
      title: "held credit that no hold has",
      corrupt: () => ds`update workspace set available = available - 100, held = held + 100`,
      names: `workspace ${workspaceId}`,
    },
    {
      law: "L2",
      title: "a balance below zero",
      corrupt: async () => {
        await ds`alter table workspace drop constraint workspace_available_check`;
        await ds`update workspace set available = -1`;
      },
      names: `workspace ${workspaceId}`,
    },
    {
      law: "L2",
      title: "a hold that settled more than the ledger says",
      corrupt: () => ds`update credit_hold set settled = settled + 100, released = released - 100 where id = ${finished.holdId}`,
      names: `credit_hold ${finished.holdId}`,
    },
    {
      law: "L3",
      title: "an outbox row of another amount",
      corrupt: () => salesdb`update credit_outbox set amount = amount + 100 where bulksms_id = ${canceled.id}`,
      names: `bulksms ${canceled.id}`,
    },
    {
      law: "L3",
      title: "a sent message that costs more than it was charged",
      corrupt: () => salesdb`update bulksms_info set cost_milli = cost_milli + 1 where bulksms_id = ${finished.id} and row_no = 3`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L5",
      title: "a message whose cost is in no sum",
      corrupt: () => salesdb`update bulksms_info set cost_milli = cost_milli + 1 where bulksms_id = ${canceled.id} and row_no = 3`,
      names: `bulksms ${canceled.id}`,
    },
    {
      law: "L5",
      title: "a message without a cost",
      corrupt: () => salesdb`update bulksms_info set cost_milli = null where bulksms_id = ${canceled.id} and row_no = 3`,
      names: `bulksms ${canceled.id}`,
    },
    {
      law: "L5",
      title: "a sum of charges that its messages do not have",
      corrupt: () => salesdb`update bulksms set charged_milli = charged_milli - 100 where id = ${finished.id}`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L5",
      title: "an unconfirmed message that nobody counted",
      corrupt: () => salesdb`update bulksms set unconfirmed = 1 where id = ${finished.id}`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L10",
      title: "a run that asked for another amount than its messages cost",
      corrupt: async () => {
        await salesdb`update bulksms_info set cost_milli = cost_milli + 1 where bulksms_id = ${finished.id} and row_no = 23`;
        await salesdb`update bulksms set cost_milli = cost_milli + 1 where id = ${finished.id}`;
      },
      names: `bulksms_run ${finished.holdId}`,
    },
    {
      law: "L10",
      title: "a campaign that ran while it was re-priced",
      corrupt: () => salesdb`update bulksms set price_version = null, repricing_version = 2 where id = ${finished.id}`,
      names: `bulksms_run ${finished.holdId}`,
    },
    {
      law: "L10",
      title: "a campaign that ran while its carrier was changed",
      corrupt: async () => {
        await salesdb`insert into carrier (id, name, settings, sealed_secret) values (${finished.id}, 'next', '{"protocol": "smpp"}', '')`;
        await salesdb`update bulksms set next_carrier_id = ${finished.id} where id = ${finished.id}`;
      },
      names: `bulksms_run ${finished.holdId}`,
    },
    { law: "L3", title: "a settle that never happened", corrupt: unsettle, names: "credit_outbox " },
    {
      law: "L3",
      title: "a settle that nobody asked for",
      corrupt: () => ds`insert into credit_ledger (transfer_id, kind, workspace_id, hold_id, debit, credit, amount)
        values ('0199dddd-0000-7000-8000-000000000001', 'settle', ${workspaceId}, ${finished.holdId}, 'held', 'spent', 100)`,
      names: "credit_ledger 0199dddd-0000-7000-8000-000000000001",
    },
    {
      law: "L3",
      title: "a charge that was refused and parked",
      corrupt: () => ds`insert into settle_refused (outbox_id, hold_id, amount, code)
        values ('0199dddd-0000-7000-8000-000000000002', ${finished.holdId}, 100, 'hold_exceeded')`,
      names: "settle_refused 0199dddd-0000-7000-8000-000000000002",
    },
    {
      law: "L3",
      title: "a sent message without its mark",
      corrupt: () => salesdb`update bulksms_info set sent_at = null where bulksms_id = ${finished.id} and row_no = 3`,
      names: info(finished, 3),
    },
    {
      law: "L3",
      title: "a message charged that the carrier never sent",
      corrupt: () => rejournal(finished, 24, { verdict: "accepted", answered: [1] }),
      names: info(finished, 24),
    },
    {
      law: "L3",
      title: "a receipt taken, but its message ended uncharged",
      corrupt: () => rejournal(finished, 25, { verdict: "accepted", isSent: true, answered: [1, 2] }),
      names: info(finished, 25),
    },
    {
      law: "L3",
      title: "a message charged that the carrier never sent",
      while: "running",
      corrupt: () => rejournal(running, 2, { verdict: "accepted", answered: [1] }),
      names: info(running, 2),
    },
    {
      law: "L4",
      title: "a message accepted twice",
      corrupt: () => rejournal(finished, 7, { ...delivered, answered: [1, 2, 3], verdicts: 2 }),
      names: info(finished, 7),
    },
    {
      law: "L4",
      title: "another message under the same reference",
      corrupt: () => rejournal(finished, 8, { ...delivered, answered: [1, 2, 3], repeats: [true, false] }),
      names: info(finished, 8),
    },
    {
      law: "L4",
      title: "a message accepted twice",
      while: "running",
      corrupt: () => rejournal(running, 5, { verdict: "accepted", verdicts: 2 }),
      names: info(running, 5),
    },
    {
      law: "L5",
      title: "counters that miscount",
      corrupt: () => salesdb`update bulksms set delivered = delivered - 1, failed = failed + 1 where id = ${finished.id}`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L5",
      title: "a message that nobody counted",
      while: "running",
      corrupt: () => salesdb`update bulksms_info set status = 'delivered' where bulksms_id = ${running.id} and row_no = 4`,
      names: `bulksms ${running.id}`,
    },
    {
      law: "L5",
      title: "a message lost",
      corrupt: () => salesdb`delete from bulksms_info where bulksms_id = ${finished.id} and row_no = 26`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L5",
      title: "a reject lost",
      corrupt: () => salesdb`delete from bulksms_reject where bulksms_id = ${finished.id}`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L6",
      title: "an ended campaign with a message under way",
      corrupt: () => salesdb`update bulksms_info set status = 'queued' where bulksms_id = ${finished.id} and row_no = 27`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L6",
      title: "an ended campaign with an unconfirmed charge",
      corrupt: () => salesdb`update credit_outbox set confirmed_at = null where bulksms_id = ${canceled.id}`,
      names: `bulksms ${canceled.id}`,
    },
    {
      law: "L6",
      title: "an ended campaign with an open hold",
      corrupt: () => ds`update credit_hold set state = 'open', closed_at = null where id = ${finished.holdId}`,
      names: `bulksms ${finished.id}`,
    },
    {
      law: "L7",
      title: "a delivered message that the carrier never had",
      corrupt: () => rejournal(finished, 9, null),
      names: info(finished, 9),
    },
    {
      law: "L7",
      title: "a canceled message that was submitted all the same",
      corrupt: () => rejournal(canceled, 3, { verdict: "accepted" }),
      names: info(canceled, 3),
    },
    {
      law: "L7",
      title: "an accepted message whose row is gone",
      corrupt: () => salesdb`delete from bulksms_info where bulksms_id = ${finished.id} and row_no = 30`,
      names: info(finished, 30),
    },
    {
      law: "L7",
      title: "a batch of which salesdb knows nothing",
      corrupt: () => writeJournal(simulatorFolder, "0199bbbb-0000-7000-8000-000000000009", [message(1, "sent")]),
      names: "bulksms_info 0199bbbb-0000-7000-8000-000000000009.1",
    },
    {
      law: "L7",
      title: "a message submitted with another number of parts",
      corrupt: () => salesdb`update bulksms_info set parts = 3 where bulksms_id = ${finished.id} and row_no = 5`,
      names: info(finished, 5),
    },
    {
      law: "L7",
      title: "a number that was changed after the message was submitted",
      corrupt: () => salesdb`update bulksms_info set msisdn = msisdn + 1 where bulksms_id = ${finished.id} and row_no = 6`,
      names: info(finished, 6),
    },
    {
      law: "L7",
      title: "a number that was changed, of a message that the carrier rejected",
      corrupt: () => salesdb`update bulksms_info set msisdn = msisdn * 10 where bulksms_id = ${finished.id} and row_no = 22`,
      names: info(finished, 22),
    },
    {
      law: "L7",
      title: "two numbers exchanged",
      while: "running",
      corrupt: () => salesdb`update bulksms_info m set msisdn = o.msisdn from bulksms_info o
        where m.bulksms_id = ${running.id} and o.bulksms_id = m.bulksms_id and m.row_no in (3, 4) and o.row_no = 7 - m.row_no`,
      names: info(running, 3),
    },
    {
      law: "L7",
      title: "a message submitted without an intent",
      while: "running",
      corrupt: () => rejournal(running, 8, { verdict: "accepted" }),
      names: info(running, 8),
    },
    {
      law: "L7",
      title: "a byte of the journal flipped",
      corrupt: () => {
        const path = join(simulatorFolder, segmentPath(finished.id, 0));
        const bytes = readFileSync(path);
        bytes[60] = (bytes[60] as number) ^ 0x10;
        writeFileSync(path, bytes);
      },
      names: info(finished, 1),
    },
    {
      law: "L9",
      title: "a receipt taken and forgotten",
      corrupt: () => salesdb`update bulksms_info set status = 'undelivered' where bulksms_id = ${finished.id} and row_no = 2`,
      names: info(finished, 2),
    },
    {
      law: "L8",
      title: "an end that was left for another",
      corrupt: () => salesdb`update bulksms_info set status = 'failed' where bulksms_id = ${finished.id} and row_no = 21`,
      names: info(finished, 21),
    },
    ...(
      [
        ["of an end changed for another", 21, "barred"],
        ["of an end taken away", 23, null],
        ["of a rejection changed for another", 22, "barred"],
        ["of no carrier's", 23, "gremlins"],
        ["given to a delivered message", 2, "barred"],
        ["given to an expired message", 27, "barred"],
        ["given to an end that had none", 30, "barred"],
      ] as const
    ).map(
      ([title, rowNo, code]): Corruption => ({
        law: "L8",
        title: `an error code ${title}`,
        corrupt: () => salesdb`update bulksms_info set error_code = ${code} where bulksms_id = ${finished.id} and row_no = ${rowNo}`,
        names: info(finished, rowNo),
      }),
    ),
    {
      law: "L8",
      title: "an error code given to a message under way",
      while: "running",
      corrupt: () => salesdb`update bulksms_info set error_code = 'barred' where bulksms_id = ${running.id} and row_no = 4`,
      names: info(running, 4),
    },
    {
      law: "L8",
      title: "an end that the carrier has not told",
      while: "running",
      corrupt: () => salesdb`update bulksms_info set status = 'undelivered' where bulksms_id = ${running.id} and row_no = 3`,
      names: info(running, 3),
    },
    {
      law: "L9",
      title: "a late receipt that was thrown away",
      corrupt: () => salesdb`delete from receipt_anomaly`,
      names: info(finished, 28),
    },
    {
      law: "L9",
      title: "a receipt taken and forgotten",
      while: "running",
      corrupt: () => rejournal(running, 6, { ...delivered, answered: [1, 2, 3] }),
      names: info(running, 6),
    },
    {
      law: "L10",
      title: "a hold without a run",
      corrupt: () => ds`insert into credit_hold (id, workspace_id, amount, state, origin, closed_at)
        values ('0199dddd-0000-7000-8000-000000000003', ${workspaceId}, 0, 'closed', 'tombstone', now())`,
      names: "credit_hold 0199dddd-0000-7000-8000-000000000003",
    },
    {
      law: "L10",
      title: "a run without a hold",
      corrupt: () => salesdb`insert into bulksms_run (hold_id, bulksms_id, amount)
        values ('0199dddd-0000-7000-8000-000000000004', ${finished.id}, 100)`,
      names: "bulksms_run 0199dddd-0000-7000-8000-000000000004",
    },
    {
      law: "L10",
      title: "a hold of another amount than its run",
      while: "running",
      corrupt: () => salesdb`update bulksms_run set amount = amount + 1 where hold_id = ${running.holdId}`,
      names: `credit_hold ${running.holdId}`,
    },
    {
      law: "L11",
      title: "an anomaly that no weather made up",
      corrupt: () => makeUp([], [madeUp(1)]),
      names: `receipt_anomaly ${madeUp(1)}`,
    },
    {
      law: "L11",
      title: "an anomaly of another kind than was made up",
      corrupt: () => makeUp([{ injected: madeUp(1), kind: "contradiction" }], [madeUp(1)]),
      names: `receipt_anomaly ${madeUp(1)}`,
    },
    {
      law: "L11",
      title: "a made-up receipt that was taken and thrown away",
      while: "running",
      corrupt: () => makeUp([{ injected: madeUp(1), kind: "unknown_status" }, { answered: madeUp(1) }]),
      names: `made-up receipt ${madeUp(1)}`,
    },
    {
      law: "L11",
      title: "a forged receipt that was believed",
      corrupt: () => makeUp([{ taken: madeUp(1), kind: "forged" }]),
      names: `made-up receipt ${madeUp(1)}`,
    },
    {
      law: "L17",
      title: "a change of which nobody is to be told",
      while: "running",
      corrupt: async () => {
        await makeCallbacks(running);
        await salesdb`update message_callback set told[3] = 'queued'`;
      },
      names: info(running, 3),
    },
    {
      law: "L17",
      title: "a state that was told before it was reached",
      corrupt: async () => {
        await makeCallbacks(canceled);
        await salesdb`update message_callback set told[1] = 'canceled'`;
      },
      names: info(canceled, 1),
    },
    {
      law: "L17",
      title: "a text whose callbacks nobody notes",
      corrupt: async () => {
        await makeCallbacks(finished);
        await salesdb`delete from message_callback`;
      },
      names: info(finished, 1),
    },
  ];

  for (const { law, title, corrupt, names, while: when } of corruptions) {
    it(`${law} finds ${title}${when === undefined ? "" : " while a campaign runs"}, and names the row`, async () => {
      await plant(finished, when === undefined ? canceled : running);
      await corrupt();
      const report = await check();
      expect(verdicts(report)[law]).toBe("broken");
      expect(namedBy(report, law).some((row) => row.startsWith(names))).toBe(true);
    });
  }
});

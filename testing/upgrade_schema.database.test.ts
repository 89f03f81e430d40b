// Databases of the schema before the price list, with rows in every state, under this version: the
// migration keeps every law, also while processes of the version before still write. The old
// statements are copied from commit 21c985b.
import { randomUUID } from "node:crypto";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { migrateDatabases } from "../src/cli/migrate.ts";
import { type DatabaseName, databaseNames, databaseRoles } from "../src/contracts/processes.ts";
import { campaignSets, messageStatuses } from "../src/contracts/states.ts";
import { checkLaws } from "../src/laws/check_laws.ts";
import { migrateDatabase } from "../src/local/migrate.ts";
import type { SystemSettings } from "../src/local/system_settings.ts";
import { closePostgres, openPostgres, type Sql } from "../src/platform/postgres.ts";
import { createEmptyDatabase, migrationsFolder, roleUrlsOf } from "./engines.ts";
import { message, type PlantedCampaign, plantCampaign, plantWorkspace } from "./planted_world.ts";

const schemaBefore = 2;
const workspaceId = "0199aaaa-0000-7000-8000-000000000001";

let folder: string;
let simulatorFolder: string;
let databases: Record<DatabaseName, Awaited<ReturnType<typeof createEmptyDatabase>>>;
let ds: Sql;
let salesdb: Sql;
let settings: SystemSettings;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "bulksms-schema-"));
  simulatorFolder = mkdtempSync(join(tmpdir(), "bulksms-schema-"));
  databases = { ds: await createEmptyDatabase(), salesdb: await createEmptyDatabase() };
  for (const kind of databaseNames) {
    const old = mkdtempSync(join(folder, kind));
    for (const file of readdirSync(migrationsFolder(kind)).filter((name) => Number(name.slice(0, 3)) <= schemaBefore))
      copyFileSync(join(migrationsFolder(kind), file), join(old, file));
    const { ownerUrl } = databases[kind];
    await migrateDatabase({ ownerUrl, roleUrls: roleUrlsOf(kind, ownerUrl), folder: old });
  }
  ds = openPostgres(databases.ds.ownerUrl, { applicationName: "test", connections: 2 });
  salesdb = openPostgres(databases.salesdb.ownerUrl, { applicationName: "test", connections: 4 });
  const urls = (kind: DatabaseName) =>
    Object.fromEntries(
      Object.entries(roleUrlsOf(kind, databases[kind].ownerUrl)).map(([role, url]) => [
        (databaseRoles[kind] as Record<string, string>)[role],
        url,
      ]),
    );
  settings = {
    BULKSMS_DS_OWNER_URL: databases.ds.ownerUrl,
    BULKSMS_SALESDB_OWNER_URL: databases.salesdb.ownerUrl,
    ...urls("ds"),
    ...urls("salesdb"),
  };
});
afterEach(async () => {
  await Promise.all([closePostgres(ds), closePostgres(salesdb)]);
  for (const kind of databaseNames) await databases[kind].drop();
  for (const path of [folder, simulatorFolder]) rmSync(path, { recursive: true, force: true });
});

const brokenLaws = async () => {
  const urls = {
    dsUrl: roleUrlsOf("ds", databases.ds.ownerUrl).check as string,
    salesdbUrl: roleUrlsOf("salesdb", databases.salesdb.ownerUrl).check as string,
  };
  return (await checkLaws({ ...urls, simulatorFolder }, {})).laws.flatMap(({ law, broken }) => broken.map((row) => ({ law, ...row })));
};

const ends = () => [message(1, "delivered", { parts: 2 }), message(2, "delivered"), message(3, "undelivered"), message(4, "failed")];

/** A campaign in every state in which messages may have been sent, and messages in every state. */
function campaigns(partMilli = 100n): PlantedCampaign[] {
  const open = messageStatuses.filter((status) => status !== "canceled").map((status, index) => message(5 + index, status));
  const rows: Record<PlantedCampaign["status"], PlantedCampaign["messages"]> = {
    running: [...ends(), ...open],
    paused: [...ends(), ...open],
    canceling: [...ends(), ...open, message(20, "canceled")],
    settling: ends(),
    finished: ends(),
    canceled: [...ends(), message(5, "canceled")],
  };
  return campaignSets.ran.map((status) => ({
    ...{ id: randomUUID(), holdId: `0199cccc-0000-7000-8000-${randomUUID().slice(-12)}`, workspaceId },
    ...{ status, messages: rows[status], partMilli, isWithoutCost: true },
  }));
}

async function plant(planted: readonly PlantedCampaign[]): Promise<void> {
  await plantWorkspace(ds, workspaceId, 1_000_000n);
  for (const one of planted) await plantCampaign(ds, salesdb, simulatorFolder, one);
}

/** Before a run: rows without anything in ds or in the journal. */
async function plantBeforeRun(status: "importing" | "import_failed" | "ready" | "reserving", price = 100): Promise<string> {
  const id = randomUUID();
  const holdId = status === "reserving" ? `0199cccc-0000-7000-8000-${randomUUID().slice(-12)}` : null;
  const isImported = status === "ready" || status === "reserving";
  const counts = isImported ? { contacts: 3, parts: 4, pending: 3 } : {};
  await salesdb`insert into bulksms ${salesdb({
    ...{
      id,
      workspace_id: workspaceId,
      name: status,
      sender: "Oulu",
      text: "Hi",
      country: "FI",
      deadline_s: 45,
      status,
      price,
      hold_id: holdId,
    },
    ...counts,
  })}`;
  if (holdId !== null) await salesdb`insert into bulksms_run (hold_id, bulksms_id, amount) values (${holdId}, ${id}, ${4 * price})`;
  if (status !== "import_failed") await copyOldRows(id);
  return id;
}

/** As the COPY of the version before: without cost. */
const copyOldRows = (id: string) => salesdb`
  insert into bulksms_info (bulksms_id, row_no, msisdn, parts, line) select ${id}, n, 358400000000 + n, 1 + (n = 1)::int, n + 1 from generate_series(1, 3) n`;

const costsOf = async (id: string) => {
  const [row] = await salesdb`
    select price_version, cost_milli::int, charged_milli::int,
      (select array_agg(coalesce(cost_milli, -1) order by row_no) from bulksms_info where bulksms_id = ${id}) as costs
    from bulksms where id = ${id}`;
  return row;
};

describe("a database of the schema before", () => {
  test("keeps every law, and every campaign and message its cost, in every state", async () => {
    const planted = campaigns();
    await plant(planted);
    const [ready, reserving] = [await plantBeforeRun("ready"), await plantBeforeRun("reserving")];
    const importing = await plantBeforeRun("importing");
    await plantBeforeRun("import_failed");
    expect((await migrateDatabases(settings)).salesdb.versionBefore).toBe(schemaBefore);
    expect(await brokenLaws()).toEqual([]);
    for (const id of [ready, reserving])
      expect(await costsOf(id)).toEqual({ price_version: 1, cost_milli: 400, charged_milli: 0, costs: [200, 100, 100] });
    // its import goes on, or its rows are purged
    expect(await costsOf(importing)).toMatchObject({ price_version: null, costs: [-1, -1, -1] });
    for (const { id, messages } of planted) {
      const sent = messages.filter((one) => one.isSentMarked).reduce((sum, { parts }) => sum + parts, 0);
      expect(await costsOf(id)).toMatchObject({
        price_version: 1,
        charged_milli: 100 * sent,
        costs: messages.map(({ parts }) => 100 * parts),
      });
    }
  });

  test("takes the price from the setting once, keeps that of older campaigns, and then refuses the setting by its name", async () => {
    const planted = campaigns(70n);
    await plant(planted);
    const [sameReady, otherReady] = [await plantBeforeRun("ready", 150), await plantBeforeRun("ready", 70)];
    await migrateDatabases({ ...settings, BULKSMS_PART_PRICE_MILLI: "150" });
    expect(await ds`select list_version, destination, part_milli from price`).toEqual([
      { list_version: 1, destination: "*", part_milli: 150 },
    ]);
    expect(await brokenLaws()).toEqual([]);
    expect(await costsOf(sameReady)).toMatchObject({ price_version: 1, cost_milli: 600 });
    // it was quoted at another price: its run is refused until its caller accepts the list
    expect(await costsOf(otherReady)).toMatchObject({ price_version: 0, cost_milli: 280 });
    await expect(migrateDatabases({ ...settings, BULKSMS_PART_PRICE_MILLI: "150" })).rejects.toMatchObject({
      problems: [expect.stringMatching(/^BULKSMS_PART_PRICE_MILLI: .*POST \/prices/)],
    });
    expect((await migrateDatabases(settings)).ds.versionBefore).toBe(3);
  });

  test("a migration that died between the databases goes on with the price that ds has", async () => {
    const id = await plantBeforeRun("ready", 150);
    const { ownerUrl } = databases.ds;
    await migrateDatabase({
      ownerUrl,
      roleUrls: roleUrlsOf("ds", ownerUrl),
      folder: migrationsFolder("ds"),
      parameters: { "bulksms.part_price_milli": "150" },
    });
    await migrateDatabases(settings);
    expect(await costsOf(id)).toMatchObject({ price_version: 1, cost_milli: 600 });
  });
});

describe("processes of the version before, on the new schema", () => {
  /** Import, run and receipts, each as the statement of the version before. */
  const oldImport = async (price: number): Promise<string> => {
    const id = await plantBeforeRun("importing", price);
    await salesdb`update bulksms set status = 'ready', status_at = clock_timestamp(), contacts = 3, pending = 3, parts = 4, version = version + 1 where id = ${id} and status = 'importing'`;
    return id;
  };
  const oldRun = (id: string, price: number) => salesdb`
    with b as (
      update bulksms set status = 'reserving', status_at = now(), hold_id = ${`0199cccc-0000-7000-8000-${randomUUID().slice(-12)}`}, price = ${price}, last_error = null,
        version = version + 1, next_ring_at = now(), ring_count = 0
      where id = ${id} and workspace_id = ${workspaceId} and status = 'ready'
      returning *
    ) insert into bulksms_run (hold_id, bulksms_id, amount) select hold_id, id, parts * price from b returning amount`;
  const oldReceipt = (id: string, rowNo: number) => salesdb`
    with moved as (
      update bulksms_info m set status = 'sent', sent_at = now() where m.bulksms_id = ${id} and m.row_no = ${rowNo} and m.status < least('sent'::message_status, 'failed')
      returning m.row_no, old.status as before, case when old.sent_at is null and new.sent_at is not null then m.parts else 0 end as parts_charged
    ), counted as (
      select count(*) as moved, coalesce(sum(parts_charged), 0)::bigint as parts_charged, -count(*) filter (where before = 'pending') as pending from moved
    ), campaign as (
      update bulksms b set pending = b.pending + c.pending, sent = b.sent + c.moved, parts_sent = b.parts_sent + c.parts_charged, version = b.version + 1
      from counted c where b.id = ${id} and c.moved > 0 returning b.*
    ) insert into credit_outbox (bulksms_id, hold_id, parts, amount)
      select b.id, b.hold_id, c.parts_charged, c.parts_charged * b.price from campaign b, counted c where c.parts_charged > 0`;
  const unfinished = async () => (await brokenLaws()).filter(({ law }) => law === "L5" || law === "L10");

  test("import, run and charge so that every sum is right", async () => {
    await plantWorkspace(ds, workspaceId, 1_000_000n);
    await migrateDatabases(settings);
    const id = await oldImport(100);
    expect(await costsOf(id)).toEqual({ price_version: 1, cost_milli: 400, charged_milli: 0, costs: [200, 100, 100] });
    expect([...(await oldRun(id, 100))]).toEqual([{ amount: 400n }]);
    await oldReceipt(id, 1);
    await oldReceipt(id, 2);
    await oldReceipt(id, 2);
    expect(await costsOf(id)).toMatchObject({ price_version: 1, cost_milli: 400, charged_milli: 300 });
    const [outbox] = await salesdb`select sum(amount)::int as amount from credit_outbox where bulksms_id = ${id}`;
    expect(outbox).toEqual({ amount: 300 });
    expect(await unfinished()).toEqual([]);
  });

  test("run at another price than they imported at, and hold and charge what the messages then cost", async () => {
    await plantWorkspace(ds, workspaceId, 1_000_000n);
    await migrateDatabases(settings);
    const id = await oldImport(100);
    expect([...(await oldRun(id, 70))]).toEqual([{ amount: 280n }]);
    await oldReceipt(id, 1);
    expect(await costsOf(id)).toEqual({ price_version: 0, cost_milli: 280, charged_milli: 140, costs: [140, 70, 70] });
    expect(await unfinished()).toEqual([]);
  });

  test("are not in the way of a new import, whose cost is its own", async () => {
    await migrateDatabases(settings);
    const id = randomUUID();
    await salesdb`insert into bulksms ${salesdb({
      ...{ id, workspace_id: workspaceId, name: "new", sender: "Oulu", text: "Hi", country: "FI", deadline_s: 45, status: "importing" },
      ...{ price: 900, price_version: 7 },
    })}`;
    await salesdb`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli) values (${id}, 1, 358400000001, 1, 45)`;
    await salesdb`update bulksms set status = 'ready', contacts = 1, pending = 1, parts = 1, cost_milli = 45 where id = ${id}`;
    expect(await costsOf(id)).toEqual({ price_version: 7, cost_milli: 45, charged_milli: 0, costs: [45] });
  });
});

describe("each file is a transaction of its own", () => {
  const migrateTo = async (files: Record<string, string>) => {
    const { ownerUrl } = databases.salesdb;
    const more = mkdtempSync(join(folder, "more"));
    for (const file of readdirSync(migrationsFolder("salesdb"))) copyFileSync(join(migrationsFolder("salesdb"), file), join(more, file));
    for (const [name, text] of Object.entries(files)) writeFileSync(join(more, name), text);
    return migrateDatabase({ ownerUrl, roleUrls: roleUrlsOf("salesdb", ownerUrl), folder: more });
  };
  const add = "alter type message_status add value 'skipped' before 'canceled';\n";
  const use = "update bulksms_info set status = 'skipped' where status = 'canceled';\n";

  test("so an enum's new value and its first use may not share one, and what came before stays applied", async () => {
    await expect(migrateTo({ "901.do.skipped.sql": add + use })).rejects.toMatchObject({
      why: expect.stringMatching(/unsafe use of new value/),
    });
    const [row] = await salesdb`select max(version)::int as version from schemaversion`;
    expect(row?.version).toBeGreaterThan(schemaBefore);
    expect(row?.version).toBeLessThan(901);
  });

  test("and in two files they pass", async () => {
    await plant(campaigns());
    expect((await migrateTo({ "901.do.skipped.sql": add, "902.do.skip.sql": use })).version).toBe(902);
    expect([...(await salesdb`select count(*)::int as messages from bulksms_info where status = 'skipped'`)]).toEqual([{ messages: 2 }]);
  });
});

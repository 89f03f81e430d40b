import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { openPostgres, type Sql } from "../../../../src/platform/postgres.ts";
import { createTestDatabase, type TestDatabase } from "../../../../testing/engines.ts";
import { message, plantCampaign, plantWorkspace } from "../../../../testing/planted_world.ts";
import type { LabCluster } from "../../lab_cluster.ts";
import type { OpenWitness } from "../scenario.ts";
import { finalStates } from "./final_states.ts";
import { logReader } from "./log_reader.ts";
import { socketClient } from "./socket_client.ts";

const workspaceId = "0199aaaa-0000-7000-8000-000000000001";
const bulksmsId = "0199bbbb-0000-7000-8000-000000000001";
const simulatorFolder = mkdtempSync(join(tmpdir(), "bulksms-witnesses-"));
const secret = "a-secret-that-nobody-logs";
let databases: { ds: TestDatabase; salesdb: TestDatabase };
let owners: { ds: Sql; salesdb: Sql };

beforeAll(async () => {
  const [ds, salesdb] = await Promise.all([createTestDatabase("ds"), createTestDatabase("salesdb")]);
  databases = { ds, salesdb };
  owners = {
    ds: openPostgres(ds.ownerUrl, { applicationName: "test", connections: 1 }),
    salesdb: openPostgres(salesdb.ownerUrl, { applicationName: "test", connections: 1 }),
  };
  await plantWorkspace(owners.ds, workspaceId, 1_000_000n);
  await plantCampaign(owners.ds, owners.salesdb, simulatorFolder, {
    id: bulksmsId,
    holdId: bulksmsId.replace("bbbb", "cccc"),
    workspaceId,
    status: "finished",
    messages: [message(1, "delivered"), message(2, "failed"), message(3, "delivered"), message(4, "delivered")],
  });
});
afterAll(async () => {
  await Promise.all([owners.ds.end(), owners.salesdb.end()]);
  await Promise.all([databases.ds.drop(), databases.salesdb.drop()]);
  rmSync(simulatorFolder, { recursive: true, force: true });
});

/** As much of a cluster as a witness looks at. */
async function see(open: OpenWitness, more: Partial<LabCluster>, meanwhile: () => Promise<void> | void) {
  const cluster = {
    workspaceId,
    apiKey: "bsk_of_the_test",
    adminKey: "bsk_of_the_admin",
    events: [],
    settings: {
      BULKSMS_SALESDB_OWNER_URL: databases.salesdb.ownerUrl,
      BULKSMS_CHECK_SALESDB_URL: databases.salesdb.urls.check,
      BULKSMS_CHECK_DS_URL: databases.ds.urls.check,
      BULKSMS_SIMULATOR_KEY: secret,
    },
    ...more,
  } as unknown as LabCluster;
  const witness = await open({ cluster, bulksmsIds: [bulksmsId], isShared: true });
  if (witness === null) throw new Error("it has nothing to say");
  try {
    await meanwhile();
    return await witness.conclude();
  } finally {
    await witness.close();
  }
}

test("L8: an end that was left and taken again is named, and so is a mark of a charge that was lost", async () => {
  const held = await see(finalStates, {}, () => {});
  expect([held.verdict, held.rowsCompared]).toEqual(["held", 4]);
  const { salesdb } = owners;
  const broken = await see(finalStates, {}, async () => {
    await salesdb`update bulksms_info set status = 'sent' where row_no = 1`;
    await salesdb`update bulksms_info set status = 'delivered' where row_no = 1`;
    await salesdb`update bulksms_info set sent_at = null where row_no = 3`;
  });
  expect(broken.broken).toEqual([
    { row: `bulksms_info ${bulksmsId}.1`, description: "delivered and charged became sent and charged" },
    { row: `bulksms_info ${bulksmsId}.3`, description: "delivered and charged became delivered" },
  ]);
  // what another run broke is not said again
  expect((await see(finalStates, {}, () => {})).verdict).toBe("held");
});

test("L12: a version that falls, and a last word that is not the database's, are named", async () => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  await once(server, "listening");
  const urls = { webapi: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
  const credit = { workspace_id: workspaceId, credit: "1.0", available: "1.0", held: "0.0", spent: "0.0" };
  const progress = { bulksms_id: bulksmsId, status: "running", contacts: 4, parts_sent: 0, counts: {}, version: 1 };
  server.on("connection", (client) =>
    client.once("message", () => {
      const tell = (topic: string, channel: string, update: object) =>
        client.send(JSON.stringify({ topic, channel, is_snapshot: false, update }));
      for (const version of [5, 4]) tell("workspace_credit", workspaceId, { ...credit, version });
      tell("bulksms_progress", bulksmsId, progress);
    }),
  );
  try {
    const found = await see(socketClient, { urls }, () => {});
    expect(found.rowsCompared).toBe(3);
    expect(found.broken.map(({ row }) => row)).toEqual([
      `workspace_credit ${workspaceId}`,
      `workspace_credit ${workspaceId}`,
      `bulksms_progress ${bulksmsId}`,
    ]);
    expect(found.broken[0]?.description).toBe("version 4 came after version 5");
  } finally {
    server.close();
    for (const client of server.clients) client.terminate();
  }
});

test("L14: a whole number, a number as at home, a key, a secret and a text are named, and not repeated", async () => {
  const lines = [
    '{"event":"fine","msisdn":"+3584*****001","bulksmsId":"0199bbbb"}',
    '{"to":"+358400000001"}',
    "called 0400000002",
    `key bsk_of_the_test`,
    `Bearer ${secret}`,
    "sent Hello Ada to nobody",
  ];
  await owners.salesdb`update bulksms set text = 'Hello {first_name}'`;
  const events: { type: "line"; name: string; line: string }[] = [];
  const found = await see(logReader, { events: events as never }, () => {
    for (const line of lines) events.push({ type: "line", name: "salesapi", line });
  });
  expect(found.rowsCompared).toBe(6);
  expect(found.broken.map(({ description }) => description.split(":")[0])).toEqual([
    "a whole phone number",
    "a whole phone number",
    "the workspace's key",
    "BULKSMS_SIMULATOR_KEY",
    "the text",
  ]);
  expect(JSON.stringify(found.broken)).not.toMatch(new RegExp(`358400000001|${secret}|bsk_of_the_test`));
});

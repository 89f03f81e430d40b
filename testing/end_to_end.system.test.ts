// Campaigns through all six processes: what the whole project is for. (Carriers and clients that
// answer badly: dispatch.database.test.ts, sockets.database.test.ts. Processes and engines that die
// in the middle: lab/break/verify.)
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { WebSocket } from "ws";
import type { SocketUpdate } from "../src/contracts/topics.ts";
import {
  createCampaign,
  csvOf,
  expectAllLawsToHold,
  expectedEnd,
  readCampaign,
  readCredit,
  readMetric,
  runCampaign,
  waitUntilFinished,
} from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

const fiveContacts = readFileSync(join(import.meta.dirname, "..", "examples", "5_contacts.csv"), "utf8");

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 180_000, hookTimeout: 120_000 });

let cluster: Cluster;
/** From the simulator's next start on. */
let simulatorPartsPerSecond = 200;
/** The simulator stays down after its next death until this resolves. */
let simulatorMayReturn: Promise<void> = Promise.resolve();
beforeAll(async () => {
  cluster = await startCluster({
    // small enough chunks that there is work to share
    settings: { BULKSMS_CHUNK_ROWS: "20", BULKSMS_LOG_LEVEL: "debug" },
    intervention: {
      beforeRestart: (name) => (name === "simulator" ? simulatorMayReturn : Promise.resolve()),
      // slow enough a carrier that two workers share what it takes
      settingsOf: (name, settings) =>
        name === "simulator" ? { ...settings, BULKSMS_SIMULATOR_MPS_MAX: String(simulatorPartsPerSecond) } : settings,
    },
  });
});
afterAll(async () => {
  await cluster?.stop();
});

async function restartSimulator(): Promise<void> {
  const former = cluster.pids().simulator;
  cluster.kill("simulator", "SIGTERM");
  await cluster.waitFor("another simulator", () => cluster.pids().simulator !== former && cluster.isReady("simulator"));
}

test("5 contacts go through all six processes, and each sent part costs 0.1", async () => {
  const before = await readCredit(cluster);
  const campaign = await createCampaign(cluster, fiveContacts);
  expect(campaign).toMatchObject({ contacts: 5, rejected: 0, parts: 5, cost: "0.5" });
  await runCampaign(cluster, campaign.id);
  const ended = await waitUntilFinished(cluster, campaign.id);
  const after = await readCredit(cluster);
  expect(Object.values(ended.counts).reduce((sum, count) => sum + count, 0)).toBe(5);
  expect(ended.counts).toMatchObject({ pending: 0, unknown: 0, queued: 0, sent: 0 });
  expect(Number(before.available) - Number(after.available)).toBeCloseTo(0.1 * ended.parts_sent, 9);
  expect(after).toMatchObject({ held: "0.0", spent: ended.charged });
  await expectAllLawsToHold(cluster);
});

test("a second sales_worker, salesapi and webapi started by hand join and share the work", async () => {
  const [worker, salesapi, webapi] = await Promise.all([
    cluster.startAnother("sales_worker"),
    cluster.startAnother("salesapi"),
    cluster.startAnother("webapi"),
  ]);
  const pids = new Set([worker.pid, salesapi.pid, webapi.pid, ...Object.values(cluster.pids())]);
  expect(pids.size).toBe(9);

  const contacts = 600;
  const { id } = await createCampaign(cluster, csvOf(contacts), "Hello {first_name}", salesapi.url);
  await runCampaign(cluster, id, salesapi.url);
  const ended = await waitUntilFinished(cluster, id);
  expect(ended.counts).toEqual(expectedEnd(contacts));
  expect(await readCampaign(cluster, id, salesapi.url)).toEqual(ended);
  expect(await readCredit(cluster, webapi.url)).toEqual(await readCredit(cluster));
  const submittedBy = await Promise.all([cluster.urls.sales_worker, worker.url].map((url) => readMetric(url, "messages_submitted_total")));
  for (const messages of submittedBy) expect(messages).toBeGreaterThan(0);
  await expectAllLawsToHold(cluster);
  await worker.stop(); // the tests after this one look at what the cluster's own has done
});

test("a carrier that says 429 is obeyed, and no message fails for it", async () => {
  // one chunk a second: less than any machine submits
  simulatorPartsPerSecond = 20;
  try {
    await restartSimulator();
    const throttled = () => readMetric(cluster.urls.sales_worker, "submits_total", 'outcome="throttled"');
    const before = await throttled();
    const contacts = 80;
    const { id } = await createCampaign(cluster, csvOf(contacts));
    await runCampaign(cluster, id);
    const ended = await waitUntilFinished(cluster, id);
    expect((await throttled()) - before).toBeGreaterThan(0);
    expect(ended.counts).toEqual(expectedEnd(contacts));
  } finally {
    simulatorPartsPerSecond = 200;
    await restartSimulator();
  }
});

test("a client follows credit and progress to their ends: versions never fall, the last is the database's", async () => {
  const { id } = await createCampaign(cluster, csvOf(300));
  const socket = new WebSocket(`${cluster.urls.webapi?.replace("http", "ws")}/ws`, {
    headers: { authorization: `Bearer ${cluster.apiKey}` },
  });
  const heard: SocketUpdate[] = [];
  socket.on("message", (data) => heard.push(JSON.parse(String(data))));
  await once(socket, "open");
  const { workspaceId } = cluster;
  socket.send(
    JSON.stringify({
      subscribe: [
        { topic: "workspace_credit", channel: workspaceId },
        { topic: "bulksms_progress", channel: id },
      ],
    }),
  );
  const of = (topic: SocketUpdate["topic"]) => heard.filter((update) => update.topic === topic);
  await expect.poll(() => [of("workspace_credit").length, of("bulksms_progress").length], { timeout: 10_000 }).toEqual([1, 1]);
  expect(heard.every((update) => update.is_snapshot)).toBe(true);
  const before = await readCredit(cluster);
  await runCampaign(cluster, id);
  const ended = await waitUntilFinished(cluster, id);
  const after = await readCredit(cluster);
  expect(Number(after.spent) - Number(before.spent)).toBeCloseTo(Number(ended.charged), 9);
  // within the re-read of 2 s, should the last publish have been lost
  await expect.poll(() => of("workspace_credit").at(-1)?.update, { timeout: 10_000 }).toMatchObject({ spent: after.spent, held: "0.0" });
  expect(of("workspace_credit").at(-1)?.update).toMatchObject(after);
  await expect.poll(() => of("bulksms_progress").at(-1)?.update, { timeout: 10_000 }).toMatchObject({ status: "finished" });
  expect(of("bulksms_progress").at(-1)?.update).toMatchObject({ counts: ended.counts, parts_sent: ended.parts_sent });
  for (const topic of ["workspace_credit", "bulksms_progress"] as const) {
    const versions = of(topic).map((update) => update.update.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    expect(versions.length).toBeGreaterThan(2);
  }
  socket.close();
});

test("a carrier that is down is waited for, and no message fails for it", async () => {
  let comeBack = (): void => {};
  simulatorMayReturn = new Promise((resolve) => {
    comeBack = resolve;
  });
  try {
    expect(cluster.kill("simulator", "SIGKILL")).toBe(true);
    const contacts = 80;
    const inVain = async () =>
      (await readMetric(cluster.urls.sales_worker, "submits_total")) -
      (await readMetric(cluster.urls.sales_worker, "submits_total", 'outcome="answered"')) -
      (await readMetric(cluster.urls.sales_worker, "submits_total", 'outcome="throttled"'));
    const before = await inVain();
    const { id } = await createCampaign(cluster, csvOf(contacts));
    await runCampaign(cluster, id);
    await cluster.waitFor("two submits in vain", async () => (await inVain()) - before >= 2);
    expect(await readCampaign(cluster, id)).toMatchObject({
      status: "running",
      last_error: null,
      counts: { failed: 0, pending: contacts },
    });

    comeBack();
    const ended = await waitUntilFinished(cluster, id);
    expect(ended.counts).toEqual(expectedEnd(contacts));
    await expectAllLawsToHold(cluster);
  } finally {
    comeBack();
  }
});

test("no log line of any process has a number, a text, a key or a secret, not even at level debug", () => {
  const lines = cluster.events.flatMap((event) => (event.type === "line" ? [event.line] : []));
  // each process has told at least where it listens, and that it started
  expect(lines.length).toBeGreaterThan(10);
  const log = lines.join("\n");
  const { BULKSMS_RECEIPT_SECRETS, BULKSMS_SIMULATOR_KEY, BULKSMS_INTERNAL_TOKEN } = cluster.settings;
  const kept = [cluster.apiKey, cluster.adminKey, BULKSMS_RECEIPT_SECRETS, BULKSMS_SIMULATOR_KEY, BULKSMS_INTERNAL_TOKEN, "Hello "];
  for (const secret of kept) expect(log.includes(secret as string), String(secret).slice(0, 4)).toBe(false);
  expect(log.match(/\+?358\s?\d{8,9}|040\s?\d{7}/)).toBeNull();
});

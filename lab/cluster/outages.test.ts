// What is down is waited for, and what Redis forgets is rung again: the carrier alone, Redis wiped, all processes, all engines.
import { afterEach, expect, test, vi } from "vitest";
import { processNames } from "../../src/contracts/processes.ts";
import { openRedis } from "../../src/platform/redis.ts";
import {
  createCampaign,
  csvOf,
  expectAllLawsToHold,
  expectedEnd,
  readCampaign,
  readMetric,
  runCampaign,
  waitUntilFinished,
  waitUntilInFlight,
} from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.stop();
});

test("a carrier that is down is waited for, and no message fails for it", async () => {
  const running = await startCluster({ processes: processNames.filter((name) => name !== "carrier") });
  cluster = running;
  const contacts = 80;
  const { id } = await createCampaign(running, csvOf(contacts));
  await runCampaign(running, id);
  await running.waitFor("two submits in vain", async () => {
    const all = await readMetric(running.urls.sales_worker, "submits_total");
    const answered = await readMetric(running.urls.sales_worker, "submits_total", 'outcome="answered"');
    return all - answered >= 2;
  });
  expect(await readCampaign(running, id)).toMatchObject({ status: "running", last_error: null, counts: { failed: 0, pending: contacts } });

  await running.startAnother("carrier", { BULKSMS_CARRIER_PORT: running.settings.BULKSMS_CARRIER_PORT ?? "" });
  const ended = await waitUntilFinished(running, id);
  expect(ended.counts).toEqual(expectedEnd(contacts));
  await expectAllLawsToHold(running);
});

test("Redis wiped again and again in mid-campaign loses nothing: the sweeper rings from the rows", async () => {
  const running = await startCluster({ settings: { BULKSMS_CARRIER_MPS_MAX: "200", BULKSMS_CHUNK_ROWS: "20" } });
  cluster = running;
  const contacts = 600;
  const { id } = await createCampaign(running, csvOf(contacts));
  const redis = openRedis(running.settings.BULKSMS_REDIS_URL ?? "", { connectionName: "test", isBlocking: true });
  let keysWiped = 0;
  try {
    await runCampaign(running, id);
    await waitUntilInFlight(running, id);
    await running.waitFor("the campaign to end under wipes", async () => {
      keysWiped += await redis.dbsize();
      await redis.flushall();
      return (await readCampaign(running, id)).status === "finished";
    });
  } finally {
    redis.disconnect();
  }
  expect(keysWiped).toBeGreaterThan(0);
  expect((await readCampaign(running, id)).counts).toEqual(expectedEnd(contacts));
  await expectAllLawsToHold(running);
});

test("all six processes, and then all three engines, killed at once come back, and the campaigns end exactly", async () => {
  const running = await startCluster({ settings: { BULKSMS_CARRIER_MPS_MAX: "200", BULKSMS_CHUNK_ROWS: "50" } });
  cluster = running;
  const contacts = 600;
  const { id } = await createCampaign(running, csvOf(contacts));
  await runCampaign(running, id);
  await waitUntilInFlight(running, id);
  const before = running.pids();
  for (const name of processNames) expect(running.kill(name, "SIGKILL")).toBe(true);
  await running.waitFor("six new processes", () =>
    processNames.every((name) => running.isReady(name) && running.pids()[name] !== before[name]),
  );
  const ended = await waitUntilFinished(running, id);
  expect(ended.counts).toEqual(expectedEnd(contacts));
  await expectAllLawsToHold(running);

  const second = await createCampaign(running, csvOf(contacts));
  await runCampaign(running, second.id);
  await waitUntilInFlight(running, second.id);
  const engines = ["ds", "salesdb", "redis"] as const;
  for (const name of engines) expect(running.kill(name, "SIGKILL")).toBe(true);
  const isBack = (name: string) => running.events.filter((event) => event.type === "engine_ready" && event.name === name).length === 2;
  await running.waitFor("three engines on their old ports", () => engines.every(isBack));
  expect((await waitUntilFinished(running, second.id)).counts).toEqual(expectedEnd(contacts));
  await expectAllLawsToHold(running);
});

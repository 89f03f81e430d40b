// What is not there when a campaign begins is waited for. (What dies in its middle: lab/verify.)
import { afterEach, expect, test, vi } from "vitest";
import { processNames } from "../src/contracts/processes.ts";
import {
  createCampaign,
  csvOf,
  expectAllLawsToHold,
  expectedEnd,
  readCampaign,
  readMetric,
  runCampaign,
  waitUntilFinished,
} from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.stop();
});

test("a carrier that is down is waited for, and no message fails for it", async () => {
  const running = await startCluster({ processes: processNames.filter((name) => name !== "simulator") });
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

  await running.startAnother("simulator", { BULKSMS_SIMULATOR_PORT: running.settings.BULKSMS_SIMULATOR_PORT ?? "" });
  const ended = await waitUntilFinished(running, id);
  expect(ended.counts).toEqual(expectedEnd(contacts));
  await expectAllLawsToHold(running);
});

// One campaign through all six processes: what the whole project is for.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createCampaign, expectAllLawsToHold, readCredit, runCampaign, waitUntilFinished } from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

const fiveContacts = readFileSync(join(import.meta.dirname, "..", "..", "examples", "5_contacts.csv"), "utf8");

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster();
});
afterAll(async () => {
  await cluster?.stop();
});

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

// kill -9 of each process in the middle of a campaign: the supervisor starts it again, the campaign ends, all laws hold.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { processNames } from "../../src/contracts/processes.ts";
import {
  createCampaign,
  csvOf,
  expectAllLawsToHold,
  expectedEnd,
  readCredit,
  runCampaign,
  waitUntilFinished,
  waitUntilInFlight,
} from "./campaigns.ts";
import { type Cluster, startCluster } from "./cluster.ts";

/** The carrier takes 200 parts a second, so most of a campaign is still to be submitted when the first ones are in flight. */
const contacts = 600;

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({
    settings: {
      BULKSMS_CARRIER_PROFILE: "answered",
      BULKSMS_CARRIER_SPEED: "8",
      BULKSMS_CARRIER_MPS_MAX: "200",
      BULKSMS_CHUNK_ROWS: "50",
    },
  });
});
afterAll(async () => {
  await cluster?.stop();
});

test.each(processNames)(
  "%s killed in mid-campaign comes back with a new pid, and the campaign ends exactly",
  async (name) => {
    const before = await readCredit(cluster);
    const { id } = await createCampaign(cluster, csvOf(contacts));
    await runCampaign(cluster, id);
    const atKill = await waitUntilInFlight(cluster, id);
    const pidBefore = cluster.pids()[name];
    expect(cluster.kill(name, "SIGKILL")).toBe(true);
    expect((atKill.counts.queued ?? 0) + (atKill.counts.sent ?? 0)).toBeGreaterThan(0);

    const pidAfter = await cluster.waitFor(`${name} to be ready again`, () => {
      const pid = cluster.pids()[name];
      return pid !== pidBefore && cluster.isReady(name) ? pid : null;
    });
    expect(pidAfter).not.toBe(pidBefore);
    const ended = await waitUntilFinished(cluster, id);
    expect(ended.counts).toEqual(expectedEnd(contacts));
    const after = await readCredit(cluster);
    expect(Number(before.available) - Number(after.available)).toBeCloseTo(0.1 * ended.parts_sent, 6);
    await expectAllLawsToHold(cluster);
  },
  60_000,
);

// What people do to a running system: the same command twice at once, a change of mind while
// something dies, a restart of everything.
import { processNames } from "../../../src/contracts/processes.ts";
import type { CommandName } from "../../../testing/api_client.ts";
import { apiOf, createCampaign, csvOf, readCampaign } from "../../../testing/campaigns.ts";
import type { LabCluster } from "../lab_cluster.ts";
import type { Fault, Stage } from "../stage/scenario.ts";
import { kill, restartWell } from "./processes.ts";

const raceContacts = 40;
const commandMaxMs = 30_000;
const endMaxMs = 60_000;

/** Two runs of one campaign at the same moment: one wins, the other gets 409. */
export const twoRuns: Fault = {
  name: "operators two runs at once",
  async begin(stage) {
    const { cluster } = stage;
    const { id } = await createCampaign(cluster, csvOf(raceContacts));
    const statuses = await Promise.all([0, 1].map(() => command(cluster, "run", id)));
    const sorted = statuses.toSorted();
    if (sorted[0] !== 202 || sorted[1] !== 409)
      throw new Error(`two runs at once were answered ${statuses.join(" and ")}, not 202 and 409`);
    return async () => {
      await cluster.waitFor(
        "the campaign of two runs to finish",
        async () => (await readCampaign(cluster, id)).status === "finished",
        endMaxMs,
      );
      return { touches: 2 };
    };
  },
};

/** The worker dies while a pause is in progress; the pause holds, and a resume continues. */
export const pauseAndKill: Fault = {
  name: "operators pause and kill",
  async begin(stage) {
    await Promise.all([commandAll(stage, "pause"), kill("sales_worker").begin(stage)]);
    return async () => {
      for (const id of stage.bulksmsIds) {
        const { status } = await readCampaign(stage.cluster, id);
        if (status !== "paused") throw new Error(`a paused campaign is ${status}`);
      }
      await commandAll(stage, "resume");
      return { touches: stage.bulksmsIds.length };
    };
  },
};

/**
 * The worker dies while a cancel is in progress. What was submitted ends by its receipts, the rest
 * is canceled and not charged.
 */
export const cancelAndKill: Fault = {
  name: "operators cancel and kill",
  async begin(stage) {
    await Promise.all([commandAll(stage, "cancel"), kill("sales_worker").begin(stage)]);
    return async () => ({ touches: stage.bulksmsIds.length });
  },
};

/** Every process is restarted in turn, as for a new version, while messages are in flight. */
export const rollingRestart: Fault = {
  name: "operators rolling restart",
  async begin({ cluster, note }) {
    for (const name of processNames) {
      await restartWell(cluster, name);
      note(`${name} is back`);
    }
    return async () => ({ touches: processNames.length });
  },
};

/** Each campaign of the run, asked again while salesapi is away. */
export async function commandAll({ cluster, bulksmsIds }: Stage, name: CommandName): Promise<void> {
  for (const id of bulksmsIds) {
    await cluster.waitFor(`${name} to be accepted`, async () => (await command(cluster, name, id)) === 202 || null, commandMaxMs);
  }
}

/** @returns the HTTP status */
async function command(cluster: LabCluster, name: CommandName, id: string): Promise<number> {
  return (await apiOf(cluster, { timeoutMs: 10_000 }).command(name, id)).status;
}

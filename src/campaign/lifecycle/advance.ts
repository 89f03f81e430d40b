// The next step of one campaign, whatever it is: read from its row, so that anybody may ask at any
// time. Called by jobs, by the dispatcher, and by the sweeper.
import type { Campaign } from "./campaign_rows.ts";
import { readCampaign } from "./campaign_rows.ts";
import { cancelChunks } from "./cancel.ts";
import { finish } from "./finish.ts";
import type { CampaignProgress } from "./move_messages.ts";
import { type ReserveDependencies, reserve } from "./reserve.ts";

export interface AdvanceDependencies extends ReserveDependencies {
  /** There may be chunks to submit. */
  ringDispatch(bulksmsId: string): void;
  onProgress(progress: CampaignProgress): void;
}

/** rpc is asked for so long when no request waits for it. */
const reserveDeadlineMs = 5_000;

/** Does what the campaign's state asks for: reserve, submit, cancel, end. Does nothing twice. */
export async function advance(dependencies: AdvanceDependencies, bulksmsId: string): Promise<void> {
  const campaign = await readCampaign(dependencies.sql, bulksmsId);
  if (campaign === null) return;
  const after = await nextStep(dependencies, campaign);
  if (after !== null && after.version > campaign.version) dependencies.onProgress(after);
}

async function nextStep(dependencies: AdvanceDependencies, campaign: Campaign): Promise<Campaign | null> {
  const { bulksmsId } = campaign;
  switch (campaign.status) {
    case "reserving": {
      const reserved = await reserve(dependencies, campaign, reserveDeadlineMs);
      if (reserved.kind !== "running") return null;
      dependencies.ringDispatch(bulksmsId);
      return reserved.campaign;
    }
    case "running":
      dependencies.ringDispatch(bulksmsId);
      return finish(dependencies, campaign);
    case "canceling": {
      const canceled = await cancelChunks(dependencies.sql, bulksmsId);
      return (await finish(dependencies, canceled ?? campaign)) ?? canceled;
    }
    case "paused":
    case "settling":
      return finish(dependencies, campaign);
    default:
      return null;
  }
}

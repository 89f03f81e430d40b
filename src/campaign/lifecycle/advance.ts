// The next step of a campaign in any state: derived from its row, so it may be called by anybody at
// any time. Called by jobs, by the dispatcher, and by the sweeper.
import { noSuchState } from "../../contracts/states.ts";
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

/** The deadline for rpc while no request waits for it. */
const reserveDeadlineMs = 5_000;

/**
 * Takes the step that the campaign's state requires: reserve, submit, cancel or end. Idempotent.
 */
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
      if (reserved.kind === "refused") return reserved.campaign;
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
    case "importing":
    case "import_failed":
    case "ready":
    case "finished":
    case "canceled":
      return null;
    default:
      return noSuchState(campaign.status);
  }
}

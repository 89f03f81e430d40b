// Publishes the progress of campaigns on topic bulksms_progress: at most 10 updates per second and
// campaign, and always the last one. Used by salesapi and sales_worker.
import { formatCredits } from "../../contracts/credits.ts";
import type { TopicUpdates } from "../../contracts/topics.ts";
import type { Publisher } from "../../platform/broadcast.ts";
import { createThrottle, type Throttle } from "../../platform/time/throttle.ts";
import type { CampaignProgress } from "../lifecycle/move_messages.ts";

export interface ProgressPublisher {
  /** Call it after the commit that it announces. Never waits. */
  changed(progress: CampaignProgress): void;
  close(): void;
}

/** A person cannot follow more than ten updates a second. */
const intervalMs = 100;
/** Campaigns that the throttle remembers; beyond that, updates are sent at once. */
const campaignsMax = 10_000;

export function openProgressPublisher(publisher: Publisher): ProgressPublisher {
  /** Campaigns published within the last interval, with their newest progress. */
  const recent = new Map<string, { newest: CampaignProgress; throttle: Throttle }>();

  function publish(progress: CampaignProgress): void {
    publisher.publish("bulksms_progress", progress.bulksmsId, toUpdate(progress));
  }

  function remember(progress: CampaignProgress): void {
    const { bulksmsId } = progress;
    const forget = () => void recent.delete(bulksmsId);
    const campaign = { newest: progress, throttle: createThrottle(() => publish(campaign.newest), intervalMs, forget) };
    recent.set(bulksmsId, campaign);
    campaign.throttle.ask();
  }

  return {
    changed(progress) {
      const campaign = recent.get(progress.bulksmsId);
      if (campaign === undefined) {
        if (recent.size < campaignsMax) remember(progress);
        else publish(progress);
      } else if (progress.version > campaign.newest.version) {
        campaign.newest = progress;
        campaign.throttle.ask();
      }
    },
    close() {
      for (const { throttle } of recent.values()) throttle.close();
      recent.clear();
    },
  };
}

/** The form of the topic and of webapi's snapshots. */
export function toUpdate(progress: CampaignProgress): TopicUpdates["bulksms_progress"] {
  return {
    bulksms_id: progress.bulksmsId,
    status: progress.status,
    contacts: progress.contacts,
    parts_sent: Number(progress.partsSent),
    charged: formatCredits(progress.chargedMilli),
    counts: progress.counts,
    unconfirmed: progress.unconfirmed,
    version: Number(progress.version),
  };
}

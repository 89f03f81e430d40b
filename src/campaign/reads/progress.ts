// Publishes the progress of campaigns on topic bulksms_progress: at most 10 updates per second and
// campaign, and always the last one. Used by salesapi and sales_worker.
import { formatCredits } from "../../contracts/credits.ts";
import type { TopicUpdates } from "../../contracts/topics.ts";
import type { Publisher } from "../../platform/broadcast.ts";
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
  /** Campaigns published within the last interval, with the newest update since. */
  const recent = new Map<string, { next: CampaignProgress | null; timer: NodeJS.Timeout }>();

  function publish(progress: CampaignProgress): void {
    publisher.publish("bulksms_progress", progress.bulksmsId, toUpdate(progress));
    if (recent.size >= campaignsMax) return;
    const timer = setTimeout(() => flush(progress.bulksmsId), intervalMs);
    recent.set(progress.bulksmsId, { next: null, timer });
  }

  function flush(bulksmsId: string): void {
    const next = recent.get(bulksmsId)?.next ?? null;
    recent.delete(bulksmsId);
    if (next !== null) publish(next);
  }

  return {
    changed(progress) {
      const waiting = recent.get(progress.bulksmsId);
      if (waiting === undefined) publish(progress);
      else if (waiting.next === null || progress.version > waiting.next.version) waiting.next = progress;
    },
    close() {
      for (const [bulksmsId, { next, timer }] of recent) {
        clearTimeout(timer);
        if (next !== null) publisher.publish("bulksms_progress", bulksmsId, toUpdate(next));
      }
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
    version: Number(progress.version),
  };
}

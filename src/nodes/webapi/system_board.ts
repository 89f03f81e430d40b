// What every process last reported of itself (topic system_stats), as one picture for those who
// watch the system. One per webapi.
import type { ProcessStats, TopicUpdates } from "../../contracts/topics.ts";

/**
 * A dead process stays in the picture this long, marked silent, so that a viewer sees that it is
 * gone.
 */
const forgottenMs = 60_000;

export interface SystemBoard {
  take(update: TopicUpdates["system_stats"]): void;
  /**
   * All that were heard of within a minute, by process and pid, each with its silence. A later
   * picture has a higher version.
   */
  picture(): TopicUpdates["system_stats"];
}

export function createSystemBoard(): SystemBoard {
  const heard = new Map<string, { stats: ProcessStats; atMs: number }>();
  let version = 0;
  return {
    take({ processes }) {
      for (const stats of processes) heard.set(stats.instance, { stats, atMs: performance.now() });
    },
    picture() {
      const now = performance.now();
      for (const [instance, { atMs }] of heard) if (now - atMs > forgottenMs) heard.delete(instance);
      // by the clock: a client that comes from another webapi, or back to one that was started
      // again, still sees it grow
      version = Math.max(version + 1, Date.now());
      const processes = [...heard.values()]
        .map(({ stats, atMs }) => ({ ...stats, silent_ms: Math.round(now - atMs) }))
        .sort((a, b) => a.process.localeCompare(b.process) || a.pid - b.pid);
      return { processes, version };
    },
  };
}

// The audit's last report on the laws (topic laws), for new watchers. One per webapi.
import type { LawsUpdate } from "../../contracts/topics.ts";

export interface LawsBoard {
  /** Keeps what is newer than what it has. */
  take(update: LawsUpdate): void;
  /** The last one heard, with its age; before any: no laws. */
  last(): LawsUpdate;
}

export function createLawsBoard(): LawsBoard {
  let heard: { update: LawsUpdate; atMs: number } | null = null;
  return {
    take(update) {
      if (heard !== null && update.version <= heard.update.version) return;
      heard = { update, atMs: performance.now() };
    },
    last() {
      if (heard === null) return { laws: [], form: "settled", has_journal: false, checked_at: null, took_ms: 0, age_ms: 0, version: 0 };
      return { ...heard.update, age_ms: heard.update.age_ms + Math.round(performance.now() - heard.atMs) };
    },
  };
}

// The sizes of a benchmark's runs, and their order.
import { type SubjectName, subjectNames } from "./measured_run.ts";

export type Level = "quick" | "full";

export interface Sizes {
  rounds: number;
  /** Messages of one run. */
  messages: Record<SubjectName, number>;
  /** Contacts of the import that is compared with a bare COPY. */
  created: number;
  /** No round starts that would end after this; null: all rounds, however long. */
  budgetMs: number | null;
  /**
   * The slow parts: latency, two of each worker, memory of a campaign of this size beside that of
   * the large ones. Null: skipped.
   */
  extras: { smallMessages: number } | null;
}

/**
 * The original's design is some hundred times slower: its runs are shorter, and its rate does not
 * depend on their length.
 */
export const sizesOf: Record<Level, Sizes> = {
  quick: {
    rounds: 3,
    messages: { batched: 100_000, single: 20_000, original: 2_000, store: 100_000 },
    created: 100_000,
    budgetMs: 110_000,
    extras: null,
  },
  full: {
    rounds: 5,
    messages: { batched: 1_000_000, single: 100_000, original: 20_000, store: 1_000_000 },
    created: 1_000_000,
    budgetMs: null,
    extras: { smallMessages: 100_000 },
  },
};

export function scaled(sizes: Sizes, scale: number): Sizes {
  const times = (count: number): number => Math.max(1, Math.round(count * scale));
  const { batched, single, original, store } = sizes.messages;
  const messages = { batched: times(batched), single: times(single), original: times(original), store: times(store) };
  const extras = sizes.extras === null ? null : { smallMessages: times(sizes.extras.smallMessages) };
  return { ...sizes, messages, created: times(sizes.created), extras };
}

/**
 * Each round has every subject once, starting with a different one, so that a machine that slows
 * down slows them all.
 */
export function orderOf(round: number): SubjectName[] {
  const first = (round - 1) % subjectNames.length;
  return [...subjectNames.slice(first), ...subjectNames.slice(0, first)];
}

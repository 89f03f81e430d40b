// How large the runs of a benchmark are, and in which order they come.
import { type SubjectName, subjectNames } from "./measured_run.ts";

export type Level = "quick" | "full";

export interface Sizes {
  rounds: number;
  /** Messages of one run. */
  messages: Record<SubjectName, number>;
  /** Contacts of the import that is compared with a bare COPY. */
  created: number;
}

/** The original's way is some hundred times slower: its runs are shorter, and its rate does not depend on their length. */
export const sizesOf: Record<Level, Sizes> = {
  quick: { rounds: 3, messages: { batched: 100_000, single: 15_000, original: 3_000, store: 100_000 }, created: 100_000 },
  full: { rounds: 5, messages: { batched: 1_000_000, single: 100_000, original: 20_000, store: 1_000_000 }, created: 1_000_000 },
};

/** Each round has every subject once, beginning with another one, so that a machine that slows down slows them all. */
export function orderOf(round: number): SubjectName[] {
  const first = (round - 1) % subjectNames.length;
  return [...subjectNames.slice(first), ...subjectNames.slice(0, first)];
}

// The sizes of a benchmark's runs, and their order.
import { type SubjectName, subjectNames } from "./results.ts";

export type Level = "quick" | "full";

/** Subjects whose length is a number of messages; the others run for a time. */
export type SizedSubject = "batched" | "single" | "unpipelined" | "original" | "store" | "import" | "copy";
type CountedSubject = "batched" | "original" | "store";

export interface Sizes {
  /** Messages of one run; 0: not measured. */
  messages: Record<SizedSubject, number>;
  /** Of each run of bare HTTP and of the disk. */
  yardstickMs: number;
  /** Messages of the campaign in which the databases' work is counted. */
  counted: Record<CountedSubject, number>;
  /** Messages of the campaign that a restarted simulator gets before it is measured, at most. */
  warmUp: { batched: number; single: number };
  roundsMax: number;
  /** No round starts that would end after this. */
  budgetMs: number;
  /**
   * The slow parts, after the rounds: latency, two of each worker this many times, memory of a
   * campaign of this size beside that of the large ones. Null: skipped.
   */
  extras: { smallMessages: number; scalingTurns: number } | null;
}

const minuteMs = 60_000;

/**
 * The original's design is some hundred times slower: its runs are shorter, and its rate does not
 * depend on their length.
 */
export const sizesOf: Record<Level, Sizes> = {
  quick: {
    messages: { batched: 60_000, single: 8_000, unpipelined: 0, original: 1_000, store: 60_000, import: 60_000, copy: 60_000 },
    yardstickMs: 600,
    counted: { batched: 20_000, original: 1_000, store: 20_000 },
    warmUp: { batched: 10_000, single: 2_000 },
    roundsMax: 40,
    budgetMs: 2 * minuteMs,
    extras: null,
  },
  full: {
    messages: {
      ...{ batched: 1_000_000, single: 100_000, unpipelined: 50_000, original: 20_000, store: 1_000_000 },
      ...{ import: 1_000_000, copy: 1_000_000 },
    },
    yardstickMs: 2_000,
    counted: { batched: 100_000, original: 5_000, store: 100_000 },
    warmUp: { batched: 20_000, single: 20_000 },
    roundsMax: 20,
    budgetMs: 45 * minuteMs,
    extras: { smallMessages: 100_000, scalingTurns: 6 },
  },
};

export function scaled(sizes: Sizes, scale: number): Sizes {
  const times = (count: number): number => (count === 0 ? 0 : Math.max(1, Math.round(count * scale)));
  const all = <T extends string>(counts: Record<T, number>): Record<T, number> =>
    Object.fromEntries(Object.entries<number>(counts).map(([name, count]) => [name, times(count)])) as Record<T, number>;
  const extras = sizes.extras === null ? null : { ...sizes.extras, smallMessages: times(sizes.extras.smallMessages) };
  return { ...sizes, messages: all(sizes.messages), counted: all(sizes.counted), warmUp: all(sizes.warmUp), extras };
}

/**
 * Each round has every subject once, every other one in the reverse order: a machine that slows
 * down steadily then slows them alike, and the simulator changes its mode as seldom as it can.
 */
export function orderOf(round: number, { messages }: Pick<Sizes, "messages">): SubjectName[] {
  const measured = subjectNames.filter((subject) => !(subject in messages) || messages[subject as SizedSubject] > 0);
  return round % 2 === 1 ? measured : measured.toReversed();
}

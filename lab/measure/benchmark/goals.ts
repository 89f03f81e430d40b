// Which figures of a benchmark have a goal, and whether it was reached: one list for the terminal
// and the report.
import type { BenchmarkResults, FigureResult } from "./results.ts";

/** `unclear`: the goal lies within the figure's interval. */
export type Reached = "reached" | "not reached" | "unclear";

export interface FigureLine {
  figure: FigureResult;
  /** `at least 60 x`; empty: no goal, only a comparison. */
  goal: string;
  reached: Reached | null;
}

type Goal = { least: number } | { most: number };

const goals: Readonly<Record<string, Goal>> = {
  batched_to_original: { least: 60 },
  batched_to_store: { least: 0.5 },
  single_to_original: { least: 8 },
  import_to_copy: { most: 1.4 },
  peak_rss_mib: { most: 256 },
  peak_rss_to_small: { most: 1.5 },
  batched_wal_bytes: { most: 420 },
  batched_postgres_cpu_us: { most: 8 },
  cpu_two_to_one: { most: 1.1 },
};

/** All ratios, and other figures that have a goal. */
export function figureLines({ figures }: Pick<BenchmarkResults, "figures">): FigureLine[] {
  return figures
    .filter(({ kind, name }) => kind === "ratio" || name in goals)
    .map((figure) => {
      const goal = goals[figure.name];
      if (goal === undefined) return { figure, goal: "", reached: null };
      const [words, limit] = "least" in goal ? ["at least", goal.least] : ["at most", goal.most];
      return { figure, goal: `${words} ${limit} ${figure.unit}`, reached: reachedOf(figure, goal) };
    });
}

function reachedOf({ low, high }: FigureResult, goal: Goal): Reached {
  const [allReach, noneReaches] = "least" in goal ? [low >= goal.least, high < goal.least] : [high <= goal.most, low > goal.most];
  return allReach ? "reached" : noneReaches ? "not reached" : "unclear";
}

export interface LatencyLine {
  what: string;
  p99Ms: number;
  goalMs: number;
}

/** Measured once, so without an interval. */
export function latencyLines({ latency }: Pick<BenchmarkResults, "latency">): LatencyLine[] {
  if (latency === null || latency.lawsBroken.length > 0) return [];
  return [
    { what: "receipt to commit at 70 % load, p99", found: latency.receiptToCommit, goalMs: 100 },
    { what: "sent to WebSocket credit at 70 % load, p99", found: latency.sentToCredit, goalMs: 250 },
  ].flatMap(({ what, found, goalMs }) => (found === null ? [] : [{ what, p99Ms: found.p99, goalMs }]));
}

/**
 * What others measured on machines of this kind (two cores, Node 20, PostgreSQL 18, all on
 * loopback): printed for comparison, never used in a ratio.
 */
export const measuredElsewhere = [
  "the original's way elsewhere: 1,300 to 1,600 messages/s, some final states overwritten in 9 of 15 runs",
  "Kannel 1.4.5 with receipts in PostgreSQL elsewhere: 1,840 messages/s",
] as const;

// Which figures of a benchmark have a goal, and whether it was reached: one list for the terminal
// and the report.
import type { BenchmarkSummary } from "./summary.ts";

export interface GoalLine {
  what: string;
  figure: number;
  unit: string;
  /** `at least 60 x`; empty: no goal, only a comparison. */
  goal: string;
  /** Null without a goal. */
  isReached: boolean | null;
}

interface Goal {
  what: string;
  figure(summary: BenchmarkSummary): number | null;
  unit: string;
  least?: number;
  most?: number;
}

const goals: readonly Goal[] = [
  { what: "bodies of 100 against the original's way", figure: (s) => s.batched_to_original, unit: "x", least: 60 },
  { what: "bodies of 100 against the bare store", figure: (s) => s.batched_to_store, unit: "x", least: 0.5 },
  { what: "single receipts against the original's way", figure: (s) => s.single_to_original, unit: "x", least: 8 },
  { what: "import against a bare COPY", figure: (s) => s.create_to_copy, unit: "x", most: 1.4 },
  { what: "memory of the largest process", figure: (s) => s.peak_rss_mib, unit: "MiB", most: 256 },
  { what: "its memory against that at 100,000", figure: (s) => s.peak_rss_to_small, unit: "x", most: 1.5 },
  { what: "receipt to commit at 70 % load, p99", figure: (s) => s.receipt_to_commit_p99_ms, unit: "ms", most: 100 },
  { what: "sent to WebSocket credit at 70 % load, p99", figure: (s) => s.sent_to_credit_p99_ms, unit: "ms", most: 250 },
  { what: "WAL per message, from run to end", figure: (s) => s.wal_bytes_per_message.batched, unit: "B", most: 420 },
  { what: "Postgres CPU per message, from run to end", figure: (s) => postgresMicros(s), unit: "µs", most: 8 },
  { what: "CPU per message with two of each worker against one", figure: (s) => s.cpu_two_to_one, unit: "x", most: 1.1 },
  { what: "single receipts against bare HTTP", figure: (s) => s.single_to_bare_http, unit: "x" },
  { what: "bodies of 100 against bare HTTP", figure: (s) => s.batched_to_bare_http, unit: "x" },
];

/** The goals whose figure was measured. */
export function goalLines(summary: BenchmarkSummary): GoalLine[] {
  return goals.flatMap(({ what, unit, least, most, ...goal }): GoalLine[] => {
    const figure = goal.figure(summary);
    if (figure === null) return [];
    if (least !== undefined) return [{ what, figure, unit, goal: `at least ${least} ${unit}`, isReached: figure >= least }];
    if (most !== undefined) return [{ what, figure, unit, goal: `at most ${most} ${unit}`, isReached: figure <= most }];
    return [{ what, figure, unit, goal: "", isReached: null }];
  });
}

function postgresMicros({ batched_cpu_us: { ds, salesdb } }: BenchmarkSummary): number | null {
  return ds === undefined || salesdb === undefined ? null : Number((ds + salesdb).toFixed(1));
}

/**
 * What others measured on machines of this kind (two cores, Node 20, PostgreSQL 18, all on
 * loopback): printed for comparison, never used in a ratio.
 */
export const measuredElsewhere = [
  "the original's way elsewhere: 1,300 to 1,600 messages/s, some final states overwritten in 9 of 15 runs",
  "Kannel 1.4.5 with receipts in PostgreSQL elsewhere: 1,840 messages/s",
] as const;

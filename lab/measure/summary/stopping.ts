// When a benchmark has seen enough: every ratio is known well enough, or the time is over.

/** `intervals`: every ratio's interval is within the limit. */
export type StopReason = "intervals" | "time" | "rounds";

export interface Progress {
  /** Done so far. */
  rounds: number;
  roundsMax: number;
  /** Since the benchmark began, and of its longest round. */
  passedMs: number;
  longestRoundMs: number;
  budgetMs: number;
  /** Ratios whose interval is wider than the limit, or not known yet. */
  wide: number;
}

/** How far from its median an interval may reach. */
export const widthMax = 0.1;

/**
 * Null: another round. The first one always runs; no other one starts that would end after the
 * budget.
 */
export function whyStop({ rounds, roundsMax, passedMs, longestRoundMs, budgetMs, wide }: Progress): StopReason | null {
  if (rounds === 0) return null;
  if (wide === 0) return "intervals";
  if (rounds >= roundsMax) return "rounds";
  return passedMs + longestRoundMs > budgetMs ? "time" : null;
}

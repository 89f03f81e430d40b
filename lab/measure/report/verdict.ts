// What a run on the stage found: the facts that a report draws.
import type { LawResult } from "../../../src/laws/law.ts";

export interface TimelineEntry {
  /** Since the campaigns began to run. */
  atMs: number;
  what: string;
}

export interface RateSample {
  atMs: number;
  /** Messages by state, of all campaigns of the run together. */
  counts: Readonly<Record<string, number>>;
}

export interface Verdict {
  scenario: string;
  seed: number;
  /**
   * Every law and every expectation holds, every campaign has ended, and the faults touched
   * something.
   */
  held: boolean;
  /** Why it did not hold; empty when it did. */
  reasons: readonly string[];
  /**
   * From the end of the last fault until every process was ready and messages moved again (or had
   * ended); null: never.
   */
  recoveredMs: number | null;
  /**
   * Messages that were in flight (submitted or to be submitted, not ended) when the first fault
   * that touched something began.
   */
  messagesTouched: number;
  /** Connections cut, processes killed, keys lost, ...: what the faults themselves counted. */
  faultTouches: number;
  /** Those of `bulksms check`, and those of the witnesses. */
  laws: readonly LawResult[];
  timeline: readonly TimelineEntry[];
  rates: readonly RateSample[];
  durationMs: number;
}

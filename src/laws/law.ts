// What a law is and what it finds: the vocabulary shared by the laws (one file per group), the
// audit that runs them, and its readers (cli, lab, console).

import type { JournalSnapshots, MessageFacts } from "./messages.ts";
import type { Snapshots } from "./snapshots.ts";

/**
 * How many broken rows a law names; the others are only counted. More would not help a reader, and
 * would not be bounded.
 */
export const namedRowsMax = 20;

/**
 * A row that breaks a law (or that a law lets pass, with its reason), identified so that it can be
 * looked up.
 */
export interface NamedRow {
  /** Table or journal, and key: `bulksms_info 0198….12`. */
  row: string;
  /** What is there, and what should be. */
  description: string;
}

export type Verdict = "held" | "broken" | "nothing_to_check";

/**
 * settled: nothing was in flight, so the law is an equality. running: it is an inequality that
 * holds at every moment.
 */
export type LawForm = "settled" | "running";

export interface LawResult {
  law: LawName;
  title: string;
  form: LawForm;
  /** If nothing was compared, the verdict is never `held`. */
  verdict: Verdict;
  rowsCompared: number;
  /** The first ones; `brokenCount` counts all. */
  broken: NamedRow[];
  brokenCount: number;
  /**
   * Rows that the law itself lets pass (L3: sent, but no receipt of it was ever accepted), to be
   * compared with injected faults.
   */
  excused: NamedRow[];
  excusedCount: number;
  /** Laws about messages share one pass over them, whose time counts for each. */
  durationMs: number;
}

/**
 * L12 to L14 concern what sockets, a wiped Redis and logs showed during a run: only a lab that was
 * present can judge them.
 */
export type LawName =
  | "L1"
  | "L2"
  | "L3"
  | "L4"
  | "L5"
  | "L6"
  | "L7"
  | "L8"
  | "L9"
  | "L10"
  | "L11"
  | "L12"
  | "L13"
  | "L14"
  | "L15"
  | "L16"
  | "L17";

/** Carriers beside the simulator; messages with a callback URL. */
export type LawSubject = "carriers" | "callbacks";

/**
 * One law: its statement and its checks. Both checks are optional; a law that has both runs both.
 */
export interface Law {
  name: LawName;
  title: string;
  /** About what not every installation has: only judged where it is. */
  concerns?: LawSubject;
  /** Checks rows with queries of its own; without a journal, only what needs none. */
  checkRows?: (snapshots: Snapshots, finding: Finding, journal: JournalSnapshots | null) => Promise<void>;
  /**
   * Judges one message that a database or the journal knows; called for each message in one shared
   * pass.
   */
  judgeMessage?: (message: MessageFacts, finding: Finding) => void;
}

/** Where a law records its findings. */
export interface Finding {
  compared: (rows: number) => void;
  broken: (row: string, description: string) => void;
  excused: (row: string, description: string) => void;
  result: () => Pick<LawResult, "verdict" | "rowsCompared" | "broken" | "brokenCount" | "excused" | "excusedCount">;
}

export function createFinding(): Finding {
  const broken: NamedRow[] = [];
  const excused: NamedRow[] = [];
  let [rowsCompared, brokenCount, excusedCount] = [0, 0, 0];
  return {
    compared: (rows) => {
      rowsCompared += rows;
    },
    broken: (row, description) => {
      brokenCount += 1;
      if (broken.length < namedRowsMax) broken.push({ row, description });
    },
    excused: (row, description) => {
      excusedCount += 1;
      if (excused.length < namedRowsMax) excused.push({ row, description });
    },
    result: () => ({
      verdict: brokenCount > 0 ? "broken" : rowsCompared > 0 ? "held" : "nothing_to_check",
      rowsCompared,
      broken,
      brokenCount,
      excused,
      excusedCount,
    }),
  };
}

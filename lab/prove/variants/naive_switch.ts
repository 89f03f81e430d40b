// What a design switch is: one of our decisions reverted in one process, by another module in its
// place; and the experiment that shows what the decision was for.
import type { ProcessName } from "../../../src/contracts/processes.ts";
import type { LawName } from "../../../src/laws/law.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";

export interface NaiveSwitch {
  /** Words joined by `-`: `naive-...`, where the rest is the name of its file (with `_`). */
  name: string;
  /** What we do and what the switch does instead, in one line. */
  description: string;
  /** The module that is replaced, below src, without its extension: `credit/settle`. */
  replaces: string;
  /** The processes that get the other module. */
  processes: readonly ProcessName[];
  workload: { campaigns: number; contacts: number };
  settings?: SystemSettings;
  /**
   * Armed in this process only, in our system and in the switched one alike: the same crash,
   * different consequences.
   */
  crashAt?: { process: ProcessName; at: string };
  /** A law that breaks, or a rate that falls to at most this share of ours. */
  shows: { laws: readonly LawName[] } | { rateAtMost: number };
}

// What a design switch is: one decision of ours taken back, in one process, by another module in
// its place; and the experiment that shows what it was for.
import type { ProcessName } from "../../../src/contracts/processes.ts";
import type { LawName } from "../../../src/laws/law.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";

export interface NaiveSwitch {
  /**
   * In words joined by `-`: `naive-...`, the name of its file without the first word (with `_`).
   */
  name: string;
  /** What we do, what it does instead, in a line. */
  description: string;
  /** The module that is replaced, below src, without its ending: `credit/settle`. */
  replaces: string;
  /** Those that get the other module. */
  processes: readonly ProcessName[];
  workload: { campaigns: number; contacts: number };
  settings?: SystemSettings;
  /**
   * Armed in this process alone, in ours and in the switched system alike: the same crash, other
   * consequences.
   */
  crashAt?: { process: ProcessName; at: string };
  /** A law that breaks, or a rate that falls to at most this share of ours. */
  shows: { laws: readonly LawName[] } | { rateAtMost: number };
}

// What a scenario is, and what a run of one finds: the words between scenarios, faults, the runner and the verify commands.
import type { LawResult } from "../../src/laws/law.ts";
import type { SystemSettings } from "../../src/platform/system_settings.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Links } from "../links/links.ts";

/** One experiment: work, what goes wrong meanwhile, and what must be true at the end. All laws must hold in any case. */
export interface Scenario {
  /** In words joined by `-`: the name of its file. */
  name: string;
  /** One line: what a reader learns from it. */
  shows: string;
  /** Over those of the lab's cluster; a scenario that has some gets a cluster of its own. */
  settings?: SystemSettings;
  workload: Workload;
  /** Runs beside the campaigns. Resolves when everything that it broke is whole again. */
  faults(stage: Stage): Promise<void>;
  /** What must be true beyond the laws: throws an Error that says what is not. */
  expects?(stage: Stage): Promise<void>;
}

export interface Workload {
  campaigns: number;
  /** Messages of each campaign. */
  contacts: number;
}

/** What faults may use. */
export interface Stage {
  cluster: Cluster;
  links: Links;
  /** Ids of the campaigns, all running when `faults` is called. */
  bulksmsIds: readonly string[];
  /** From the run's seed: every choice comes from here, so that a seed replays it. In [0, 1). */
  random(): number;
  /** Resolves when messages are in flight and more are to be submitted. */
  untilInFlight(): Promise<void>;
  /** Resolves when so many of all messages (0 to 1) have ended. */
  untilEnded(share: number): Promise<void>;
  /** Begins a fault, keeps it for so long, undoes it; notes both on the time line and what it touched. */
  inflict(fault: Fault, forMs: number): Promise<void>;
}

/** One thing that can go wrong, from its begin to its end. */
export interface Fault {
  /** E.g. `link sales_worker-carrier drop_replies`, `process salesapi kill`. */
  name: string;
  /** Begins it; the answer ends it, and tells whether it did anything (a link that nobody used was not cut: 0 touches). */
  begin(stage: Stage): Promise<() => Promise<{ touches: number }>>;
}

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
  /** Every law holds, every expectation too, every campaign has ended, and the faults touched something. */
  held: boolean;
  /** Why not; empty when held. */
  reasons: readonly string[];
  /** From the end of the last fault until messages moved again; null: nothing moved any more. */
  recoveredMs: number | null;
  /** Messages that were under way (submitted or to be submitted, not ended) while a fault lasted. */
  messagesTouched: number;
  /** L1 to L14. */
  laws: readonly LawResult[];
  timeline: readonly TimelineEntry[];
  rates: readonly RateSample[];
  durationMs: number;
}

// What a scenario is, and what a run of one finds: the types shared by scenarios, faults, the
// runner and the verify commands.
import type { LawResult } from "../../../src/laws/law.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import type { Links } from "../../../testing/links/links.ts";
import type { LabCluster } from "../lab_cluster.ts";

/**
 * One experiment: work, what goes wrong meanwhile, and what must be true at the end. All laws must
 * hold in any case.
 */
export interface Scenario {
  /** Words joined by `-`: the name of its file (with `_`), or of a cell of the matrix. */
  name: string;
  /** One line: what a reader learns from it. */
  shows: string;
  /** Override those of the lab's cluster; a scenario with settings gets a cluster of its own. */
  settings?: SystemSettings;
  workload: Workload;
  /** Runs beside the campaigns. Resolves when everything that it broke is repaired. */
  faults(stage: Stage): Promise<void>;
  /**
   * Checks what must be true beyond the laws when every campaign has ended.
   * @throws Error that names what is not true
   */
  expects?(stage: Stage): Promise<void>;
}

export interface Workload {
  campaigns: number;
  /**
   * Messages of each campaign. Up to `contactsMax` (testing/campaigns.ts) every final state is
   * known in advance; more need `endsAreOpen`.
   */
  contacts: number;
  /** Of each campaign, in seconds; without it, no deadline passes during a run. */
  deadlineS?: number;
  /**
   * The final states do not follow from the numbers: the scenario cancels, loses receipts or lets
   * deadlines pass.
   */
  endsAreOpen?: true;
  /**
   * No visitors read, top up and send small campaigns meanwhile (visitors.ts): for scenarios that
   * measure rates.
   */
  hasNoVisitors?: true;
}

/** What faults may use. */
export interface Stage {
  cluster: LabCluster;
  links: Links;
  /** Ids of the campaigns, all running when `faults` is called. */
  bulksmsIds: readonly string[];
  /**
   * In [0, 1), from the run's seed: every random choice uses it, so that a seed repeats the run.
   */
  random(): number;
  /** Resolves when messages are in flight and more are to be submitted. */
  untilInFlight(): Promise<void>;
  /** Resolves when this share of all messages (0 to 1) has ended. */
  untilEnded(share: number): Promise<void>;
  /**
   * Begins a fault, keeps it for the given time (longer until it has touched something), and undoes
   * it; records both on the timeline, with what it touched.
   */
  inflict(fault: Fault, forMs: number): Promise<void>;
  /** Adds a line to the timeline. */
  note(what: string): void;
}

/** One thing that can go wrong, from its beginning to its end. */
export interface Fault {
  /** E.g. `link sales_worker-simulator drop_replies`, `process salesapi kill`. */
  name: string;
  /**
   * Begins it. The returned function ends it and returns how much it touched (a link that nobody
   * used was not cut: 0 touches).
   */
  begin(stage: Stage): Promise<EndFault>;
  /**
   * What it has touched so far, where that is known before it ends: then it is kept until it has
   * touched something, within limits.
   */
  touches?(stage: Stage): number;
}

export type EndFault = () => Promise<{ touches: number }>;

/** Observes a system from outside during a run, and reports on one law at the end. */
export interface Witness {
  /**
   * Called when every campaign has ended, after the laws were checked, one witness after another.
   */
  conclude(): Promise<LawResult>;
  /** Called once, however the run ends. */
  close(): Promise<void>;
}

/**
 * Called before the campaigns run. `isShared`: other runs use the cluster after this one. Null: it
 * has nothing to report on this run.
 */
export type OpenWitness = (scene: { cluster: LabCluster; bulksmsIds: readonly string[]; isShared: boolean }) => Promise<Witness | null>;

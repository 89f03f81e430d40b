// What a scenario is, and what a run of one finds: the words between scenarios, faults, the runner
// and the verify commands.
import type { LawResult } from "../../../src/laws/law.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import type { Links } from "../../../testing/links/links.ts";
import type { LabCluster } from "../lab_cluster.ts";

/**
 * One experiment: work, what goes wrong meanwhile, and what must be true at the end. All laws must
 * hold in any case.
 */
export interface Scenario {
  /** In words joined by `-`: the name of its file (with `_`), or of a cell of the matrix. */
  name: string;
  /** One line: what a reader learns from it. */
  shows: string;
  /** Over those of the lab's cluster; a scenario that has some gets a cluster of its own. */
  settings?: SystemSettings;
  workload: Workload;
  /** Runs beside the campaigns. Resolves when everything that it broke is whole again. */
  faults(stage: Stage): Promise<void>;
  /**
   * What must be true beyond the laws, when every campaign has ended: throws an Error that says
   * what is not.
   */
  expects?(stage: Stage): Promise<void>;
}

export interface Workload {
  campaigns: number;
  /**
   * Messages of each campaign. Up to `contactsMax` (testing/campaigns.ts) each has an end that is
   * known before; more need `endsAreOpen`.
   */
  contacts: number;
  /** Of each campaign, in seconds; without it no deadline passes during a run. */
  deadlineS?: number;
  /**
   * The ends are not those of the numbers: the scenario cancels, loses receipts or lets deadlines
   * pass.
   */
  endsAreOpen?: true;
  /**
   * Nobody reads, tops up and sends small campaigns beside (visitors.ts): for scenarios that
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
  /** From the run's seed: every choice comes from here, so that a seed replays it. In [0, 1). */
  random(): number;
  /** Resolves when messages are in flight and more are to be submitted. */
  untilInFlight(): Promise<void>;
  /** Resolves when so many of all messages (0 to 1) have ended. */
  untilEnded(share: number): Promise<void>;
  /**
   * Begins a fault, keeps it for so long (longer until it has touched something), undoes it; notes
   * both on the time line and what it touched.
   */
  inflict(fault: Fault, forMs: number): Promise<void>;
  /** Writes on the time line. */
  note(what: string): void;
}

/** One thing that can go wrong, from its begin to its end. */
export interface Fault {
  /** E.g. `link sales_worker-simulator drop_replies`, `process salesapi kill`. */
  name: string;
  /**
   * Begins it; the answer ends it, and tells whether it did anything (a link that nobody used was
   * not cut: 0 touches).
   */
  begin(stage: Stage): Promise<EndFault>;
  /**
   * What it has done so far, where that is known before its end: then it is kept until it has done
   * something, within reason.
   */
  touches?(stage: Stage): number;
}

export type EndFault = () => Promise<{ touches: number }>;

/** Looks at a system from outside during a run, and speaks of one law at its end. */
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
 * has nothing to say of this run.
 */
export type OpenWitness = (scene: { cluster: LabCluster; bulksmsIds: readonly string[]; isShared: boolean }) => Promise<Witness | null>;

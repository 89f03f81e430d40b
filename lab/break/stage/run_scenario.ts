// Runs one scenario on a lab cluster: campaigns, what goes wrong, recovery, end, and the verdict.
// Called by the lab command and by verify/.
import { deepEqual } from "node:assert/strict";
import { processNames } from "../../../src/contracts/processes.ts";
import { countIn } from "../../../src/contracts/states.ts";
import { checkLaws } from "../../../src/laws/check_laws.ts";
import type { LawResult } from "../../../src/laws/law.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { contactsMax, createCampaign, csvOf, expectedEnd, isEnded, lawSourcesOf, runCampaign } from "../../../testing/campaigns.ts";
import { csvOfMany } from "../../../testing/contacts.ts";
import { createRandom } from "../../../testing/random.ts";
import type { RateSample, TimelineEntry, Verdict } from "../../measure/report/verdict.ts";
import { type LabCluster, startLabCluster } from "../lab_cluster.ts";
import type { Fault, Scenario, Stage, Witness } from "./scenario.ts";
import { openVisitors } from "./visitors.ts";
import { countAll, countEnded, openWatch, type Watch } from "./watch.ts";
import { witnesses as allWitnesses } from "./witnesses/all.ts";

export interface RunOptions {
  seed: number;
  /**
   * A running one, shared with other runs; without it the scenario gets one of its own, stopped at
   * its end.
   */
  cluster?: LabCluster;
  /** Called for each new line of the time line. */
  onEvent?(entry: TimelineEntry): void;
  onSample?(sample: RateSample, statuses: readonly string[]): void;
}

/**
 * The faults are over: what has not moved by then will not. Longer than any lease, deadline or
 * back-off of the lab's settings.
 */
const recoverMaxMs = 45_000;
/** Without any change, until every campaign has ended: longer than the longest back-off. */
const endMaxMs = 60_000;
const inFlightMaxMs = 30_000;
/** A link that is used only now and then is kept cut so much longer until somebody uses it. */
const untouchedMaxMs = 10_000;

/**
 * Never throws for what the system did: that is in the verdict. @throws when the system does not
 * even start
 */
export async function runScenario(scenario: Scenario, options: RunOptions): Promise<Verdict> {
  if (options.cluster !== undefined) return await perform(scenario, options.cluster, options);
  const cluster = await startLabCluster({
    ...(scenario.settings === undefined ? {} : { settings: scenario.settings }),
    seed: options.seed,
  });
  try {
    return await perform(scenario, cluster, options);
  } finally {
    await cluster.stop();
  }
}

/**
 * Runs the workload's campaigns. The witnesses are there before the first message is on its way.
 */
async function beginCampaigns({ name, workload }: Scenario, cluster: LabCluster, isShared: boolean) {
  const { campaigns, contacts, deadlineS } = workload;
  // else "held" would be said of ends that nobody compared
  if (contacts > contactsMax && workload.endsAreOpen === undefined)
    throw new Error(`${name}: the ends of more than ${contactsMax} contacts are not known; say endsAreOpen, or take more campaigns`);
  const csv = contacts <= contactsMax ? csvOf(contacts) : csvOfMany(contacts);
  const bulksmsIds: string[] = [];
  for (let made = 0; made < campaigns; made += 1) bulksmsIds.push((await createCampaign(cluster, csv, undefined, undefined, deadlineS)).id);
  const witnesses: Witness[] = [];
  for (const open of allWitnesses) {
    const witness = await open({ cluster, bulksmsIds, isShared });
    if (witness !== null) witnesses.push(witness);
  }
  for (const id of bulksmsIds) await runCampaign(cluster, id);
  return { bulksmsIds, witnesses };
}

async function perform(scenario: Scenario, cluster: LabCluster, options: RunOptions): Promise<Verdict> {
  const { campaigns, contacts } = scenario.workload;
  const { bulksmsIds, witnesses } = await beginCampaigns(scenario, cluster, options.cluster !== undefined);
  const startedMs = performance.now();
  const timeline: TimelineEntry[] = [];
  const reasons: string[] = [];
  const note = (what: string): void => {
    const entry = { atMs: Math.round(performance.now() - startedMs), what };
    timeline.push(entry);
    options.onEvent?.(entry);
  };
  const watch = await openWatch(cluster, bulksmsIds, startedMs, options.onSample ?? (() => {}));
  const touches: Touches = { faults: 0, messages: 0 };
  const stage: Stage = {
    cluster,
    links: cluster.links,
    bulksmsIds,
    random: createRandom(options.seed),
    note,
    async untilInFlight() {
      await watch.until("messages in flight", isInFlight, inFlightMaxMs);
    },
    async untilEnded(share) {
      await watch.until(`${share} of the messages to end`, (sample) => countEnded(sample) >= share * countAll(sample), inFlightMaxMs);
    },
    inflict: (fault, forMs) => inflict(stage, fault, forMs, { watch, touches }),
  };
  const tryTo = async (work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      return true;
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
      return false;
    }
  };

  const [visited = ""] = bulksmsIds;
  const visitors = scenario.workload.hasNoVisitors === true ? null : await openVisitors(cluster, visited);
  let recoveredMs: number | null = null;
  let laws: readonly LawResult[] = [];
  try {
    note(`${campaigns === 1 ? "one campaign" : `${campaigns} campaigns`} of ${contacts} messages`);
    await tryTo(() => scenario.faults(stage));
    for (const link of cluster.links.all()) if (link.mode() !== "pass") link.set("pass");
    await tryTo(async () => {
      recoveredMs = await recover(cluster, watch);
      note("every process is ready, messages move");
    });
    const hasEnded = await tryTo(async () => {
      await watch.until("every campaign to end", () => watch.statuses().every(isEnded), endMaxMs);
      note("every campaign has ended");
    });
    if (hasEnded) {
      if (scenario.workload.endsAreOpen === undefined) await tryTo(async () => requireEnds(watch, campaigns, contacts));
    }
    // before what is expected of the end: they send on and on
    if (visitors !== null) await tryTo(visitors.conclude);
    if (hasEnded && scenario.expects !== undefined) await tryTo(async () => scenario.expects?.(stage));
    await tryTo(async () => {
      laws = await judge(cluster, witnesses);
    });
  } finally {
    await Promise.all([watch.close(), visitors?.close(), ...witnesses.map((witness) => witness.close())]);
  }
  reasons.push(...lawReasons(laws));
  if (touches.faults === 0) reasons.push("the faults touched nothing: nothing was proved");
  else if (touches.messages === 0) reasons.push("no message was under way when the faults began: nothing was proved");
  return {
    scenario: scenario.name,
    seed: options.seed,
    held: reasons.length === 0,
    reasons,
    recoveredMs,
    messagesTouched: touches.messages,
    faultTouches: touches.faults,
    laws,
    timeline,
    rates: [...watch.samples],
    durationMs: Math.round(performance.now() - startedMs),
  };
}

interface Touches {
  faults: number;
  messages: number;
}

async function inflict(stage: Stage, fault: Fault, forMs: number, { watch, touches }: { watch: Watch; touches: Touches }): Promise<void> {
  const underWay = countAll(watch.now()) - countEnded(watch.now());
  stage.note(`${fault.name}: begins`);
  const end = await fault.begin(stage);
  const startedMs = performance.now();
  const isOver = (): boolean => {
    const passedMs = performance.now() - startedMs;
    return passedMs >= forMs && (fault.touches === undefined || fault.touches(stage) > 0 || passedMs >= forMs + untouchedMaxMs);
  };
  do await sleep(Math.min(forMs, 50));
  while (!isOver());
  const found = await end();
  stage.note(`${fault.name}: over, touched ${found.touches}`);
  touches.faults += found.touches;
  if (found.touches > 0 && touches.messages === 0) touches.messages = underWay;
}

/** @returns ms until every process was ready and messages moved, or none was left to move */
async function recover(cluster: LabCluster, watch: Watch): Promise<number> {
  const startedMs = performance.now();
  // one from before the end of the faults would let any change since then pass for a recovery
  const last = watch.now();
  await watch.until("a sample", (sample) => sample !== last, recoverMaxMs);
  const before = watch.now();
  await cluster.waitFor("every process to be ready", () => processNames.every((name) => cluster.isReady(name)), recoverMaxMs);
  const hasMoved = (sample: RateSample): boolean =>
    (sample !== before && JSON.stringify(sample.counts) !== JSON.stringify(before.counts)) || countEnded(sample) === countAll(sample);
  await watch.until("messages to move again", hasMoved, recoverMaxMs);
  return Math.round(performance.now() - startedMs);
}

async function judge(cluster: LabCluster, witnesses: readonly Witness[]): Promise<LawResult[]> {
  const report = await checkLaws(lawSourcesOf(cluster));
  if (report.form !== "settled") throw new Error("something is still under way although every campaign has ended");
  const seen: LawResult[] = [];
  for (const witness of witnesses) seen.push(await witness.conclude());
  return [...report.laws, ...seen].sort((one, other) => Number(one.law.slice(1)) - Number(other.law.slice(1)));
}

function lawReasons(laws: readonly LawResult[]): string[] {
  return laws
    .filter((law) => law.verdict === "broken")
    .map((law) => `${law.law} is broken: ${law.brokenCount} rows, e.g. ${law.broken[0]?.row}: ${law.broken[0]?.description}`);
}

function requireEnds(watch: Watch, campaigns: number, contacts: number): void {
  const one = expectedEnd(contacts);
  const all = Object.fromEntries(Object.entries(one).map(([state, count]) => [state, count * campaigns]));
  deepEqual(watch.now().counts, all, `messages ended as ${JSON.stringify(watch.now().counts)}, their numbers say ${JSON.stringify(all)}`);
}

const isInFlight = ({ counts }: RateSample): boolean => countIn("sendable", counts) > 0 && countIn("submitted", counts) > 0;

// One experiment: a process kills itself at a crash point while campaigns run; then everything must end as if it had not.
import type { FailpointName } from "../../src/contracts/failpoints.ts";
import { failpoints } from "../../src/contracts/failpoints.ts";
import type { ProcessName } from "../../src/contracts/processes.ts";
import { checkLaws } from "../../src/laws/check_laws.ts";
import type { SystemSettings } from "../../src/platform/system_settings.ts";
import { lawSourcesOf, readMetric } from "../cluster/campaigns.ts";
import { arm, type CrashLab, countInFlight, restart, untilHit, untilReadyAgain } from "./crash_lab.ts";
import { type PointName, trials } from "./crash_points.ts";
import { expectExactEnd, type ScriptedCampaign, scripts, startBackground, untilEnded } from "./crash_scripts.ts";

/** One line of the table. */
export interface CrashRow {
  point: PointName;
  /** Failpoint, or the experiment's name. */
  where: string;
  process: string;
  /** Which hit was asked for, and how many were seen. */
  hit: number | null;
  hitsSeen: number;
  /** Messages that the carrier may have had and whose end was not known, at that moment. */
  inFlight: number;
  /** From then until the process was ready again and campaigns moved, or had ended. */
  recoveredMs: number | null;
  verdict: "held" | "BROKE" | "not hit";
  /** Why not. */
  reasons: string[];
}

export async function crashAt(lab: CrashLab, name: FailpointName, hit: number): Promise<CrashRow> {
  const { point, process } = failpoints[name];
  const trial = trials[name];
  const script = scripts[trial.script];
  const row: CrashRow = { point, where: name, process, hit, hitsSeen: 0, inFlight: 0, recoveredMs: null, verdict: "held", reasons: [] };
  const settings = Object.entries(script.settings ?? {}) as [ProcessName, SystemSettings][];
  let isDone = false;
  try {
    for (const [other, own] of settings) await restart(lab, other, own);
    const background = script.hasBackground ? [await startBackground(lab)] : [];
    const eventsBefore = lab.cluster.events.length;
    await arm(lab, process, `${name}:${hit}`, script.settings?.[process]);
    const pid = lab.cluster.pids()[process];
    const watching = untilHit(lab, name, eventsBefore, () => isDone).then(async (found) => {
      if (found === null) return;
      row.hitsSeen = found.hit;
      row.inFlight = await countInFlight(lab);
      row.recoveredMs = await measureRecovery(lab, process, pid, found.atMs);
    });
    const campaigns = await finishWork(lab, script.work(lab), background, () => {
      isDone = true;
    });
    await watching;
    if (row.hitsSeen === 0) {
      row.verdict = "not hit";
      row.hitsSeen = await readMetric(lab.cluster.urls[process], "failpoint_hits_total", `name="${name}"`);
      row.reasons.push(`reached ${row.hitsSeen} times, not ${hit}`);
      await restart(lab, process);
    }
    await script.expects(lab, campaigns);
    for (const campaign of background) await expectExactEnd(lab, campaign);
    await trial.expects?.(lab, campaigns, hit);
    row.reasons.push(...(await brokenLaws(lab)));
  } catch (error) {
    row.reasons.push(error instanceof Error ? error.message : String(error));
  } finally {
    isDone = true;
    for (const [other] of settings) await restart(lab, other);
  }
  if (row.verdict === "held" && row.reasons.length > 0) row.verdict = "BROKE";
  return row;
}

async function finishWork(lab: CrashLab, work: Promise<ScriptedCampaign[]>, background: ScriptedCampaign[], onDone: () => void) {
  try {
    const campaigns = await work;
    await untilEnded(
      lab,
      [...campaigns, ...background].map(({ id }) => id),
    );
    return campaigns;
  } finally {
    onDone();
  }
}

/** Until the process is ready again and some campaign has moved since, or none is open. */
export async function measureRecovery(lab: CrashLab, process: ProcessName, pidBefore: number | null | undefined, fromMs: number) {
  await untilReadyAgain(lab.cluster, process, pidBefore);
  const readyAt = await readVersions(lab);
  await lab.cluster.waitFor("campaigns to move again", async () => {
    const now = await readVersions(lab);
    return now.open === 0 || now.versions !== readyAt.versions;
  });
  return performance.now() - fromMs;
}

async function readVersions({ salesdb }: CrashLab): Promise<{ versions: bigint; open: number }> {
  const [row] = await salesdb<{ versions: bigint; open: number }[]>`
    select coalesce(sum(version), 0)::bigint as versions,
      count(*) filter (where status in ('importing', 'reserving', 'running', 'paused', 'canceling', 'settling'))::int as open
    from bulksms`;
  return row ?? { versions: 0n, open: 0 };
}

/** A line for each law that does not hold in its settled form. */
export async function brokenLaws(lab: CrashLab): Promise<string[]> {
  const report = await checkLaws(lawSourcesOf(lab.cluster));
  const broken = report.laws
    .filter(({ verdict }) => verdict === "broken")
    .map(({ law, broken: rows, brokenCount }) => `${law} broken ${brokenCount} times: ${rows[0]?.row}: ${rows[0]?.says}`);
  if (report.form !== "settled") broken.push("something is still in flight");
  if (!report.hasJournal || report.rowsCompared === 0) broken.push("no row was compared");
  return broken;
}

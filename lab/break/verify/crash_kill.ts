// One experiment: a process kills itself at a crash point while campaigns run; then everything must
// end as if nothing had happened.
import type { FailpointName } from "../../../src/contracts/failpoints.ts";
import { failpoints } from "../../../src/contracts/failpoints.ts";
import type { ProcessName } from "../../../src/contracts/processes.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { readMetric } from "../../../testing/campaigns.ts";
import { arm, type CrashLab, countInFlight, restart, untilHit } from "./crash_lab.ts";
import { trials } from "./crash_points.ts";
import { brokenLaws, type CrashRow, measureRecovery } from "./crash_row.ts";
import { expectExactEnd, type ScriptedCampaign, scripts, startBackground, untilEnded } from "./crash_scripts.ts";

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
    // its failure is thrown where it is awaited; until then it must not count as an unhandled
    // rejection
    watching.catch(() => {});
    const campaigns: ScriptedCampaign[] = [];
    try {
      await script.work(lab, campaigns);
      await untilEnded(
        lab,
        [...campaigns, ...background].map(({ id }) => id),
      );
    } finally {
      isDone = true;
    }
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
  }
  isDone = true;
  for (const [other] of settings) await restart(lab, other).catch((error: Error) => row.reasons.push(error.message));
  if (row.verdict === "held" && row.reasons.length > 0) row.verdict = "BROKE";
  return row;
}

// A line of the table of verify:crash, and what every experiment checks: how long until things
// moved again, and the laws.
import type { ProcessName } from "../../../src/contracts/processes.ts";
import { campaignSets } from "../../../src/contracts/states.ts";
import { checkLaws } from "../../../src/laws/check_laws.ts";
import { statusIn } from "../../../src/platform/state_sql.ts";
import { lawSourcesOf } from "../../../testing/campaigns.ts";
import { type CrashLab, untilReadyAgain } from "./crash_lab.ts";
import type { PointName } from "./crash_points.ts";

/** One line of the table. */
export interface CrashRow {
  point: PointName;
  /** The failpoint, or the experiment's name. */
  where: string;
  process: string;
  /** The requested hit, and how many were seen. */
  hit: number | null;
  hitsSeen: number;
  /** Messages that the carrier may have had and whose end was unknown at that moment. */
  inFlight: number;
  /** From that moment until the process was ready again and campaigns moved or had ended. */
  recoveredMs: number | null;
  verdict: "held" | "BROKE" | "not hit";
  /** Why it did not hold. */
  reasons: string[];
}

/** Until the process is ready again and some campaign has moved since, or none is open. */
export async function measureRecovery(
  lab: CrashLab,
  process: ProcessName,
  pidBefore: number | null | undefined,
  fromMs: number,
): Promise<number> {
  await untilReadyAgain(lab.cluster, process, pidBefore);
  await untilMoving(lab);
  return performance.now() - fromMs;
}

/** Until a campaign has moved, or none is open. */
export async function untilMoving(lab: CrashLab): Promise<void> {
  const readyAt = await readVersions(lab);
  await lab.cluster.waitFor("campaigns to move again", async () => {
    const now = await readVersions(lab);
    return now.open === 0 || now.versions !== readyAt.versions;
  });
}

async function readVersions({ salesdb }: CrashLab): Promise<{ versions: bigint; open: number }> {
  const [row] = await salesdb<{ versions: bigint; open: number }[]>`
    select coalesce(sum(version), 0)::bigint as versions,
      count(*) filter (where ${statusIn(salesdb, "status", campaignSets.due)})::int as open
    from bulksms`;
  return row ?? { versions: 0n, open: 0 };
}

/** A line for each law that does not hold in its settled form. */
export async function brokenLaws(lab: CrashLab): Promise<string[]> {
  const report = await checkLaws(lawSourcesOf(lab.cluster));
  const broken = report.laws
    .filter(({ verdict }) => verdict === "broken")
    .map(({ law, broken: rows, brokenCount }) => `${law} broken ${brokenCount} times: ${rows[0]?.row}: ${rows[0]?.description}`);
  if (report.form !== "settled") broken.push("something is still in flight");
  if (!report.hasJournal || report.rowsCompared === 0) broken.push("no row was compared");
  return broken;
}

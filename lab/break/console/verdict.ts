// The continuous verdict of a lab: all laws, checked again and again, and the campaigns that have
// ended.
import type { LabState } from "../../../src/contracts/lab_console.ts";
import { campaignSets, messageSets } from "../../../src/contracts/states.ts";
import { checkLaws } from "../../../src/laws/check_laws.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { statusIn, sumOfCounters } from "../../../src/platform/state_sql.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { lawSourcesOf } from "../../../testing/campaigns.ts";
import type { LabCluster } from "../lab_cluster.ts";

/** From the end of one check to the next: the checks must not become the load. */
const pauseMs = 2_000;
/**
 * A frozen database answers nobody; the check is abandoned, and the verdict reports that nothing
 * could be checked.
 */
const checkMaxMs = 8_000;

type Verdict = Omit<LabState["verdict"], "faults">;

export interface VerdictWatch {
  now(): Verdict;
  close(): Promise<void>;
}

export function watchVerdict(cluster: LabCluster): VerdictWatch {
  const closing = new AbortController();
  let verdict: Verdict = {
    is: "unknown",
    laws: [],
    rows_compared: 0,
    campaigns: { ended: 0, running: 0 },
    messages: { ended: 0, all: 0 },
    checked_at: null,
  };
  const looking = (async () => {
    while (!closing.signal.aborted) {
      try {
        verdict = await look(cluster, AbortSignal.any([closing.signal, AbortSignal.timeout(checkMaxMs)]));
      } catch {
        // a database that is down or frozen on purpose: the last result stays, but it is not a
        // verdict on the present
        verdict = { ...verdict, is: "unknown" };
      }
      await sleep(pauseMs, closing.signal);
    }
  })();
  return {
    now: () => verdict,
    async close() {
      closing.abort();
      await looking;
    },
  };
}

async function look(cluster: LabCluster, signal: AbortSignal): Promise<Verdict> {
  const { campaigns, messages } = await countCampaigns(cluster, signal);
  const report = await checkLaws(lawSourcesOf(cluster), {}, signal);
  const isSettled = report.form === "settled" && campaigns.running === 0;
  return {
    is: report.brokenLaws > 0 ? "broken" : isSettled && campaigns.ended > 0 ? "holds" : "forming",
    laws: report.laws.map((law) => ({
      law: law.law,
      title: law.title,
      verdict: law.verdict,
      rows_compared: law.rowsCompared,
      broken: law.broken,
    })),
    rows_compared: report.rowsCompared,
    campaigns,
    messages,
    checked_at: new Date().toISOString(),
  };
}

/**
 * Campaigns that were never run count as neither. A paused one waits for its operator, and so does
 * its verdict.
 */
async function countCampaigns(cluster: LabCluster, signal: AbortSignal): Promise<Pick<Verdict, "campaigns" | "messages">> {
  const sql = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  const giveUp = (): void => void sql.end({ timeout: 0 });
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    const [row] = await sql<Record<"ended" | "running" | "endedMessages" | "messages", number>[]>`
      select count(*) filter (where ${statusIn(sql, "b.status", campaignSets.complete)})::int as ended,
             count(*) filter (where ${statusIn(sql, "b.status", campaignSets.holding)})::int as running,
             coalesce(sum(${sumOfCounters(sql, "b", messageSets.final)}), 0)::int as "endedMessages",
             coalesce(sum(contacts), 0)::int as messages
      from bulksms b`;
    return {
      campaigns: { ended: row?.ended ?? 0, running: row?.running ?? 0 },
      messages: { ended: row?.endedMessages ?? 0, all: row?.messages ?? 0 },
    };
  } finally {
    signal.removeEventListener("abort", giveUp);
    await sql.end({ timeout: 1 });
  }
}

// Runs the experiment of a design switch: our system, then the same with one naive module, under
// the same load and the same crash; and compares the outcomes.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ProcessName, processNames } from "../../../src/contracts/processes.ts";
import { checkLaws, type LawsReport } from "../../../src/laws/check_laws.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { deadlineIn } from "../../../src/platform/time/deadline.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { createCampaign, lawSourcesOf, runCampaign } from "../../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../../testing/cluster.ts";
import { csvOfMany } from "../../../testing/contacts.ts";
import { moduleOf } from "./all.ts";
import type { NaiveSwitch } from "./naive_switch.ts";

export interface SwitchRun {
  /**
   * Of all messages together, from the first run to the last end; null: some campaign never ended.
   */
  perSecond: number | null;
  laws: LawsReport["laws"];
}

export interface SwitchResult {
  ours: SwitchRun;
  naive: SwitchRun;
  /** Laws that hold in ours and break in the switched system. */
  brokenLaws: readonly string[];
  /** Rate of the switched system against ours; null when one of them did not end. */
  rate: number | null;
  /** The switch had the predicted effect, and ours held. */
  isShown: boolean;
}

/**
 * A campaign that has not moved for this long never will: longer than a restart on a busy machine
 * and than the sweeper's first back-off.
 */
const stillMaxMs = 20_000;
/** The limit even while something still moves. */
const endMaxMs = 240_000;
const pollMs = 100;

const root = join(import.meta.dirname, "..", "..", "..");
const loaderUrl = pathToFileURL(join(import.meta.dirname, "replace_module.mjs")).href;

export async function runSwitch(one: NaiveSwitch, onBegin: (what: string) => void): Promise<SwitchResult> {
  onBegin("ours");
  const ours = await runSystem(one, null);
  onBegin("switched");
  const naive = await runSystem(one, one);
  const broken = (run: SwitchRun) => run.laws.filter(({ verdict }) => verdict === "broken").map(({ law }) => law);
  const brokenLaws = broken(naive);
  const rate = ours.perSecond === null || naive.perSecond === null ? null : naive.perSecond / ours.perSecond;
  const { shows } = one;
  const hasEffect = "laws" in shows ? shows.laws.some((law) => brokenLaws.includes(law)) : rate !== null && rate <= shows.rateAtMost;
  return { ours, naive, brokenLaws, rate, isShown: hasEffect && broken(ours).length === 0 && ours.perSecond !== null };
}

async function runSystem(one: NaiveSwitch, naive: NaiveSwitch | null): Promise<SwitchRun> {
  const armed = new Set<ProcessName>(one.crashAt === undefined ? [] : [one.crashAt.process]);
  const cluster = await startCluster({
    settings: one.settings ?? {},
    intervention: {
      settingsOf(name: ProcessName, own: SystemSettings) {
        const replaced = naive?.processes.includes(name) === true ? { ...own, ...replacementEnvironment(naive) } : own;
        // only the first start: its successor survives
        return one.crashAt !== undefined && armed.delete(name) ? { ...replaced, BULKSMS_CRASH_AT: one.crashAt.at } : replaced;
      },
    },
  });
  const check = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  try {
    const csv = csvOfMany(one.workload.contacts);
    const ids: string[] = [];
    for (let made = 0; made < one.workload.campaigns; made += 1) ids.push((await createCampaign(cluster, csv, "Hello")).id);
    const startedMs = Date.now();
    for (const id of ids) await runCampaign(cluster, id);
    const endedMs = await untilEndedOrStill(cluster, check, ids);
    const { laws } = await checkLaws(lawSourcesOf(cluster));
    const messages = one.workload.campaigns * one.workload.contacts;
    return { perSecond: endedMs === null ? null : (1_000 * messages) / (endedMs - startedMs), laws };
  } finally {
    await check.end({ timeout: 1 });
    await cluster.stop();
  }
}

/** The environment that makes a process load the naive module (replace_module.mjs). */
export function replacementEnvironment(one: NaiveSwitch): Record<string, string> {
  const url = (...words: string[]): string => pathToFileURL(join(root, ...words)).href;
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href;
  return {
    NODE_OPTIONS: `--import=${loader} --import=${loaderUrl}`,
    LAB_REPLACES: url("dist", `${one.replaces}.js`),
    LAB_REPLACEMENT: pathToFileURL(moduleOf(one)).href,
    LAB_SOURCE: url("src"),
    LAB_COMPILED: url("dist"),
  };
}

/**
 * @returns when the last campaign ended, by the database's clock; null when nothing has moved for
 * long while every process is ready
 */
async function untilEndedOrStill(cluster: Cluster, check: Sql, ids: readonly string[]): Promise<number | null> {
  const deadline = deadlineIn(endMaxMs);
  let movedAt = performance.now();
  let seen = "";
  for (;;) {
    const rows = await check<{ status: string; endedAt: Date | null; version: string }[]>`
      select status::text as status, ended_at as "endedAt", version::text as version from bulksms where id = any (${ids as string[]}) order by id`;
    const ends = rows.flatMap(({ status, endedAt }) => (status === "finished" && endedAt !== null ? [endedAt.getTime()] : []));
    if (ends.length === ids.length) return Math.max(...ends);
    const now = JSON.stringify(rows);
    const isWhole = processNames.every((name) => cluster.isReady(name));
    if (now !== seen || !isWhole) {
      seen = now;
      movedAt = performance.now();
    }
    if (performance.now() - movedAt > stillMaxMs || deadline.isOver()) return null;
    await sleep(pollMs);
  }
}

// Judges the measurements of measureRecovery, and renders them as a page: how soon the rate
// recovered after each fault. Called by commands/recovery.ts.
import { formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import { type Band, type Point, ratesOf } from "../../measure/report/chart.ts";
import type { Report, TitledChart } from "../../measure/report/report.ts";
import { flowNames } from "./flows.ts";
import { type Blow, blows, type MeasuredBlow, type RecoveryReport } from "./measure_recovery.ts";
import { quantile } from "./recovery_time.ts";

/**
 * After kill -9 of one process the rate is back at 90 % within this time, at the 95th percentile; a
 * wipe of Redis costs no more than this time.
 */
const killedMaxMs = 5_000;
const wipedMaxMs = 10_000;

/** Infinity when not recovered within the observed time. */
export const timesOf = (report: RecoveryReport, blow: Blow): number[] =>
  report.blows.filter((one) => one.blow === blow).map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY);

export const durationOf = (ms: number | null): string => (ms === null || !Number.isFinite(ms) ? "never" : formatDuration(ms));

/** Of all kills together: median and 95th percentile. */
export function killTimes(report: RecoveryReport): { medianMs: number; p95Ms: number } {
  const kills = blows.filter((blow) => blow !== "redis wiped").flatMap((blow) => timesOf(report, blow));
  return { medianMs: quantile(kills, 0.5), p95Ms: quantile(kills, 0.95) };
}

/** Why it did not hold; empty if it did. */
export function recoveryReasons(report: RecoveryReport): string[] {
  const wipes = report.blows.filter(({ blow }) => blow === "redis wiped");
  const behindMs = Math.max(0, ...wipes.flatMap(({ flows }) => Object.values(flows ?? {}).map((flow) => flow.behindMs)));
  const { p95Ms } = killTimes(report);
  const reasons: string[] = [];
  if (p95Ms > killedMaxMs) reasons.push(`p95 of all kills is ${durationOf(p95Ms)}, more than ${formatDuration(killedMaxMs)}`);
  if (behindMs > wipedMaxMs) reasons.push(`a wipe of Redis cost ${formatDuration(behindMs)}, more than ${formatDuration(wipedMaxMs)}`);
  if (wipes.some(({ recoveredMs }) => recoveredMs === null)) reasons.push("after a wipe of Redis the rate did not come back");
  for (const law of report.laws.laws)
    if (law.verdict === "broken") reasons.push(`${law.law} is broken: ${law.brokenCount} rows, e.g. ${law.broken[0]?.row}`);
  if (report.laws.form !== "settled") reasons.push("something was still in flight at the end");
  return reasons;
}

export function recoveryPage(report: RecoveryReport, replay: string): Report {
  const reasons = recoveryReasons(report);
  const { medianMs, p95Ms } = killTimes(report);
  const struck = blows.filter((blow) => timesOf(report, blow).length > 0);
  return {
    name: "recovery",
    headline: reasons.length === 0 ? "the rate comes back" : "the rate did not come back in time",
    held: reasons.length === 0,
    description:
      "Each process of a running campaign is killed with -9, and Redis is wiped. Recovered means at 90 % of the rate of the 4 s before, and no less for the 4 s after; the slowest of three flows counts.",
    reasons,
    facts: [
      { name: "median of all kills", value: durationOf(medianMs) },
      { name: "p95 of all kills", value: durationOf(p95Ms) },
      { name: "blows", value: String(report.blows.length) },
      { name: "rows compared by laws", value: formatCount(report.laws.rowsCompared) },
      { name: "took", value: formatDuration(report.durationMs) },
    ],
    tables: [
      {
        title: "How soon the rate was back",
        columns: [{ name: "" }, ...["times", "median", "p95"].map((name) => ({ name, isNumber: true as const }))],
        rows: struck.map((blow) => {
          const times = timesOf(report, blow);
          return [blow, String(times.length), durationOf(quantile(times, 0.5)), durationOf(quantile(times, 0.95))];
        }),
      },
    ],
    charts: report.blows.filter(({ flows }) => flows !== null).map((blow) => chartOfBlow(report, blow)),
    runs: [],
    replay,
  };
}

/** From this long before a fault until this long after it. */
const beforeMs = 4_000;
const afterMs = 14_000;
const meanings = { submitted: "in-flight", sent: "delivered", charged: "failed" } as const;

function chartOfBlow(report: RecoveryReport, { blow, round, atMs, recoveredMs }: MeasuredBlow): TitledChart {
  const fromMs = atMs - beforeMs;
  const band: Band = {
    name: `${blow} · back after ${durationOf(recoveredMs)}`,
    fromMs: beforeMs,
    toMs: beforeMs + (recoveredMs ?? afterMs),
  };
  return {
    title: `${blow}, round ${round}`,
    chart: {
      durationMs: beforeMs + afterMs,
      rates: flowNames.map((name) => {
        const points: Point[] = report.samples[name].map((sample) => ({
          atMs: sample.atMs - report.startedAt - fromMs,
          value: sample.total,
        }));
        return {
          name: `${name} a second`,
          meaning: meanings[name],
          points: ratesOf(points).filter((point) => point.atMs >= 0 && point.atMs <= beforeMs + afterMs),
        };
      }),
      river: [],
      bands: [band],
    },
  };
}

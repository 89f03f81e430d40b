// The report of verify:crash as a page: the verdict, then every crash with its expected outcome.
// Called by commands/crash.ts.
import { formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import type { Cell, Report } from "../../measure/report/report.ts";
import type { CrashReport } from "./crash.ts";
import { impossible, outcomes, type PointName } from "./crash_points.ts";
import type { CrashRow } from "./crash_row.ts";

export function crashReport({ seed, held, rows, durationMs }: CrashReport, replay: string): Report {
  const points = new Set(rows.map(({ point }) => point));
  const failed = rows.filter(({ verdict }) => verdict !== "held");
  const skipped = Object.entries(impossible) as [PointName, string][];
  return {
    name: "crash",
    headline: failed.length === 0 ? `all ${rows.length} crashes held` : `${failed.length} of ${rows.length} crashes did not hold`,
    held,
    description:
      "At each crash point of the protocol a process kills itself with -9 while campaigns run, once on the first hit and once on a later one; the campaigns must end as if nothing had happened, and every law must hold.",
    reasons: failed.map(({ point, where, reasons }) => `${point} ${where}: ${reasons.join("; ")}`),
    facts: [
      { name: "seed", value: String(seed) },
      { name: "crash points", value: `${points.size} of ${Object.keys(outcomes).length}` },
      { name: "crashes", value: String(rows.length) },
      { name: "messages in flight at the crashes", value: formatCount(rows.reduce((sum, { inFlight }) => sum + inFlight, 0)) },
      { name: "took", value: formatDuration(durationMs) },
    ],
    tables: [
      {
        title: "Each crash",
        columns: [
          { name: "" },
          { name: "point" },
          { name: "where" },
          { name: "expected outcome" },
          { name: "process" },
          { name: "hits", isNumber: true },
          { name: "in flight", isNumber: true },
          { name: "recovered in", isNumber: true },
        ],
        rows: rows.map(cellsOf),
      },
      ...(skipped.length === 0 ? [] : [{ title: "Cannot exist here", columns: [{ name: "point" }, { name: "why" }], rows: skipped }]),
    ],
    charts: [],
    runs: [],
    replay,
  };
}

function cellsOf(row: CrashRow): Cell[] {
  return [
    { verdict: row.verdict, tone: row.verdict === "held" ? "held" : "broke" },
    row.point,
    row.where,
    outcomes[row.point] ?? "",
    row.process,
    formatCount(row.hitsSeen),
    formatCount(row.inFlight),
    row.recoveredMs === null ? "-" : formatDuration(row.recoveredMs),
  ];
}

// The report of verify:mutants as a page: each removed guard, and what noticed. Called by
// commands/mutants.ts.
import { formatDuration } from "../../../src/cli/terminal.ts";
import type { Report } from "../../measure/report/report.ts";
import type { MutantsReport } from "./verify_mutants.ts";

export function mutantsReport({ held, rows, byProcesses, seconds }: MutantsReport, replay: string): Report {
  const missed = rows.filter(({ verdict }) => verdict !== "caught");
  return {
    name: "mutants",
    headline: missed.length === 0 ? `all ${rows.length} mutants caught` : `${missed.length} of ${rows.length} mutants were not caught`,
    held,
    description:
      "Each guard of the protocol is removed from the source in turn. A test, or a run with killed processes, must notice; a guard whose loss goes unnoticed is a hole in the tests.",
    reasons: missed.map(({ mutant, verdict, description }) => `${mutant}: ${verdict} ${description}`),
    facts: [
      { name: "mutants", value: String(rows.length) },
      { name: "caught by real processes", value: String(byProcesses) },
      { name: "model has a counterexample", value: String(rows.filter(({ isModelled }) => isModelled).length) },
      { name: "took", value: formatDuration(seconds * 1_000) },
    ],
    tables: [
      {
        title: "Each mutant",
        columns: [
          { name: "" },
          { name: "without" },
          { name: "guard" },
          { name: "caught by" },
          { name: "how" },
          { name: "model" },
          { name: "seconds", isNumber: true },
        ],
        rows: rows.map((row) => [
          { verdict: row.verdict, tone: row.verdict === "caught" ? "held" : "broke" },
          row.mutant,
          row.guard,
          row.caughtBy,
          row.how,
          row.isModelled ? "too" : "",
          row.seconds.toFixed(1),
        ]),
      },
      {
        title: "What goes wrong without it, in the catcher's words",
        columns: [{ name: "without" }, { name: "description" }],
        rows: rows.filter(({ description }) => description !== "").map(({ mutant, description }) => [mutant, description]),
      },
    ],
    charts: [],
    runs: [],
    replay,
  };
}

// A benchmark as a report: the goals first, then rates, then CPU by process.
import { formatCount } from "../../../src/cli/terminal.ts";
import type { Cell, Report, Table } from "../report/report.ts";
import { goalLines, measuredElsewhere } from "./goals.ts";
import { subjectNames } from "./measured_run.ts";
import { processRows } from "./process_table.ts";
import { subjectSays } from "./show_benchmark.ts";
import type { BenchmarkSummary } from "./summary.ts";

export function reportOf(summary: BenchmarkSummary, level: string): Report {
  const isWhole = summary.laws_broken === 0;
  const rate = summary.batched_per_s === null ? "no rate" : `${formatCount(summary.batched_per_s)} messages per second`;
  const ratio = summary.batched_to_original === null ? "" : `, ${summary.batched_to_original} x the original's way`;
  return {
    name: `benchmark, ${level}`,
    headline: isWhole ? `${rate}${ratio}` : `${summary.laws_broken} laws were broken`,
    held: isWhole,
    description:
      "Whole lives of messages: submitted, three receipts each, charged, with full durability. Ratios are medians over rounds in which all subjects ran side by side on this machine.",
    reasons: isWhole ? [] : ["A run that broke a law counts for no figure."],
    facts: [
      { name: "rounds", value: String(summary.rounds) },
      ...(summary.original_wrong_share === null
        ? []
        : [{ name: "the original's wrong final states", value: `${(100 * summary.original_wrong_share).toFixed(1)} %` }]),
      ...(summary.single_unpipelined_per_s === null
        ? []
        : [{ name: "single receipts, not pipelined", value: `${formatCount(summary.single_unpipelined_per_s)} messages per second` }]),
    ],
    tables: [goalTable(summary), rateTable(summary), processTable(summary)],
    charts: [],
    runs: [],
    replay: `npm run benchmark -- --${level}\n\n${measuredElsewhere.join("\n")}`,
  };
}

function goalTable(summary: BenchmarkSummary): Table {
  const verdict = (isReached: boolean | null): Cell => {
    if (isReached === null) return "";
    return isReached ? { verdict: "reached", tone: "held" } : { verdict: "not reached", tone: "broke" };
  };
  return {
    title: "Goals",
    columns: [{ name: "figure" }, { name: "measured", isNumber: true }, { name: "goal" }, { name: "" }],
    rows: goalLines(summary).map(({ what, figure, unit, goal, isReached }) => [what, `${figure} ${unit}`, goal, verdict(isReached)]),
  };
}

function rateTable(summary: BenchmarkSummary): Table {
  const number = (value: number | null): string => (value === null ? "" : formatCount(value < 1_000 ? value : Math.round(value)));
  return {
    title: "Rates",
    columns: [
      { name: "" },
      { name: "messages per run", isNumber: true },
      { name: "messages per second", isNumber: true },
      { name: "CPU µs per message", isNumber: true },
      { name: "WAL bytes per message", isNumber: true },
    ],
    rows: subjectNames.map((subject) => [
      subjectSays[subject],
      number(summary.messages[subject]),
      number(summary[`${subject}_per_s`]),
      number(summary.cpu_us_per_message[subject]),
      number(summary.wal_bytes_per_message[subject]),
    ]),
  };
}

function processTable(summary: BenchmarkSummary): Table {
  const subjects = ["batched", "single", "original"] as const;
  const number = (value: number | null): string => (value === null ? "" : String(value));
  return {
    title: "CPU µs per message and memory, by process",
    columns: [
      { name: "process" },
      ...subjects.map((name) => ({ name: subjectSays[name], isNumber: true as const })),
      { name: "peak MiB, small campaign", isNumber: true },
      { name: "peak MiB", isNumber: true },
    ],
    rows: processRows(summary).map(({ name, cpuMicros, smallPeakMib, peakMib }) => [
      name,
      ...subjects.map((subject) => number(cpuMicros[subject])),
      number(smallPeakMib),
      number(peakMib),
    ]),
  };
}

// A benchmark in the terminal: one line per run, then the table of medians and ratios.
import { alignColumns, formatCount, formatDuration, type Terminal } from "../../../src/cli/terminal.ts";
import type { ImportRun } from "./benchmark.ts";
import { goalLines, measuredElsewhere } from "./goals.ts";
import { cpuOf, type MeasuredRun, type SubjectName } from "./measured_run.ts";
import { processRows } from "./process_table.ts";
import type { BenchmarkSummary } from "./summary.ts";

export const subjectSays: Record<SubjectName, string> = {
  batched: "ours, receipts in bodies of 100",
  single: "ours, single receipts, pipelined",
  original: "the original's way",
  store: "the bare store",
};

export function showRun(terminal: Terminal, run: MeasuredRun): void {
  const isBroken = run.lawsBroken.length > 0;
  const rate = isBroken ? `no figure: ${run.lawsBroken.join(", ")} broken` : `${formatCount(Math.round(run.perSecond))}/s`;
  const cpu = run.subject === "store" || isBroken ? "" : `${cpuOf(run).toFixed(1)} µs of CPU per message`;
  const wrong = run.wrongStates > 0 ? `${formatCount(run.wrongStates)} wrong ends` : "";
  const words = [`${formatCount(run.messages)} in ${formatDuration(run.seconds * 1_000)}`, cpu, wrong].filter((word) => word !== "");
  terminal.line(
    `${String(run.round).padStart(2)}  ${subjectSays[run.subject].padEnd(32)} ${rate.padStart(12)}   ${terminal.dim(words.join(" · "))}`,
  );
}

export function showImport(terminal: Terminal, run: ImportRun): void {
  const ratio = `${(run.createSeconds / run.copySeconds).toFixed(2)} x COPY`;
  const words = `${formatCount(run.contacts)} rows in ${run.createSeconds.toFixed(2)} s, COPY ${run.copySeconds.toFixed(2)} s`;
  terminal.line(`${String(run.round).padStart(2)}  ${"import".padEnd(32)} ${ratio.padStart(12)}   ${terminal.dim(words)}`);
}

export function showSummary(terminal: Terminal, summary: BenchmarkSummary): void {
  terminal.line();
  for (const line of alignColumns(summaryRows(summary), [1, 2, 3, 4])) terminal.line(line);
  terminal.line();
  for (const line of alignColumns(processLines(summary), [1, 2, 3, 4, 5])) terminal.line(line);
  terminal.line();
  for (const line of figureLines(terminal, summary)) terminal.line(line);
  const broken = summary.laws_broken;
  terminal.line(
    broken === 0 ? "every run ended with all laws held" : terminal.bold(`${broken} laws were broken: those runs count for no figures`),
  );
  terminal.line();
}

function summaryRows(summary: BenchmarkSummary): string[][] {
  const row = (subject: SubjectName, rate: number | null): string[] => [
    subjectSays[subject],
    shown(rate, "/s"),
    shown(summary.cpu_us_per_message[subject], " µs"),
    shown(summary.wal_bytes_per_message[subject], " B"),
  ];
  return [
    ["medians", "messages", "CPU each", "WAL each"],
    row("batched", summary.batched_per_s),
    row("single", summary.single_per_s),
    ["ours, single receipts, not pipelined", shown(summary.single_unpipelined_per_s, "/s"), "", ""],
    row("original", summary.original_per_s),
    row("store", summary.store_per_s),
  ].filter(([, rate]) => rate !== "");
}

function processLines(summary: BenchmarkSummary): string[][] {
  const rows = processRows(summary).map(({ name, cpuMicros: { batched, single, original }, smallPeakMib, peakMib }) => [
    name,
    shown(batched, " µs"),
    shown(single, " µs"),
    shown(original, " µs"),
    shown(smallPeakMib, " MiB"),
    shown(peakMib, " MiB"),
  ]);
  return [["CPU per message", "bodies of 100", "single", "original", "small", "at most"], ...rows];
}

function figureLines(terminal: Terminal, summary: BenchmarkSummary): string[] {
  const rows = goalLines(summary).map(({ what, figure, unit, goal, isReached }) => [
    what,
    `${figure} ${unit}`,
    isReached === null ? "" : isReached ? terminal.accent("reached") : terminal.bold("not reached"),
    terminal.dim(goal === "" ? "" : `goal ${goal}`),
  ]);
  const wrong = summary.original_wrong_share;
  if (wrong !== null) rows.push(["the original's wrong final states", `${(100 * wrong).toFixed(1)} %`, "", ""]);
  return [...alignColumns(rows, [1]), ...measuredElsewhere.map((line) => terminal.dim(line))];
}

const shown = (value: number | null, unit: string): string =>
  value === null ? "" : `${formatCount(value < 1_000 ? value : Math.round(value))}${unit}`;

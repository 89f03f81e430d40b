// A benchmark in the terminal: a line a run, then the table of medians and ratios.
import { alignColumns, formatCount, formatDuration, type Terminal } from "../../src/cli/terminal.ts";
import type { ImportRun } from "./benchmark.ts";
import { cpuOf, type MeasuredRun, type SubjectName } from "./measured_run.ts";
import type { BenchmarkSummary } from "./summary.ts";

const says: Record<SubjectName, string> = {
  batched: "ours, receipts in bodies of 100",
  single: "ours, single receipts",
  original: "the original's way",
  store: "the bare store",
};

export function showRun(terminal: Terminal, run: MeasuredRun): void {
  const isBroken = run.lawsBroken.length > 0;
  const rate = isBroken ? `no figure: ${run.lawsBroken.join(", ")} broken` : `${formatCount(Math.round(run.perSecond))}/s`;
  const cpu = run.subject === "store" || isBroken ? "" : `${cpuOf(run).toFixed(1)} µs of CPU a message`;
  const wrong = run.wrongStates > 0 ? `${formatCount(run.wrongStates)} wrong ends` : "";
  const words = [`${formatCount(run.messages)} in ${formatDuration(run.seconds * 1_000)}`, cpu, wrong].filter((word) => word !== "");
  terminal.line(
    `${String(run.round).padStart(2)}  ${says[run.subject].padEnd(32)} ${rate.padStart(12)}   ${terminal.dim(words.join(" · "))}`,
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
  for (const line of goalLines(summary)) terminal.line(line);
  const broken = summary.laws_broken;
  terminal.line(
    broken === 0 ? "every run ended with all laws held" : terminal.bold(`${broken} laws were broken: those runs give no figures`),
  );
  terminal.line();
}

function summaryRows(summary: BenchmarkSummary): string[][] {
  const row = (subject: SubjectName, rate: number | null): string[] => [
    says[subject],
    shown(rate, "/s"),
    shown(summary.cpu_us_per_message[subject], " µs"),
    shown(summary.wal_bytes_per_message[subject], " B"),
  ];
  return [
    ["medians", "messages", "CPU each", "WAL each"],
    row("batched", summary.batched_per_s),
    row("single", summary.single_per_s),
    row("original", summary.original_per_s),
    row("store", summary.store_per_s),
  ].filter(([, rate]) => rate !== "");
}

function goalLines(summary: BenchmarkSummary): string[] {
  const lines: [string, number | null, string][] = [
    ["bodies of 100 against the original's way", summary.batched_to_original, "goal 60 x"],
    ["single receipts against the original's way", summary.single_to_original, "goal 8 x"],
    ["bodies of 100 against the bare store", summary.batched_to_store, "goal 0.5 x"],
    ["import against a bare COPY", summary.create_to_copy, "goal at most 1.4 x"],
  ];
  return alignColumns(
    lines.filter(([, ratio]) => ratio !== null).map(([what, ratio, goal]) => [what, `${ratio} x`, goal]),
    [1],
  );
}

const shown = (value: number | null, unit: string): string => (value === null ? "" : `${formatCount(value)}${unit}`);

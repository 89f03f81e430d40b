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
    ["single receipts against bare HTTP", summary.single_to_bare_http, ""],
    ["bodies of 100 against bare HTTP", summary.batched_to_bare_http, ""],
    ["CPU a message with two of each worker", summary.cpu_two_to_one, "goal at most 1.1 x"],
    ["memory of the largest process against 100,000", summary.peak_rss_to_small, "goal at most 1.5 x"],
  ];
  const figures: [string, number | null, string, string][] = [
    ["memory of the largest process", summary.peak_rss_mib, "MiB", "goal at most 256"],
    ["receipt to commit at 70 % load, p99", summary.receipt_to_commit_p99_ms, "ms", "goal at most 100"],
    ["sent to WebSocket credit at 70 % load, p99", summary.sent_to_credit_p99_ms, "ms", "goal at most 250"],
  ];
  const all = [...lines.map(([what, ratio, goal]) => [what, ratio, "x", goal] as const), ...figures];
  const rows = all.filter(([, figure]) => figure !== null).map(([what, figure, unit, goal]) => [what, `${figure} ${unit}`, goal]);
  const wrong = summary.original_wrong_share;
  if (wrong !== null) rows.push(["the original's wrong final states", `${(100 * wrong).toFixed(1)} %`, "elsewhere: in 9 of 15 runs"]);
  if (summary.original_per_s !== null)
    rows.push(["the original's rate", `${formatCount(summary.original_per_s)}/s`, "elsewhere 1,300-1,600/s"]);
  return alignColumns(rows, [1]);
}

const shown = (value: number | null, unit: string): string => (value === null ? "" : `${formatCount(value)}${unit}`);

// A run of everyone in Finland, in the terminal: its phases, its processes, its laws.
import { showReport } from "../../../src/cli/check.ts";
import { alignColumns, formatCount, formatDuration, type Terminal } from "../../../src/cli/terminal.ts";
import { messageStatuses } from "../../../src/contracts/states.ts";
import { formatGigabytes } from "../sampling/disk.ts";
import type { FinlandRun } from "./finland.ts";

/** Ends with the line of the laws. */
export function showFinland(terminal: Terminal, run: FinlandRun): void {
  terminal.line();
  for (const line of alignColumns(phaseRows(terminal, run), [1, 2])) terminal.line(line);
  terminal.line();
  for (const line of alignColumns(processRows(terminal, run), [1, 2, 3])) terminal.line(line);
  terminal.line();
  const { counts, partsSent } = run.campaign;
  const ends = messageStatuses.filter((status) => counts[status] > 0).map((status) => `${formatCount(counts[status])} ${status}`);
  terminal.line(`${ends.join(", ")} · ${formatCount(partsSent)} parts charged`);
  terminal.line(
    `disk ${formatGigabytes(run.diskBytes.create)} when created, ${formatGigabytes(run.diskBytes.send)} at the end · this program's memory ${formatMib(run.labPeakMib)} at most`,
  );
  showReport(terminal, run.laws);
}

function phaseRows(terminal: Terminal, { contacts, sending, ...run }: FinlandRun): string[][] {
  const row = (phase: string, seconds: number, rate: number | null, note: string): string[] => [
    phase,
    formatDuration(seconds * 1_000),
    rate === null ? "" : `${formatCount(Math.round(contacts / rate))}/s`,
    terminal.dim(note),
  ];
  const sent = sending.submit + sending.receipts + sending.settle;
  return [
    row("system ready", run.startSeconds, null, "engines, migrations, six processes"),
    row("contacts written", run.fileSeconds, run.fileSeconds, "the CSV file"),
    row("created", run.createSeconds, run.createSeconds, "upload, numbers checked, rows stored"),
    row("submitted", sending.submit, sending.submit, "from the request until the last message went to the carrier"),
    row("received", sending.receipts, sending.submit + sending.receipts, "until the last final receipt; receipts since the request"),
    row("settled", sending.settle, sent, "until everything was charged and the hold released; messages since the request"),
    row("all laws checked", run.lawsSeconds, run.lawsSeconds, "every message against the simulator's journal"),
    ["", "", "", ""],
    row(terminal.bold("created to settled"), run.totalSeconds, run.totalSeconds, `${formatCount(contacts)} people`),
  ];
}

function processRows(terminal: Terminal, { peakRssMib, cpuMicrosPerMessage }: FinlandRun): string[][] {
  const head = ["process", "peak MiB, creating", "peak MiB, sending", "CPU µs per message"].map(terminal.dim);
  const names = Object.keys(peakRssMib.send);
  const rows = names.map((name) => [
    name,
    formatCount(Math.round(peakRssMib.create[name] ?? 0)),
    formatCount(Math.round(peakRssMib.send[name] ?? 0)),
    (cpuMicrosPerMessage[name] ?? 0).toFixed(1),
  ]);
  return [head, ...rows];
}

const formatMib = (mib: number): string => `${formatCount(Math.round(mib))} MiB`;

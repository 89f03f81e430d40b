// The evaluation as one self-contained HTML file: correctness, speed, cost, plots, every process,
// how to run it again.
import { cpus, loadavg } from "node:os";
import { formatCount } from "../../../src/cli/terminal.ts";
import { escapeHtml } from "../report/html.ts";
import { style } from "../report/style.ts";
import type { Percentiles } from "../summary/lags.ts";
import type { EvaluationRun } from "./measure.ts";
import { colorVariables, formatContacts, type Picture, titleOf } from "./plots.ts";
import { latencyNames } from "./subject.ts";
import { groups, summarize } from "./summary.ts";

export interface Evaluation {
  startedAt: string;
  machine: { cores: number; model: string; node: string; loadBefore: number };
  command: string;
  runs: EvaluationRun[];
}

/** @returns what is known of this machine now, before anything is measured */
export function readMachine(): Evaluation["machine"] {
  return { cores: cpus().length, model: cpus()[0]?.model ?? "unknown", node: process.version, loadBefore: loadavg()[0] ?? 0 };
}

/** Above this load the runs lose so much that only CPU per message is still meaningful. */
export const quietLoadPerCore = 0.5;

export function renderReport(evaluation: Evaluation, pictures: readonly Picture[], before: Evaluation | null): string {
  const { runs, machine, startedAt, command } = evaluation;
  const isBusy = machine.loadBefore / machine.cores > quietLoadPerCore;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>bulksms · evaluation</title>
<style>${style}${ownStyle}</style>
<main>
<header>
<p class="over">bulksms · evaluation</p>
<h1>${escapeHtml(headline(runs))}</h1>
<p class="quiet">${escapeHtml(startedAt.slice(0, 16).replace("T", " "))} UTC · ${machine.cores} cores, ${escapeHtml(machine.model)} · node ${escapeHtml(machine.node)} · load ${machine.loadBefore.toFixed(1)} before</p>
${isBusy ? '<p class="warning"><b>This machine was busy.</b> Times and rates mean little; CPU per message is still comparable.</p>' : ""}
</header>
<section>${renderVerdicts(runs)}</section>
${before === null ? "" : `<section><h2>Against the run of ${escapeHtml(before.startedAt.slice(0, 16).replace("T", " "))}</h2>${renderComparison(runs, before.runs)}</section>`}
<section><h2>How long things take</h2>${renderLatencies(runs)}</section>
<section><h2>Pictures</h2>${renderLegend()}${pictures.map(renderPicture).join("\n")}</section>
<section><h2>Every process</h2>${runs.map(renderProcesses).join("\n")}</section>
<footer><p>Again: <code>${escapeHtml(command)}</code></p>
<p>Both systems run on the same embedded servers with all durability on, one after the other, with the same carrier, profile <i>answered</i> and seed: the same receipts per message. The raw samples are in <code>samples.csv</code>, each picture is a file beside this one.</p></footer>
</main>
</html>
`;
}

function headline(runs: readonly EvaluationRun[]): string {
  const largest = Math.max(...runs.map(({ contacts }) => contacts));
  const [ours, original] = (["ours", "original"] as const).map((name) =>
    runs.find((run) => run.subject === name && run.contacts === largest),
  );
  if (ours === undefined) return formatContacts(largest);
  const rate = `${formatContacts(largest)} in ${formatSeconds(ours.runMs)}`;
  if (original === undefined) return rate;
  return `${rate}, ${formatRatio(original.runMs / ours.runMs)} as fast as the original's way, at ${formatRatio(1 / (summarize(original).cpuMicrosPerMessage / summarize(ours).cpuMicrosPerMessage))} of its CPU`;
}

function renderVerdicts(runs: readonly EvaluationRun[]): string {
  const rows = runs.map((run) => {
    const { messagesPerSecond, cpuMicrosPerMessage, queueDepthMax } = summarize(run);
    return [
      formatContacts(run.contacts),
      titleOf(run.subject),
      formatSeconds(run.createMs),
      formatSeconds(run.runMs),
      formatWhole(messagesPerSecond),
      formatWhole(cpuMicrosPerMessage),
      formatWhole(queueDepthMax),
      `<span class="${run.isCorrect ? "held" : "broke"}">${run.isCorrect ? "✓" : "✗"}</span> ${escapeHtml(run.verdict)}`,
    ];
  });
  const examples = runs
    .filter(({ example }) => example !== null)
    .map((run) => `${titleOf(run.subject)}, ${formatContacts(run.contacts)}: ${run.example}`);
  const note = examples.length === 0 ? "" : `<p class="quiet">For example: ${examples.map(escapeHtml).join("; ")}.</p>`;
  return renderTable(["", "", "created in", "run in", "messages/s", "CPU µs per message", "jobs at most", "correct?"], rows, 2, 7) + note;
}

/** Of each figure: then, now, and by how much. */
function renderComparison(runs: readonly EvaluationRun[], before: readonly EvaluationRun[]): string {
  const rows = runs.flatMap((run) => {
    const then = before.find(({ subject, contacts }) => subject === run.subject && contacts === run.contacts);
    if (then === undefined) return [];
    const [a, b] = [summarize(then), summarize(run)];
    const peak = (summary: typeof a) => Math.max(...summary.processes.map(({ memoryMib }) => memoryMib.peak));
    const change = (from: number, to: number) =>
      `${formatWhole(from)} → ${formatWhole(to)} <span class="quiet">(${formatChange(from, to)})</span>`;
    return [
      [
        formatContacts(run.contacts),
        titleOf(run.subject),
        change(a.messagesPerSecond, b.messagesPerSecond),
        change(a.cpuMicrosPerMessage, b.cpuMicrosPerMessage),
        change(peak(a), peak(b)),
      ],
    ];
  });
  if (rows.length === 0) return "<p>It has no run of the same system and size.</p>";
  return renderTable(["", "", "messages/s", "CPU µs per message", "largest process, MiB"], rows, 2);
}

function renderLatencies(runs: readonly EvaluationRun[]): string {
  const description = {
    submit_to_sent: "submit → sent",
    receipt_to_commit: "receipt → in the row",
    sent_to_credit: "sent → credit on the WebSocket",
  } as const;
  const cell = (found: Percentiles | null) =>
    found === null ? "–" : `${formatMs(found.p50)} · ${formatMs(found.p95)} · ${formatMs(found.p99)}`;
  const rows = runs.map((run) => [
    formatContacts(run.contacts),
    titleOf(run.subject),
    ...latencyNames.map((name) => cell(run.latencies[name])),
  ]);
  return `${renderTable(["", "", ...latencyNames.map((name) => description[name])], rows, 2)}
<p class="quiet">Median · 95 % · 99 %. At full speed: queues are full and these are the longest that this machine gives; the carrier keeps nothing back. Ours: submit → sent from the committed intent to the transaction of the first <i>sent</i>; receipt → in the row is the whole request, answered after the commit, from a histogram; the credit by the n-th sent SMS and the first update that charges n. The original's: receipts answered against jobs left, seen every 0.2 s; it keeps no time of the others.</p>`;
}

function renderProcesses(run: EvaluationRun): string {
  const rows = summarize(run).processes.map(({ process, cpu, cpuMicrosPerMessage, memoryMib }) => [
    process,
    formatShare(cpu.before),
    formatShare(cpu.during),
    formatShare(cpu.after),
    formatWhole(cpuMicrosPerMessage),
    formatWhole(memoryMib.before),
    formatWhole(memoryMib.peak),
    formatWhole(memoryMib.after),
  ]);
  const head = ["", "CPU before", "during", "after", "µs per message", "MiB before", "peak", "after"];
  return `<h3>${formatContacts(run.contacts)}, ${titleOf(run.subject)}</h3><p class="quiet">${escapeHtml(run.description)}</p>${renderTable(head, rows, 1)}`;
}

const renderLegend = () =>
  `<p class="legend">${groups.map((group, index) => `<span><i style="background:var(--group${index + 1})"></i>${group}</span>`).join("")}</p>`;

const renderPicture = ({ caption, svg }: Picture) => `<figure>${svg}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;

/**
 * Columns from `firstNumber` up to `endOfNumbers` are numbers, aligned to the right. Cells are
 * HTML.
 */
function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  firstNumber: number,
  endOfNumbers = head.length,
): string {
  const kind = (index: number) => (index < firstNumber ? "" : index < endOfNumbers ? ' class="number"' : ' class="words"');
  const cells = (row: readonly string[], tag: "th" | "td") => row.map((cell, index) => `<${tag}${kind(index)}>${cell}</${tag}>`).join("");
  return `<div class="wide"><table><thead><tr>${cells(head, "th")}</tr></thead><tbody>${rows.map((row) => `<tr>${cells(row, "td")}</tr>`).join("")}</tbody></table></div>`;
}

const formatSeconds = (ms: number) => `${(ms / 1_000).toFixed(ms < 9_950 ? 2 : 1)} s`;
const formatMs = (ms: number) => (ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 9_950 ? `${formatCount(Math.round(ms))} ms` : formatSeconds(ms));
const formatWhole = (value: number) => Math.round(value).toLocaleString("en");
const formatShare = (value: number) => `${(value * 100).toFixed(value < 0.0995 ? 1 : 0)} %`;
const formatRatio = (ratio: number) =>
  ratio < 1 ? `1/${(1 / ratio).toFixed(1 / ratio < 9.95 ? 1 : 0)}` : `${ratio.toFixed(ratio < 9.95 ? 1 : 0)} ×`;
const formatChange = (from: number, to: number) =>
  from === 0 ? "new" : `${to >= from ? "+" : "−"}${Math.abs((to / from - 1) * 100).toFixed(0)} %`;

/** Beside the sheet of all reports: the colours of the plots, and more room for wide tables. */
const ownStyle = `
:root{color-scheme:light dark;${colorVariables.light.join("")}}
@media(prefers-color-scheme:dark){:root{${colorVariables.dark.join("")}}}
body{font-size:15px}
h3{margin:2em 0 0;font-size:1rem;font-weight:600}
.warning{border-left:3px solid var(--broke);padding-left:12px}
p.quiet{font-size:.85rem}
thead th{white-space:normal;vertical-align:bottom}
td{white-space:nowrap}
td.words{white-space:normal;min-width:12em}
figure{margin:28px 0 0}
figure svg{max-width:100%;height:auto;overflow:visible}
.legend{display:flex;flex-wrap:wrap;gap:18px;font-size:.85rem}
.legend i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
`;

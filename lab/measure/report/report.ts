// The contents of a report, and its page: the verdict first, then tables, each run with its
// timeline and laws, how to replay it, versions. One file without scripts or requests; light and
// dark by the system's preference. Written by write_report.ts.
import { formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import type { LawResult } from "../../../src/laws/law.ts";
import { type Chart, chartOf, renderChart } from "./chart.ts";
import { html, type Markup, raw } from "./html.ts";
import type { Picture } from "./plot.ts";
import { colorOf, style } from "./style.ts";
import type { Verdict } from "./verdict.ts";
import type { Versions } from "./versions.ts";

export interface Report {
  /** What was run: `faults`, `scenario replies-lost`. */
  name: string;
  /** The verdict in a sentence: `All 74 cells held`. */
  headline: string;
  held: boolean;
  /** What the reader learns from it. */
  description: string;
  /** Why it did not hold. */
  reasons: readonly string[];
  facts: readonly Fact[];
  tables: readonly Table[];
  charts: readonly TitledChart[];
  /** Behind the tables. */
  pictures?: readonly Picture[];
  runs: readonly Verdict[];
  /** The command that repeats it. */
  replay: string;
}

export interface Fact {
  name: string;
  value: string;
}

export interface TitledChart {
  title: string;
  chart: Chart;
}

export interface Table {
  /** What the columns are, in a sentence or two below it. */
  note?: string;
  title: string;
  columns: readonly Column[];
  rows: readonly (readonly Cell[])[];
}

export interface Column {
  name: string;
  isNumber?: true;
}

/** Text, or a verdict with its mark; `run`: a link to the run of that number (0 is the first). */
export type Cell = string | { verdict: string; tone: Tone } | { text: string; run: number };
export type Tone = "held" | "broke" | "quiet";

export function renderReport(report: Report, versions: Versions, writtenAt: Date): string {
  const title = `bulksms · ${report.name}: ${report.headline}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${raw(style)}</style>
</head>
<body>
<main>
<header>
<p class="over">bulksms · ${report.name}</p>
<h1>${mark(report.held ? "held" : "broke")} ${report.headline}</h1>
<p class="description">${report.description}</p>
${report.reasons.length === 0 ? null : html`<ul class="reasons">${report.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
<dl class="facts">${report.facts.map(({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</header>
${report.charts.map(({ title, chart }) => html`<section><h2>${title}</h2>${renderChart(chart)}</section>`)}
${report.tables.map(renderTable)}
${renderPictures(report.pictures ?? [])}
${renderRuns(report.runs)}
<footer>
<h2>Again</h2>
<pre><code>${report.replay}</code></pre>
<dl class="versions">${versionsOf(versions).map(({ name, value }) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
<div><dt>written</dt><dd>${writtenAt.toISOString().slice(0, 19).replace("T", " ")} UTC</dd></div></dl>
</footer>
</main>
</body>
</html>
`;
  return page.markup;
}

function versionsOf({ commit, node, postgres, redis, cores, processor, load }: Versions): Fact[] {
  return [
    { name: "commit", value: commit },
    { name: "node", value: node },
    { name: "postgres", value: postgres },
    { name: "redis", value: redis },
    { name: "machine", value: `${cores} cores, ${processor}, load ${load.toFixed(1)} at the end` },
  ];
}

/** A shape beside the word: no meaning by colour alone. */
function mark(tone: Tone): Markup {
  const shapes = {
    held: html`<path d="M3 8.5 6.5 12 13 4.5"/>`,
    broke: html`<path d="M4 4 12 12M12 4 4 12"/>`,
    quiet: html`<path d="M4 8H12"/>`,
  };
  return html`<svg class="mark ${tone}" viewBox="0 0 16 16" aria-hidden="true">${shapes[tone]}</svg>`;
}

function renderPictures(pictures: readonly Picture[]): Markup | null {
  if (pictures.length === 0) return null;
  return html`<section><h2>Pictures</h2>${pictures.map(
    ({
      svg,
      caption,
      legend = [],
    }) => html`<figure class="chart">${svg}<figcaption>${legend.map(({ name, color }) => html`<span class="key" style="--key:${colorOf(color)}">${name}</span> `)}${caption}</figcaption></figure>
`,
  )}</section>`;
}

function renderTable({ title, columns, rows, note }: Table): Markup {
  return html`<section>
<h2>${title}</h2>
<div class="wide"><table>
<thead><tr>${columns.map(({ name, isNumber }) => html`<th${isNumber ? raw(' class="number"') : null} scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (cells) => html`<tr>${cells.map((cell, index) => renderCell(cell, columns[index]?.isNumber === true))}</tr>
`,
  )}</tbody>
</table></div>
${note === undefined ? null : html`<p class="quiet">${note}</p>`}
</section>`;
}

function renderCell(cell: Cell, isNumber: boolean): Markup {
  const numeric = isNumber ? raw(' class="number"') : null;
  if (typeof cell === "string") return html`<td${numeric}>${cell}</td>`;
  if ("run" in cell) return html`<td><a href="#run-${cell.run}">${cell.text}</a></td>`;
  return html`<td class="verdict ${cell.tone}">${mark(cell.tone)} ${cell.verdict}</td>`;
}

/** A single run is shown in full; of many, only the broken ones are open. */
function renderRuns(runs: readonly Verdict[]): Markup | null {
  const [first] = runs;
  if (first === undefined) return null;
  if (runs.length === 1) return html`<section id="run-0">${renderRun(first)}</section>`;
  return html`<section><h2>Every run</h2>${runs.map(
    (run, index) => html`<details id="run-${index}"${run.held ? null : raw(" open")}>
<summary>${mark(run.held ? "held" : "broke")} <b>${run.scenario}</b> <span>${factsOfRun(run)
      .map(({ name, value }) => `${name} ${value}`)
      .join(" · ")}</span></summary>
${renderRun(run)}
</details>
`,
  )}</section>`;
}

function renderRun(run: Verdict): Markup {
  return html`${run.reasons.length === 0 ? null : html`<ul class="reasons">${run.reasons.map((reason) => html`<li>${reason}</li>`)}</ul>`}
${run.rates.length < 2 ? null : renderChart(chartOf(run))}
<ol class="events">${run.timeline.map(({ atMs, what }) => html`<li><time>${(atMs / 1_000).toFixed(1)} s</time> ${what}</li>`)}</ol>
${renderLaws(run.laws)}`;
}

/** The figures of one run. */
export function factsOfRun({ seed, recoveredMs, messagesTouched, faultTouches, durationMs }: Verdict): Fact[] {
  return [
    { name: "recovered in", value: recoveredMs === null ? "never" : formatDuration(recoveredMs) },
    { name: "messages under way", value: formatCount(messagesTouched) },
    { name: "touched by faults", value: formatCount(faultTouches) },
    { name: "took", value: formatDuration(durationMs) },
    { name: "seed", value: String(seed) },
  ];
}

const lawWords = {
  held: { tone: "held", word: "held" },
  broken: { tone: "broke", word: "BROKEN" },
  nothing_to_check: { tone: "quiet", word: "nothing to check" },
} as const;

function renderLaws(laws: readonly LawResult[]): Markup | null {
  if (laws.length === 0) return null;
  return html`<div class="wide"><table class="laws">
<thead><tr><th scope="col">law</th><th scope="col"></th><th class="number" scope="col">rows</th><th scope="col">description</th></tr></thead>
<tbody>${laws.map(renderLaw)}</tbody>
</table></div>`;
}

function renderLaw({ law, title, verdict, rowsCompared, broken, brokenCount }: LawResult): Markup {
  const { tone, word } = lawWords[verdict];
  const rest = brokenCount - broken.length;
  return html`<tr><th scope="row">${law}</th><td class="verdict ${tone}">${mark(tone)} ${word}</td><td class="number">${formatCount(rowsCompared)}</td>
<td>${title}${broken.length === 0 ? null : html`<ul>${broken.map(({ row, description }) => html`<li><code>${row}</code> ${description}</li>`)}</ul>`}${
    rest > 0 ? html` and ${formatCount(rest)} more` : null
  }</td></tr>
`;
}

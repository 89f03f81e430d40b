// The timeline of a run as SVG: rates above, states as a river below, faults as bars under both.
// Colours come from style.ts.
import { formatCount } from "../../../src/cli/terminal.ts";
import { html, type Markup } from "./html.ts";
import type { TimelineEntry, Verdict } from "./verdict.ts";

export interface Chart {
  durationMs: number;
  /** Messages per second; points in order of time. */
  rates: readonly Series[];
  /** Messages by what they are at, from the lowest layer up; empty: no river. */
  river: readonly Series[];
  bands: readonly Band[];
}

/** One of the colours and words of look: its meaning is the same in every chart. */
export type Meaning = "waiting" | "in-flight" | "delivered" | "failed" | "accent";

export interface Series {
  name: string;
  meaning: Meaning;
  points: readonly Point[];
}

export interface Point {
  atMs: number;
  value: number;
}

/** Something that was broken for a while. */
export interface Band {
  name: string;
  fromMs: number;
  toMs: number;
}

const left = 8;
const width = 960;
const plotWidth = width - 2 * left;
const ratesHeight = 110;
const riverHeight = 120;
const laneHeight = 20;
const gap = 26;
/** More points would only enlarge the file, invisibly. */
const pointsMax = 320;
/** A rate is the mean over this time: bodies of many messages make it jump over shorter ones. */
const rateWindowMs = 600;
/** Shorter bars must still be visible. */
const bandWidthMin = 3;
const lanesMax = 12;
const labelGap = 6;
/** About, of the system's font at 12 px. */
const letterWidth = 6.4;

export function renderChart(chart: Chart): Markup {
  const x = (atMs: number): number => round(left + (Math.min(atMs, chart.durationMs) / chart.durationMs) * plotWidth);
  const lanes = intoLanes(chart.bands, x);
  const riverTop = 24 + ratesHeight + (chart.river.length === 0 ? 0 : gap);
  const bandsTop = riverTop + (chart.river.length === 0 ? 0 : riverHeight) + 14;
  const axisY = bandsTop + lanes.length * laneHeight + 6;
  return html`<figure class="chart">
<svg viewBox="0 0 ${width} ${axisY + 22}" role="img" aria-label="${describe(chart)}">
${chart.bands.map(({ fromMs, toMs }) => html`<rect class="shade" x="${x(fromMs)}" y="20" width="${bandWidth(x(fromMs), x(toMs))}" height="${axisY - 20}"/>`)}
${renderRates(chart.rates, x)}
${chart.river.length === 0 ? null : renderRiver(chart.river, x, riverTop)}
${lanes.map((lane, index) => lane.map((band) => renderBand(band, x, bandsTop + index * laneHeight)))}
${renderAxis(chart.durationMs, x, axisY)}
</svg>
<figcaption>${chart.rates.map(({ name, meaning }) => html`<span class="key thin ${meaning}">${name}</span> `)}${chart.river.map(({ name, meaning }) => html`<span class="key ${meaning}">${name}</span> `)}</figcaption>
</figure>`;
}

const describe = ({ durationMs, bands }: Chart): string =>
  `Messages over ${(durationMs / 1_000).toFixed(1)} seconds${bands.length === 0 ? "" : `, and what was broken: ${bands.map(({ name }) => name).join(", ")}`}`;

function renderRates(rates: readonly Series[], x: (atMs: number) => number): Markup {
  const most = niceCeiling(Math.max(1, ...rates.flatMap(({ points }) => points.map(({ value }) => value))));
  const bottom = 20 + ratesHeight;
  const y = (value: number): number => round(bottom - (value / most) * ratesHeight);
  return html`<g class="rates">
${[0, 0.5, 1].map((share) => html`<line class="grid" x1="${left}" x2="${width - left}" y1="${y(share * most)}" y2="${y(share * most)}"/>`)}
${rates.map(({ meaning, points }) => html`<path class="line ${meaning}" d="${pathOf(thin(points), x, y)}"/>`)}
<text class="scale" x="${left}" y="14">${formatCount(most)} messages a second</text>
</g>`;
}

function renderRiver(river: readonly Series[], x: (atMs: number) => number, top: number): Markup {
  const tops = river.map((_, layer) => {
    const below = river.slice(0, layer + 1);
    return (river[layer] as Series).points.map(({ atMs }, at) => ({
      atMs,
      value: below.reduce((sum, { points }) => sum + (points[at]?.value ?? 0), 0),
    }));
  });
  const most = Math.max(1, ...(tops.at(-1) ?? []).map(({ value }) => value));
  const y = (value: number): number => round(top + riverHeight - (value / most) * riverHeight);
  // the uppermost layer first: each lower one paints over it
  const layers = [...river.keys()].reverse();
  return html`<g class="river">
${layers.map((layer) => {
  const points = thin(tops[layer] as Point[]);
  const [first, last] = [points[0] as Point, points.at(-1) as Point];
  const floor = round(top + riverHeight);
  return html`<path class="layer ${(river[layer] as Series).meaning}" d="${pathOf(points, x, y)}L${x(last.atMs)} ${floor}L${x(first.atMs)} ${floor}Z"/>`;
})}
<text class="scale" x="${left}" y="${top - 6}">${formatCount(most)} messages</text>
</g>`;
}

function renderBand({ name, fromMs, toMs }: Band, x: (atMs: number) => number, top: number): Markup {
  const [from, to] = [x(fromMs), x(toMs)];
  const label = isNamedBefore(from)
    ? html`<text x="${from - labelGap}" y="${top + 12}" text-anchor="end">${name}</text>`
    : html`<text x="${Math.max(to, from + bandWidthMin) + labelGap}" y="${top + 12}">${name}</text>`;
  return html`<g class="band"><rect x="${from}" y="${top + 3}" width="${bandWidth(from, to)}" height="11" rx="2"/>${label}</g>`;
}

function renderAxis(durationMs: number, x: (atMs: number) => number, y: number): Markup {
  const stepMs = [500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000].find((step) => durationMs / step <= 12) ?? 600_000;
  const ticks = Array.from({ length: Math.floor(durationMs / stepMs) + 1 }, (_, index) => index * stepMs);
  return html`<g class="axis"><line x1="${left}" x2="${width - left}" y1="${y}" y2="${y}"/>
${ticks.map((atMs, index) => html`<text x="${x(atMs)}" y="${y + 15}" text-anchor="${index === 0 ? "start" : "middle"}">${round(atMs / 1_000)} s</text>`)}</g>`;
}

/**
 * Each band in the first lane that is free there, including its name; beyond the last lane they
 * overlap.
 */
function intoLanes(bands: readonly Band[], x: (atMs: number) => number): Band[][] {
  const lanes: Band[][] = [];
  const freeFrom: number[] = [];
  for (const band of [...bands].sort((one, other) => one.fromMs - other.fromMs)) {
    const [from, to] = spanOf(band, x);
    const free = freeFrom.findIndex((end) => end <= from);
    const lane = free !== -1 ? free : Math.min(freeFrom.length, lanesMax - 1);
    freeFrom[lane] = to;
    lanes[lane] = [...(lanes[lane] ?? []), band];
  }
  return lanes;
}

/** The extent of a bar and its name. */
function spanOf({ name, fromMs, toMs }: Band, x: (atMs: number) => number): [from: number, to: number] {
  const nameWidth = name.length * letterWidth + 2 * labelGap;
  return isNamedBefore(x(fromMs)) ? [x(fromMs) - nameWidth, x(toMs)] : [x(fromMs), x(toMs) + nameWidth];
}

/** In the right third the name stands before its bar. */
const isNamedBefore = (from: number): boolean => from > width * 0.66;
const bandWidth = (from: number, to: number): number => round(Math.max(bandWidthMin, to - from));
const round = (value: number): number => Math.round(value * 10) / 10;

function pathOf(points: readonly Point[], x: (atMs: number) => number, y: (value: number) => number): string {
  return points.map(({ atMs, value }, index) => `${index === 0 ? "M" : "L"}${x(atMs)} ${y(value)}`).join("");
}

/** Every n-th point, and the last one. */
function thin(points: readonly Point[]): readonly Point[] {
  const every = Math.ceil(points.length / pointsMax);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

/** A round number: 1, 1.5, 2, 3 or 5 times a power of ten. */
function niceCeiling(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 3, 5, 10].find((times) => times * power >= value) ?? 10) * power;
}

const submittedStates = ["unknown", "queued", "sent", "failed", "undelivered", "delivered", "expired", "canceled"] as const;
const failedStates = ["failed", "undelivered", "expired", "canceled"] as const;

/** Of the samples and the timeline of one run. */
export function chartOf({ rates, timeline, durationMs: wholeMs }: Verdict): Chart {
  const durationMs = Math.min(wholeMs, Math.max(...timeline.map(({ atMs }) => atMs), lastChangeOf(rates)) * 1.05);
  const totalOf = (states: readonly string[]): Point[] =>
    rates.map(({ atMs, counts }) => ({ atMs, value: states.reduce((sum, state) => sum + (counts[state] ?? 0), 0) }));
  return {
    durationMs: Math.max(1, durationMs),
    rates: [
      { name: "submitted per second", meaning: "in-flight", points: ratesOf(totalOf(submittedStates)) },
      { name: "ended per second", meaning: "delivered", points: ratesOf(totalOf(["delivered", ...failedStates])) },
    ],
    river: [
      { name: "delivered", meaning: "delivered", points: totalOf(["delivered"]) },
      { name: "ended otherwise", meaning: "failed", points: totalOf(failedStates) },
      { name: "in flight", meaning: "in-flight", points: totalOf(["unknown", "queued", "sent"]) },
      { name: "waiting", meaning: "waiting", points: totalOf(["pending"]) },
    ],
    bands: bandsOf(timeline, durationMs),
  };
}

/** What comes after it (witnesses that wait and check) is a flat line. */
function lastChangeOf(rates: Verdict["rates"]): number {
  const last = JSON.stringify(rates.at(-1)?.counts);
  return rates.find(({ counts }) => JSON.stringify(counts) === last)?.atMs ?? 0;
}

/** Growth of a total per second, over the window that ends at each point. */
export function ratesOf(totals: readonly Point[]): Point[] {
  let from = 0;
  return totals.map(({ atMs, value }, at) => {
    while (from < at && (totals[from + 1]?.atMs ?? atMs) <= atMs - rateWindowMs) from += 1;
    const first = totals[from] as Point;
    return { atMs, value: atMs === first.atMs ? 0 : Math.max(0, ((value - first.value) * 1_000) / (atMs - first.atMs)) };
  });
}

/** The stage records `NAME: begins` and `NAME: over, touched N`. */
export function bandsOf(timeline: readonly TimelineEntry[], durationMs: number): Band[] {
  return timeline.flatMap(({ atMs, what }, index) => {
    const name = /^(.+): begins$/.exec(what)?.[1];
    if (name === undefined) return [];
    const over = timeline.slice(index + 1).find((entry) => entry.what.startsWith(`${name}: over`));
    return [{ name: over === undefined ? name : over.what.replace(": over", ""), fromMs: atMs, toMs: over?.atMs ?? durationMs }];
  });
}

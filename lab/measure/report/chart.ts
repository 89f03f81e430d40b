// The timeline of a run: rates, states and faults as plots over one another.
import * as Plot from "@observablehq/plot";
import { isMessageIn, messageSets, messageStatuses } from "../../../src/contracts/states.ts";
import { html, type Markup } from "./html.ts";
import { plot, plotWidth } from "./plot.ts";
import { colorOf } from "./style.ts";
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

const ratesHeight = 170;
const riverHeight = 150;
const laneHeight = 20;
const marginLeft = 56;
/** Between the ends of the two axes. */
const marginRight = 16;
const innerWidth = plotWidth - marginLeft - marginRight;
/** More points would only enlarge the file, invisibly. */
const pointsMax = 320;
/** A rate is the mean over this time: bodies of many messages make it jump over shorter ones. */
const rateWindowMs = 600;
/** Shorter bars must still be visible, in pixels. */
const bandWidthMin = 3;
const lanesMax = 12;
const labelGap = 6;
/** About, of the plot's font. */
const letterWidth = 6;

/** Rates above, states as a river below, faults as bars under both, all on one axis of time. */
export function renderChart(whole: Chart): Markup {
  // what comes later would be drawn beyond the axis
  const within = (series: Series): Series => ({ ...series, points: series.points.filter(({ atMs }) => atMs <= whole.durationMs) });
  const chart = { ...whole, rates: whole.rates.map(within), river: whole.river.map(within) };
  const shared = {
    ...{ marginLeft, marginRight },
    x: { domain: [0, chart.durationMs / 1_000], label: null, grid: true },
  };
  const shades = Plot.rectX(chart.bands, { x1: secondsOf("fromMs"), x2: secondsOf("toMs"), fill: colorOf("broke"), fillOpacity: 0.07 });
  const lanes = intoLanes(chart.bands, chart.durationMs);
  const seconds = { x: { ...shared.x, tickFormat: (s: number) => `${s} s` } };
  return html`<figure class="chart" role="img" aria-label="${describe(chart)}">
${plot({
  ...{ ...shared, ...seconds, height: ratesHeight, marginTop: 26 },
  y: { label: "messages per second", grid: true, zero: true, tickFormat: "~s", ticks: 4 },
  marks: [shades, Plot.ruleY([0], { strokeOpacity: 0.3 }), ...chart.rates.map(lineOf)],
})}
${
  chart.river.length === 0
    ? null
    : plot({
        ...{ ...shared, height: riverHeight, marginTop: 26, marginBottom: 8 },
        x: { ...shared.x, axis: null },
        y: { label: "messages", zero: true, tickFormat: "~s", ticks: 3 },
        marks: [Plot.areaY(riverOf(chart.river), { x: "s", y: "value", fill: "color", z: "layer", order: "layer" }), shades],
      })
}
${
  lanes.length === 0
    ? null
    : plot({
        ...{ ...shared, height: lanes.length * laneHeight + 8, marginTop: 4, marginBottom: 4 },
        x: { ...shared.x, axis: null, grid: false },
        y: { axis: null, domain: [lanes.length, 0] },
        marks: lanes.flatMap((lane, index) => lane.flatMap((band) => marksOf(band, index, chart.durationMs))),
      })
}
<figcaption>${[...chart.rates, ...chart.river].map(({ name, meaning }, index) => html`<span class="key${index < chart.rates.length ? " thin" : ""} ${meaning}">${name}</span> `)}</figcaption>
</figure>`;
}

const secondsOf =
  (name: "fromMs" | "toMs") =>
  (band: Band): number =>
    band[name] / 1_000;

const describe = ({ durationMs, bands }: Chart): string =>
  `Messages over ${(durationMs / 1_000).toFixed(1)} seconds${bands.length === 0 ? "" : `, and what was broken: ${bands.map(({ name }) => name).join(", ")}`}`;

function lineOf({ meaning, points }: Series): Plot.Markish {
  const stroke = colorOf(meaning === "waiting" ? "soft" : meaning);
  const dash = meaning === "failed" ? { strokeDasharray: "5 3" } : {};
  return Plot.lineY(thin(points), { x: ({ atMs }: Point) => atMs / 1_000, y: "value", stroke, strokeWidth: 1.8, ...dash });
}

/** Layers from the lowest up. */
const riverOf = (river: readonly Series[]) =>
  river.flatMap(({ meaning, points }, layer) =>
    thin(points).map(({ atMs, value }) => ({ s: atMs / 1_000, value, layer, color: colorOf(meaning) })),
  );

function marksOf(band: Band, lane: number, durationMs: number): Plot.Markish[] {
  const [from, to] = [band.fromMs / 1_000, Math.max(band.toMs, band.fromMs + (bandWidthMin / innerWidth) * durationMs) / 1_000];
  const isBefore = isNamedBefore(band, durationMs);
  return [
    Plot.rect([band], { x1: from, x2: to, y1: lane + 0.2, y2: lane + 0.8, fill: colorOf("broke"), fillOpacity: 0.85, rx: 2 }),
    Plot.text([band.name], {
      ...{ x: isBefore ? from : to, y: lane + 0.5, text: (name: string) => name, fill: colorOf("ink"), clip: false },
      ...{ textAnchor: isBefore ? "end" : "start", dx: isBefore ? -labelGap : labelGap },
    }),
  ];
}

/**
 * Each band in the first lane that is free there, including its name; beyond the last lane they
 * overlap.
 */
function intoLanes(bands: readonly Band[], durationMs: number): Band[][] {
  const lanes: Band[][] = [];
  const freeFrom: number[] = [];
  for (const band of [...bands].sort((one, other) => one.fromMs - other.fromMs)) {
    const [from, to] = spanOf(band, durationMs);
    const free = freeFrom.findIndex((end) => end <= from);
    const lane = free !== -1 ? free : Math.min(freeFrom.length, lanesMax - 1);
    freeFrom[lane] = to;
    lanes[lane] = [...(lanes[lane] ?? []), band];
  }
  return lanes;
}

/** The extent of a bar and its name, in milliseconds. */
function spanOf(band: Band, durationMs: number): [from: number, to: number] {
  const nameMs = ((band.name.length * letterWidth + 2 * labelGap) / innerWidth) * durationMs;
  return isNamedBefore(band, durationMs) ? [band.fromMs - nameMs, band.toMs] : [band.fromMs, band.toMs + nameMs];
}

/** In the right third the name stands before its bar. */
const isNamedBefore = ({ fromMs }: Band, durationMs: number): boolean => fromMs > durationMs * 0.66;

/** Every n-th point, and the last one. */
function thin(points: readonly Point[]): readonly Point[] {
  const every = Math.ceil(points.length / pointsMax);
  return points.filter((_, index) => index % every === 0 || index === points.length - 1);
}

const submittedStates = messageStatuses.filter((status) => !isMessageIn("sendable", status));
const deliveredStates = messageSets.final.filter((status) => !isMessageIn("missed", status));

/** Of the samples and the timeline of one run. */
export function chartOf({ rates, timeline, durationMs: wholeMs }: Verdict): Chart {
  const durationMs = Math.min(wholeMs, Math.max(...timeline.map(({ atMs }) => atMs), lastChangeOf(rates)) * 1.05);
  const totalOf = (states: readonly string[]): Point[] =>
    rates.map(({ atMs, counts }) => ({ atMs, value: states.reduce((sum, state) => sum + (counts[state] ?? 0), 0) }));
  return {
    durationMs: Math.max(1, durationMs),
    rates: [
      { name: "submitted per second", meaning: "in-flight", points: ratesOf(totalOf(submittedStates)) },
      { name: "ended per second", meaning: "delivered", points: ratesOf(totalOf(messageSets.final)) },
    ],
    river: [
      { name: "delivered", meaning: "delivered", points: totalOf(deliveredStates) },
      { name: "ended otherwise", meaning: "failed", points: totalOf(messageSets.missed) },
      { name: "in flight", meaning: "in-flight", points: totalOf(messageSets.submitted) },
      { name: "waiting", meaning: "waiting", points: totalOf(messageSets.sendable) },
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

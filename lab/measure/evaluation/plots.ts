// The plots of the evaluation as SVG text. Colours are variables of the page, so that one picture
// serves light and dark; `toFile` makes a picture standalone.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { EvaluationRun } from "./measure.ts";
import type { SubjectName } from "./subject.ts";
import { groupOf, groups, processesOf, summarize } from "./summary.ts";

export interface Picture {
  /** File name without its extension. */
  name: string;
  /** One sentence: what the plot shows. */
  caption: string;
  svg: string;
}

/**
 * Light, then dark: five hues that also differ in lightness, and stay distinct for red-green colour
 * blindness.
 */
const colors = {
  ours: ["#0b6e75", "#4fc3c7"],
  original: ["#b4552d", "#f0946a"],
  group1: ["#0b6e75", "#4fc3c7"],
  group2: ["#5b5fa8", "#a3a8ee"],
  group3: ["#b4552d", "#f0946a"],
  group4: ["#b9b4a6", "#59616e"],
} as const;

export const colorVariables = {
  light: Object.entries(colors).map(([name, [light]]) => `--${name}: ${light};`),
  dark: Object.entries(colors).map(([name, [, dark]]) => `--${name}: ${dark};`),
};

const subjectColors = { domain: ["ours", "original"], range: ["var(--ours)", "var(--original)"] };
const groupColors = { domain: [...groups], range: groups.map((_, index) => `var(--group${index + 1})`) };
const width = 960;

export function drawPictures(runs: readonly EvaluationRun[]): Picture[] {
  const sizes = [...new Set(runs.map(({ contacts }) => contacts))];
  return [
    drawCost(runs),
    ...sizes.flatMap((contacts) => {
      const ofSize = runs.filter((run) => run.contacts === contacts);
      return [drawProgress(ofSize, contacts), drawQueue(ofSize, contacts), ...ofSize.flatMap((run) => [drawCpu(run), drawMemory(run)])];
    }),
  ];
}

/** A standalone file includes the colours that the page would have given, and a background. */
export function toFile({ svg }: Picture): string {
  const style = `:root{${colorVariables.light.join("")}color:#1d1c1a;background:#fbfaf6;font-family:system-ui,sans-serif}@media(prefers-color-scheme:dark){:root{${colorVariables.dark.join("")}color:#e6e4de;background:#0f141c}}`;
  return svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ').replace(/>/, `><style>${style}</style>`);
}

/**
 * A campaign of a few messages pays a thousandfold for timers that run anyway: it would flatten all
 * others.
 */
const costContactsMin = 1_000;

function drawCost(all: readonly EvaluationRun[]): Picture {
  const large = all.filter(({ contacts }) => contacts >= costContactsMin);
  const runs = large.length === 0 ? all : large;
  const bars = runs.flatMap((run) =>
    summarize(run).processes.map(({ process, cpuMicrosPerMessage }) => ({
      subject: run.subject,
      contacts: formatContacts(run.contacts),
      group: groupOf(process),
      micros: cpuMicrosPerMessage,
    })),
  );
  return {
    name: "cpu_per_message",
    caption: "CPU per message over its whole life, by kind of process.",
    svg: draw({
      height: 60 + 44 * new Set(runs.map(({ contacts }) => contacts)).size * 1.4,
      marginLeft: 70,
      marginRight: 110,
      color: { ...groupColors, legend: false },
      x: { label: "microseconds of CPU per message", grid: true, ticks: 6 },
      y: { label: null, domain: ["ours", "original"] },
      fy: { label: null, domain: [...new Set(bars.map(({ contacts }) => contacts))] },
      marks: [
        Plot.barX(bars, Plot.groupY({ x: "sum" }, { y: "subject", fy: "contacts", x: "micros", fill: "group", order: [...groups] })),
        Plot.ruleX([0]),
      ],
    }),
  };
}

function drawProgress(runs: readonly EvaluationRun[], contacts: number): Picture {
  const points = runs.flatMap(({ subject, samples }) =>
    samples.filter(({ phase }) => phase === "during").map(({ atMs, charged }) => ({ subject, s: atMs / 1_000, charged })),
  );
  return {
    name: `charged_${contacts}`,
    caption: `${formatContacts(contacts)}: SMS charged, as seen by a client's WebSocket.`,
    svg: draw({
      height: 230,
      marginLeft: 60,
      // room for the axis label above the names of lines that end at once
      marginTop: 34,
      color: subjectColors,
      x: { label: "seconds since the run", grid: true },
      y: { label: "SMS charged", grid: true, zero: true, tickFormat: "~s" },
      marks: [
        Plot.lineY(points, { x: "s", y: "charged", stroke: "subject", strokeWidth: 2 }),
        ...endLabels(points, "charged"),
        Plot.ruleY([0]),
      ],
    }),
  };
}

function drawQueue(runs: readonly EvaluationRun[], contacts: number): Picture {
  const points = runs.flatMap(({ subject, samples }) => samples.map(({ atMs, queueDepth }) => ({ subject, s: atMs / 1_000, queueDepth })));
  return {
    name: `queue_${contacts}`,
    caption: `${formatContacts(contacts)}: jobs in Redis, waiting and active.`,
    svg: draw({
      height: 180,
      marginLeft: 60,
      color: subjectColors,
      x: { label: "seconds since the run", grid: true },
      y: { label: "jobs", grid: true, zero: true, tickFormat: "~s" },
      marks: [Plot.lineY(points, { x: "s", y: "queueDepth", stroke: "subject", strokeWidth: 1.5, curve: "step" }), Plot.ruleY([0])],
    }),
  };
}

function drawCpu(run: EvaluationRun): Picture {
  return drawProcesses(run, {
    name: `cpu_${run.subject}_${run.contacts}`,
    caption: `${formatContacts(run.contacts)}, ${titleOf(run.subject)}: CPU of each process, before, during and after.`,
    label: "cores",
    read: ({ cpu }) => cpu,
  });
}

function drawMemory(run: EvaluationRun): Picture {
  return drawProcesses(run, {
    name: `memory_${run.subject}_${run.contacts}`,
    caption: `${formatContacts(run.contacts)}, ${titleOf(run.subject)}: resident memory of each process, before, during and after.`,
    label: "MiB",
    read: ({ memoryMib }) => memoryMib,
  });
}

interface ProcessPicture {
  name: string;
  caption: string;
  label: string;
  read(usage: { cpu: number; memoryMib: number }): number;
}

/**
 * One narrow panel per process, side by side, on one scale; the run itself lies between the two
 * thin lines.
 */
function drawProcesses(run: EvaluationRun, { name, caption, label, read }: ProcessPicture): Picture {
  const points = run.samples.flatMap(({ atMs, usage }) =>
    Object.entries(usage).map(([process, used]) => ({ process, group: groupOf(process), s: atMs / 1_000, value: read(used) })),
  );
  return {
    name,
    caption,
    svg: draw({
      height: 150,
      marginLeft: 44,
      marginTop: 28,
      color: groupColors,
      fx: { label: null, domain: processesOf(run), padding: 0.12 },
      x: { label: null, ticks: 2, tickFormat: (s: number) => `${s} s` },
      y: { label, grid: true, zero: true, ticks: 4 },
      marks: [
        Plot.ruleX([0, run.runMs / 1_000], { stroke: "currentColor", strokeOpacity: 0.3, strokeDasharray: "2,3" }),
        Plot.areaY(points, { fx: "process", x: "s", y: "value", fill: "group", fillOpacity: 0.25 }),
        Plot.lineY(points, { fx: "process", x: "s", y: "value", stroke: "group", strokeWidth: 1.5 }),
        Plot.ruleY([0]),
      ],
    }),
  };
}

/** The name of each line at its end: nobody has to match colours with a legend. */
function endLabels(points: readonly { subject: SubjectName; s: number }[], y: string): Plot.Markish[] {
  const last = Plot.selectLast({
    x: "s",
    y,
    z: "subject",
    fill: "subject",
    text: "subject",
    textAnchor: "end" as const,
    dy: -8,
    fontWeight: 600,
  });
  return [Plot.text(points, last)];
}

function draw(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html></html>");
  return Plot.plot({ ...options, width, document, style: { fontSize: "11px", fontFamily: "inherit" } }).outerHTML;
}

export const titleOf = (subject: SubjectName): string => (subject === "ours" ? "ours" : "the original's way");

export const formatContacts = (contacts: number): string => `${contacts.toLocaleString("en")} contacts`;

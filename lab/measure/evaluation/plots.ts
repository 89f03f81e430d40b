// The pictures of the evaluation: cost by kind of process, progress, queue, and each process.
import * as Plot from "@observablehq/plot";
import { type Picture, plot } from "../report/plot.ts";
import { colorOf } from "../report/style.ts";
import type { EvaluationRun } from "./measure.ts";
import type { SubjectName } from "./subject.ts";
import { groupOf, groups, processesOf, summarize } from "./summary.ts";

const subjectColors = { domain: ["ours", "original"], range: [colorOf("ours"), colorOf("original")] };
const kinds = ["kind-1", "kind-2", "kind-3", "kind-4"] as const;
const groupColors = { domain: [...groups], range: kinds.map(colorOf) };
const groupLegend = kinds.map((color, index) => ({ name: groups[index] as string, color }));

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
    legend: groupLegend,
    svg: plot({
      height: 60 + 44 * new Set(runs.map(({ contacts }) => contacts)).size * 1.4,
      marginLeft: 70,
      marginRight: 110,
      color: groupColors,
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
    svg: plot({
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
    svg: plot({
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
    legend: groupLegend,
    svg: plot({
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

export const titleOf = (subject: SubjectName): string => (subject === "ours" ? "ours" : "the original's way");

export const formatContacts = (contacts: number): string => `${contacts.toLocaleString("en")} contacts`;

// The evaluation as a report: correctness, speed, cost, pictures, every process, how to run it
// again.
import { formatCount } from "../../../src/cli/terminal.ts";
import type { Picture } from "../report/plot.ts";
import type { Cell, Report, Table } from "../report/report.ts";
import type { Versions } from "../report/versions.ts";
import type { Percentiles } from "../summary/lags.ts";
import type { EvaluationRun } from "./measure.ts";
import { formatContacts, titleOf } from "./plots.ts";
import { latencyNames } from "./subject.ts";
import { summarize } from "./summary.ts";

export interface Evaluation {
  startedAt: string;
  /** Its load is that before anything was measured. */
  machine: Versions;
  command: string;
  runs: EvaluationRun[];
}

/** Above this load the runs lose so much that only CPU per message is still meaningful. */
export const quietLoadPerCore = 0.5;

export const isBusy = ({ load, cores }: Versions): boolean => load / cores > quietLoadPerCore;

export function reportOf(evaluation: Evaluation, pictures: readonly Picture[], before: Evaluation | null): Report {
  const { runs, machine, startedAt, command } = evaluation;
  return {
    name: "evaluation",
    headline: headline(runs),
    held: runs.every((run) => run.subject !== "ours" || run.isCorrect),
    description:
      "Both systems run on the same embedded servers with all durability on, one after the other, with the same simulator, profile answered and seed: the same receipts per message. The raw samples are in samples.csv; each picture is a file beside this one.",
    reasons: isBusy(machine) ? ["This machine was busy. Times and rates mean little; CPU per message is still comparable."] : [],
    facts: [
      { name: "measured", value: `${startedAt.slice(0, 16).replace("T", " ")} UTC` },
      { name: "load before", value: machine.load.toFixed(1) },
    ],
    tables: [
      verdictTable(runs),
      ...(before === null ? [] : [comparisonTable(runs, before)]),
      latencyTable(runs),
      ...runs.map(processTable),
    ],
    charts: [],
    pictures,
    runs: [],
    replay: command,
  };
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

const columnsOf = (words: readonly string[], numbers: readonly string[]): Table["columns"] => [
  ...words.map((name) => ({ name })),
  ...numbers.map((name) => ({ name, isNumber: true as const })),
];

function verdictTable(runs: readonly EvaluationRun[]): Table {
  const examples = runs.flatMap((run) =>
    run.example === null ? [] : [`${titleOf(run.subject)}, ${formatContacts(run.contacts)}: ${run.example}`],
  );
  return {
    title: "Runs",
    columns: [...columnsOf(["", ""], ["created in", "run in", "messages/s", "CPU µs per message", "jobs at most"]), { name: "correct?" }],
    rows: runs.map((run): Cell[] => {
      const { messagesPerSecond, cpuMicrosPerMessage, queueDepthMax } = summarize(run);
      return [
        formatContacts(run.contacts),
        titleOf(run.subject),
        formatSeconds(run.createMs),
        formatSeconds(run.runMs),
        formatWhole(messagesPerSecond),
        formatWhole(cpuMicrosPerMessage),
        formatWhole(queueDepthMax),
        { verdict: run.verdict, tone: run.isCorrect ? "held" : "broke" },
      ];
    }),
    ...(examples.length === 0 ? {} : { note: `For example: ${examples.join("; ")}.` }),
  };
}

/** Of each figure: then, now, and by how much. */
function comparisonTable(runs: readonly EvaluationRun[], before: Evaluation): Table {
  const rows = runs.flatMap((run) => {
    const then = before.runs.find(({ subject, contacts }) => subject === run.subject && contacts === run.contacts);
    if (then === undefined) return [];
    const [a, b] = [summarize(then), summarize(run)];
    const peak = (summary: typeof a) => Math.max(...summary.processes.map(({ memoryMib }) => memoryMib.peak));
    const change = (from: number, to: number) => `${formatWhole(from)} → ${formatWhole(to)} (${formatChange(from, to)})`;
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
  return {
    title: `Against the run of ${before.startedAt.slice(0, 16).replace("T", " ")}`,
    columns: columnsOf(["", ""], ["messages/s", "CPU µs per message", "largest process, MiB"]),
    rows,
    ...(rows.length === 0 ? { note: "It has no run of the same system and size." } : {}),
  };
}

function latencyTable(runs: readonly EvaluationRun[]): Table {
  const description = {
    submit_to_sent: "submit → sent",
    receipt_to_commit: "receipt → in the row",
    sent_to_credit: "sent → credit on the WebSocket",
  } as const;
  const cell = (found: Percentiles | null) =>
    found === null ? "–" : `${formatMs(found.p50)} · ${formatMs(found.p95)} · ${formatMs(found.p99)}`;
  return {
    title: "How long things take",
    columns: columnsOf(
      ["", ""],
      latencyNames.map((name) => description[name]),
    ),
    rows: runs.map((run) => [formatContacts(run.contacts), titleOf(run.subject), ...latencyNames.map((name) => cell(run.latencies[name]))]),
    note: "Median · 95 % · 99 %. At full speed: queues are full and these are the longest that this machine gives; the simulator keeps nothing back. Ours: submit → sent from the committed intent to the transaction of the first sent; receipt → in the row is the whole request, answered after the commit, from a histogram; the credit by the n-th sent SMS and the first update that charges n. The original's: receipts answered against jobs left, seen every 0.2 s; it keeps no time of the others.",
  };
}

function processTable(run: EvaluationRun): Table {
  return {
    title: `${formatContacts(run.contacts)}, ${titleOf(run.subject)}`,
    note: run.description,
    columns: columnsOf(["process"], ["CPU before", "during", "after", "µs per message", "MiB before", "peak", "after"]),
    rows: summarize(run).processes.map(({ process, cpu, cpuMicrosPerMessage, memoryMib }) => [
      process,
      formatShare(cpu.before),
      formatShare(cpu.during),
      formatShare(cpu.after),
      ...[cpuMicrosPerMessage, memoryMib.before, memoryMib.peak, memoryMib.after].map(formatWhole),
    ]),
  };
}

const formatSeconds = (ms: number) => `${(ms / 1_000).toFixed(ms < 9_950 ? 2 : 1)} s`;
const formatMs = (ms: number) => (ms < 9.95 ? `${ms.toFixed(1)} ms` : ms < 9_950 ? `${formatCount(Math.round(ms))} ms` : formatSeconds(ms));
const formatWhole = (value: number) => Math.round(value).toLocaleString("en");
const formatShare = (value: number) => `${(value * 100).toFixed(value < 0.0995 ? 1 : 0)} %`;
const formatRatio = (ratio: number) =>
  ratio < 1 ? `1/${(1 / ratio).toFixed(1 / ratio < 9.95 ? 1 : 0)}` : `${ratio.toFixed(ratio < 9.95 ? 1 : 0)} ×`;
const formatChange = (from: number, to: number) =>
  from === 0 ? "new" : `${to >= from ? "+" : "−"}${Math.abs((to / from - 1) * 100).toFixed(0)} %`;

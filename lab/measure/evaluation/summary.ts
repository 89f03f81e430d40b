// From the samples of a run to the figures that a reader compares. Pure.
import type { EvaluationRun, Phase, Sample } from "./measure.ts";

/** Processes by kind; CPU is summed by kind. */
export const groups = ["Node processes", "Postgres", "Redis", "simulator"] as const;
export type Group = (typeof groups)[number];

export function groupOf(process: string): Group {
  if (process === "ds" || process === "salesdb") return "Postgres";
  if (process === "redis") return "Redis";
  return process === "simulator" ? "simulator" : "Node processes";
}

/** In the order of the system's drawing; unlisted ones come last. */
const order = ["webapi", "salesapi", "rpc", "general_worker", "sales_worker", "ds", "salesdb", "redis", "simulator"];

/** Of all processes seen, in the same order for every run. */
export function processesOf({ samples }: EvaluationRun): string[] {
  const place = (process: string) => (order.includes(process) ? order.indexOf(process) : order.length);
  return [...new Set(samples.flatMap(({ usage }) => Object.keys(usage)))].sort((a, b) => place(a) - place(b));
}

export interface ProcessSummary {
  process: string;
  /** Mean shares of one core. */
  cpu: Record<Phase, number>;
  /** Of the run. */
  cpuMicrosPerMessage: number;
  memoryMib: { before: number; peak: number; after: number };
}

export interface RunSummary {
  messagesPerSecond: number;
  /** Of all processes except the carrier, which is the outside world and the same for both. */
  cpuMicrosPerMessage: number;
  queueDepthMax: number;
  processes: ProcessSummary[];
}

export function summarize(run: EvaluationRun): RunSummary {
  const processes = processesOf(run).map((process) => summarizeProcess(run, process));
  return {
    messagesPerSecond: run.contacts / (run.runMs / 1_000),
    cpuMicrosPerMessage: sum(processes.filter(({ process }) => process !== "simulator").map((one) => one.cpuMicrosPerMessage)),
    queueDepthMax: Math.max(...run.samples.map(({ queueDepth }) => queueDepth)),
    processes,
  };
}

function summarizeProcess({ samples, contacts }: EvaluationRun, process: string): ProcessSummary {
  const spent: Record<Phase, { cpuMs: number; ms: number }> = {
    before: { cpuMs: 0, ms: 0 },
    during: { cpuMs: 0, ms: 0 },
    after: { cpuMs: 0, ms: 0 },
  };
  const memory: Record<Phase, number[]> = { before: [], during: [], after: [] };
  for (const [index, sample] of samples.entries()) {
    const used = sample.usage[process];
    if (used === undefined) continue;
    memory[sample.phase].push(used.memoryMib);
    // a share is the mean since the previous sample; the first one has none
    const ms = index === 0 ? 0 : sample.atMs - (samples[index - 1] as Sample).atMs;
    spent[sample.phase].cpuMs += used.cpu * ms;
    spent[sample.phase].ms += ms;
  }
  const share = ({ cpuMs, ms }: { cpuMs: number; ms: number }) => (ms > 0 ? cpuMs / ms : 0);
  return {
    process,
    cpu: { before: share(spent.before), during: share(spent.during), after: share(spent.after) },
    cpuMicrosPerMessage: (spent.during.cpuMs * 1_000) / contacts,
    memoryMib: {
      before: mean(memory.before),
      peak: Math.max(0, ...memory.before, ...memory.during, ...memory.after),
      after: memory.after.at(-1) ?? 0,
    },
  };
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => (values.length === 0 ? 0 : sum(values) / values.length);

/** One line per sample and process: the data of all plots and tables. */
export function toCsv(runs: readonly EvaluationRun[]): string {
  const head = "subject,contacts,at_ms,phase,queue_depth,charged,receipts_answered,process,cpu,memory_mib";
  const lines = runs.flatMap(({ subject, contacts, samples }) =>
    samples.flatMap(({ atMs, phase, queueDepth, charged, receiptsAnswered, usage }) =>
      Object.entries(usage).map(([process, { cpu, memoryMib }]) =>
        [
          subject,
          contacts,
          Math.round(atMs),
          phase,
          queueDepth,
          charged,
          receiptsAnswered,
          process,
          cpu.toFixed(3),
          memoryMib.toFixed(1),
        ].join(","),
      ),
    ),
  );
  return `${[head, ...lines].join("\n")}\n`;
}

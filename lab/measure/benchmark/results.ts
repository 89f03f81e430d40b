// What a benchmark found, as it is written to a file by --json and read by `lab compare`: every
// round as it was measured, and the figures made of them. One schema, with its version in it.
import { z } from "zod";

/** Changes whenever an older reader would misunderstand a file. */
const schemaName = "bulksms-benchmark/1";

/**
 * What is measured once in each round: systems first, yardsticks behind them. `batched`, `single`,
 * `unpipelined` and `import` are ours; `copy` and `store` are the bare store's; the unit of
 * `http_*` is a receipt, of `disk_sync` a write.
 */
export const subjectNames = [
  "batched",
  "single",
  "unpipelined",
  "original",
  "store",
  "import",
  "copy",
  "http_bodies",
  "http_bodies_signed",
  "http_single",
  "http_single_signed",
  "disk_sync",
] as const;
export type SubjectName = (typeof subjectNames)[number];

const amount = z.number().nonnegative();
const byProcess = z.record(z.string(), amount);

/** One run of one subject. */
const run = z.strictObject({
  messages: z.number().int().positive(),
  /** From the run's request (or its first byte) to the last effect. */
  seconds: z.number().positive(),
  /** Per message, user and system, by process and engine. */
  cpuMicros: byProcess,
  /** CPU of the fixed work just before and after, on average, in milliseconds. */
  fixedWorkMs: z.number().positive(),
  /** Per message, of all databases; null: it has none. */
  walBytes: amount.nullable(),
  /** The most resident memory of one process, in MiB. */
  peakRssMib: byProcess,
  /** Names of laws that did not hold for its campaign; only ours has laws. */
  lawsBroken: z.array(z.string()),
  /** Messages whose stored final state is not the real one (the original). */
  wrongStates: z.number().int().nonnegative(),
  /** Credits charged too much or too little (the original). */
  creditOff: z.number(),
});
export type Run = z.infer<typeof run>;

const round = z.strictObject({
  /** From 1. */
  round: z.number().int().positive(),
  seconds: amount,
  runs: z.partialRecord(z.enum(subjectNames), run),
});
export type Round = z.infer<typeof round>;

/** What the databases did for one message, in one campaign that was counted and not timed. */
const work = z.strictObject({
  messages: z.number().int().positive(),
  walBytes: amount,
  pagesHit: amount,
  pagesRead: amount,
  pagesWritten: amount,
  rowUpdates: amount,
  hotShare: z.number().min(0).max(1).nullable(),
});
export type CountedWork = z.infer<typeof work>;

const percentiles = z.strictObject({ p50: amount, p95: amount, p99: amount });

/** Latencies in milliseconds under a steady load. */
const latency = z.strictObject({
  messagesPerSecond: amount,
  receiptToCommit: percentiles.nullable(),
  sentToCredit: percentiles.nullable(),
  lawsBroken: z.array(z.string()),
});
export type LatencyRun = z.infer<typeof latency>;

/** CPU per message of the product with one and with two of each worker, one after the other. */
const scalingTurn = z.strictObject({ oneMicros: amount, twoMicros: amount, lawsBroken: z.array(z.string()) });
export type ScalingTurn = z.infer<typeof scalingTurn>;

/** `ratio` and `cpu` are what two runs are compared by; a time or a rate is that of its machine. */
export const figureKinds = ["ratio", "cpu", "rate", "other"] as const;

const figure = z.strictObject({
  name: z.string(),
  description: z.string(),
  unit: z.string(),
  kind: z.enum(figureKinds),
  median: z.number(),
  /** The interval of the median, and how often one made like it contains the true median. */
  low: z.number(),
  high: z.number(),
  coverage: z.number().min(0).max(1),
  count: z.number().int().positive(),
});
export type FigureResult = z.infer<typeof figure>;

export const benchmarkResults = z.strictObject({
  schema: z.literal(schemaName),
  level: z.enum(["quick", "full"]),
  startedAt: z.iso.datetime(),
  seconds: amount,
  versions: z.strictObject({
    commit: z.string(),
    node: z.string(),
    postgres: z.string(),
    redis: z.string(),
    cores: z.number().int().positive(),
    processor: z.string(),
    load: amount,
  }),
  stopped: z.enum(["intervals", "time", "rounds"]),
  rounds: z.array(round).min(1),
  work: z.partialRecord(z.enum(subjectNames), work),
  /** The largest process of one small campaign, before any large one; null: not measured. */
  smallPeakRssMib: byProcess.nullable(),
  latency: latency.nullable(),
  scaling: z.array(scalingTurn),
  /** Made of all the above. */
  figures: z.array(figure),
});
export type BenchmarkResults = z.infer<typeof benchmarkResults>;
/** Before its figures are made. */
export type Measured = Omit<BenchmarkResults, "figures" | "schema">;

export const resultsOf = (measured: Measured, figures: FigureResult[]): BenchmarkResults => ({ schema: schemaName, ...measured, figures });

/**
 * @throws Error whose message says what is wrong with the text, in one line
 */
export function parseResults(text: string): BenchmarkResults {
  const value = JSON.parse(text) as unknown;
  const found = (value as { schema?: unknown } | null)?.schema;
  if (found !== schemaName) throw new Error(`its schema is ${JSON.stringify(found) ?? "not named"}, not "${schemaName}"`);
  const { success, data, error } = benchmarkResults.safeParse(value);
  if (success) return data;
  const [issue] = error.issues;
  throw new Error(`${issue?.path.join(".")}: ${issue?.message}`);
}

/** Whether any run, or any of the slow parts, broke a law. */
export const lawsBrokenIn = ({ rounds, latency, scaling }: Omit<Measured, "stopped">): string[] => [
  ...rounds.flatMap(({ runs }) => Object.values(runs).flatMap(({ lawsBroken }) => lawsBroken)),
  ...(latency?.lawsBroken ?? []),
  ...scaling.flatMap(({ lawsBroken }) => lawsBroken),
];

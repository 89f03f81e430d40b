// Medians and ratios of a benchmark's runs. A ratio is the median of the ratios of each round,
// since the runs of one round took place side by side.
import type { BenchmarkRuns } from "./benchmark.ts";
import { cpuOf, type MeasuredRun, type SubjectName } from "./measured_run.ts";

/**
 * The object on the last line of `--json`. A figure whose run broke a law is null, as is one that
 * was not measured.
 */
export interface BenchmarkSummary {
  original_per_s: number | null;
  batched_per_s: number | null;
  single_per_s: number | null;
  /** From a sender that waits for each answer on its connection. */
  single_unpipelined_per_s: number | null;
  store_per_s: number | null;
  batched_to_original: number | null;
  single_to_original: number | null;
  batched_to_store: number | null;
  create_to_copy: number | null;
  create_rows_per_s: number | null;
  copy_rows_per_s: number | null;
  /** Our largest process in any run. */
  peak_rss_mib: number | null;
  peak_rss_mib_by_process: Record<string, number>;
  /** In the small campaign before any large one; empty when it was not measured. */
  small_peak_rss_mib_by_process: Record<string, number>;
  /** The largest process's peak against its peak in the small campaign. */
  peak_rss_to_small: number | null;
  /** Names of laws, one per run that broke it. */
  laws_broken: number;
  wal_bytes_per_message: Record<SubjectName, number | null>;
  /** Of all processes and engines together. */
  cpu_us_per_message: Record<SubjectName, number | null>;
  /** By process. */
  batched_cpu_us: Record<string, number>;
  single_cpu_us: Record<string, number>;
  original_cpu_us: Record<string, number>;
  /** Share of the original's messages whose stored final state is not the real one. */
  original_wrong_share: number | null;
  original_credit_off: number | null;
  /** A bare node:http server and the same client: receipts per second. */
  bare_http_single_per_s: number | null;
  bare_http_batched_per_s: number | null;
  /** Receipts per second of whole runs against bare HTTP. */
  single_to_bare_http: number | null;
  batched_to_bare_http: number | null;
  /** At 70 % load, in ms. */
  receipt_to_commit_p99_ms: number | null;
  sent_to_credit_p99_ms: number | null;
  /** CPU per message with two of each worker against one. */
  cpu_two_to_one: number | null;
  rounds: number;
  /** Of one run; 0: not measured. */
  messages: Record<SubjectName, number>;
}

/** Of a message with an answer: queued, sent, final. */
const receiptsPerMessage = 3;

export function summarise({ runs, imports, bareHttp, unpipelined, latency, scaling, memory }: BenchmarkRuns): BenchmarkSummary {
  const of = (subject: SubjectName): MeasuredRun[] => runs.filter((run) => run.subject === subject && run.lawsBroken.length === 0);
  const rate = (subject: SubjectName) => round(median(of(subject).map(({ perSecond }) => perSecond)), 0);
  const ratio = (one: SubjectName, other: SubjectName): number | null => {
    const pairs = of(one).flatMap((run) =>
      of(other)
        .filter((beside) => beside.round === run.round)
        .map((beside) => run.perSecond / beside.perSecond),
    );
    return round(median(pairs), 2);
  };
  const each = (figure: (subject: SubjectName) => number | null): Record<SubjectName, number | null> => ({
    batched: figure("batched"),
    single: figure("single"),
    original: figure("original"),
    store: figure("store"),
  });
  const peaks = peaksOf(runs.filter(({ subject }) => subject === "batched" || subject === "single"));
  const largest = Object.entries(peaks).toSorted(([, one], [, other]) => other - one)[0];
  const small = largest === undefined ? undefined : memory?.peakRssMib[largest[0]];
  const bare = (receiptsPerBody: number): number | null =>
    bareHttp.find((run) => run.receiptsPerBody === receiptsPerBody)?.receiptsPerSecond ?? null;
  const toBare = (perSecond: number | null, bareReceipts: number | null): number | null =>
    perSecond === null || bareReceipts === null ? null : round((receiptsPerMessage * perSecond) / bareReceipts, 3);
  const originals = of("original");
  return {
    original_per_s: rate("original"),
    batched_per_s: rate("batched"),
    single_per_s: rate("single"),
    single_unpipelined_per_s: unpipelined?.lawsBroken.length === 0 ? round(unpipelined.perSecond, 0) : null,
    store_per_s: rate("store"),
    batched_to_original: ratio("batched", "original"),
    single_to_original: ratio("single", "original"),
    batched_to_store: ratio("batched", "store"),
    create_to_copy: round(median(imports.map(({ createSeconds, copySeconds }) => createSeconds / copySeconds)), 2),
    create_rows_per_s: round(median(imports.map(({ contacts, createSeconds }) => contacts / createSeconds)), 0),
    copy_rows_per_s: round(median(imports.map(({ contacts, copySeconds }) => contacts / copySeconds)), 0),
    peak_rss_mib: largest === undefined ? null : Math.round(largest[1]),
    peak_rss_mib_by_process: wholeMib(peaks),
    small_peak_rss_mib_by_process: wholeMib(memory?.peakRssMib ?? {}),
    peak_rss_to_small: largest === undefined || small === undefined ? null : round(largest[1] / small, 2),
    laws_broken: [...runs, unpipelined, latency, scaling].reduce((sum, run) => sum + (run?.lawsBroken.length ?? 0), 0),
    wal_bytes_per_message: each((subject) => round(median(of(subject).map(({ walBytesPerMessage }) => walBytesPerMessage)), 0)),
    cpu_us_per_message: each((subject) => (subject === "store" ? null : round(median(of(subject).map(cpuOf)), 1))),
    batched_cpu_us: cpuByProcess(of("batched")),
    single_cpu_us: cpuByProcess(of("single")),
    original_cpu_us: cpuByProcess(originals),
    original_wrong_share: round(median(originals.map(({ wrongStates, messages }) => wrongStates / messages)), 4),
    bare_http_single_per_s: round(bare(1), 0),
    bare_http_batched_per_s: round(bare(100), 0),
    single_to_bare_http: toBare(rate("single"), bare(1)),
    batched_to_bare_http: toBare(rate("batched"), bare(100)),
    receipt_to_commit_p99_ms: round(latency?.lawsBroken.length === 0 ? (latency.receiptToCommit?.p99 ?? null) : null, 1),
    sent_to_credit_p99_ms: round(latency?.lawsBroken.length === 0 ? (latency.sentToCredit?.p99 ?? null) : null, 1),
    cpu_two_to_one: scaling?.lawsBroken.length === 0 ? round(scaling.twoPerMessageMicros / scaling.onePerMessageMicros, 2) : null,
    rounds: Math.max(0, ...runs.map((run) => run.round)),
    messages: {
      batched: of("batched")[0]?.messages ?? 0,
      single: of("single")[0]?.messages ?? 0,
      original: originals[0]?.messages ?? 0,
      store: of("store")[0]?.messages ?? 0,
    },
    original_credit_off: originals.length === 0 ? null : Math.max(...originals.map(({ creditOff }) => Math.abs(creditOff))),
  };
}

function cpuByProcess(runs: readonly MeasuredRun[]): Record<string, number> {
  const names = Object.keys(runs[0]?.cpuMicrosPerMessage ?? {});
  return Object.fromEntries(names.map((name) => [name, round(median(runs.map((run) => run.cpuMicrosPerMessage[name] ?? 0)), 1) ?? 0]));
}

/** The highest of each process. */
function peaksOf(runs: readonly MeasuredRun[]): Record<string, number> {
  const peaks: Record<string, number> = {};
  for (const { peakRssMib } of runs) for (const [name, mib] of Object.entries(peakRssMib)) peaks[name] = Math.max(peaks[name] ?? 0, mib);
  return peaks;
}

const wholeMib = (peaks: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(peaks).map(([name, mib]) => [name, Math.round(mib)]));

/** Null for nothing. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

function round(value: number | null, decimals: number): number | null {
  return value === null ? null : Number(value.toFixed(decimals));
}

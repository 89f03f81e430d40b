// Every figure of a benchmark, once: its name, its words, and how it is made of a round. The
// terminal, the report, the file, the goals, the end of the rounds and the comparison of two runs
// all take theirs from this list. A ratio is made within each round, whose runs took place side by
// side; then the median over the rounds, with its interval.
import { nominalWorkMs } from "../subjects/fixed_work.ts";
import { isWithin, type MedianInterval, medianInterval } from "../summary/median.ts";
import { widthMax } from "../summary/stopping.ts";
import type { FigureResult, Measured, Round, Run, SubjectName } from "./results.ts";

export const descriptionOf: Record<SubjectName, string> = {
  batched: "ours, receipts in bodies of 100",
  single: "ours, single receipts, pipelined",
  unpipelined: "ours, single receipts, not pipelined",
  original: "the original's way",
  store: "the bare store",
  import: "ours, import",
  copy: "bare COPY",
  http_bodies: "bare HTTP, bodies of 100",
  http_bodies_signed: "bare HTTP, bodies of 100, signed",
  http_single: "bare HTTP, single, pipelined",
  http_single_signed: "bare HTTP, single, pipelined, signed",
  disk_sync: "disk, one write made durable",
};

/** What a rate counts, where it is not messages. */
export const unitOf = (subject: SubjectName): string =>
  subject.startsWith("http_")
    ? "receipts"
    : subject === "disk_sync"
      ? "writes"
      : subject === "import" || subject === "copy"
        ? "rows"
        : "messages";

/** The outside world: the same for ours and for the original's way, and nobody's product. */
export const isSimulator = (process: string): boolean => process === "simulator";

/** Of a message with an answer: queued, sent, final. */
const receiptsPerMessage = 3;

/** What figures are made of. */
export type FigureSource = Pick<Measured, "rounds" | "smallPeakRssMib" | "scaling">;

interface Figure extends Pick<FigureResult, "name" | "description" | "unit" | "kind"> {
  /** One per round; a round without it has none. */
  values(source: FigureSource): number[];
}

/** Null when it was not measured, or broke a law: then it gives no figure. */
export function runOf({ runs }: Round, subject: SubjectName): Run | null {
  const run = runs[subject];
  return run === undefined || run.lawsBroken.length > 0 ? null : run;
}

export const rateOf = ({ messages, seconds }: Run): number => messages / seconds;

export function cpuOf({ cpuMicros }: Run, isCounted: (process: string) => boolean = () => true): number {
  return Object.entries(cpuMicros).reduce((sum, [process, micros]) => sum + (isCounted(process) ? micros : 0), 0);
}

export const productCpuOf = (run: Run): number => cpuOf(run, (process) => !isSimulator(process));

/** On a machine whose cores do the fixed work in `nominalWorkMs`. */
const scaled = (micros: number, { fixedWorkMs }: Run): number => (micros * nominalWorkMs) / fixedWorkMs;

/** Of each round in which the subject was measured. */
const each = ({ rounds }: FigureSource, subject: SubjectName, read: (run: Run) => number): number[] =>
  rounds.flatMap((round) => {
    const run = runOf(round, subject);
    return run === null ? [] : [read(run)];
  });

/** Of each round in which both were measured. */
const paired = ({ rounds }: FigureSource, one: SubjectName, other: SubjectName, divide: (one: Run, other: Run) => number): number[] =>
  rounds.flatMap((round) => {
    const [run, beside] = [runOf(round, one), runOf(round, other)];
    return run === null || beside === null ? [] : [divide(run, beside)];
  });

const rates = (one: Run, other: Run): number => rateOf(one) / rateOf(other);
const receiptRates = (one: Run, other: Run): number => receiptsPerMessage * rates(one, other);
const scaledCpus = (one: Run, other: Run): number => scaled(productCpuOf(one), one) / scaled(productCpuOf(other), other);

const ratio = (name: string, description: string, values: Figure["values"]): Figure => ({
  name,
  description,
  unit: "x",
  kind: "ratio",
  values,
});
const pairRatio = (one: SubjectName, other: SubjectName, description: string, divide = rates): Figure =>
  ratio(`${one}_to_${other}`, description, (source) => paired(source, one, other, divide));

const ratios: readonly Figure[] = [
  pairRatio("batched", "original", "bodies of 100 against the original's way"),
  pairRatio("batched", "store", "bodies of 100 against the bare store"),
  pairRatio("single", "original", "single receipts against the original's way"),
  pairRatio("unpipelined", "original", "single receipts, not pipelined, against the original's way"),
  ratio("import_to_copy", "time of an import against a bare COPY", (source) =>
    paired(source, "import", "copy", (one, other) => rates(other, one)),
  ),
  pairRatio("batched", "http_bodies", "bodies of 100 against bare HTTP", receiptRates),
  pairRatio("batched", "http_bodies_signed", "bodies of 100 against signed HTTP", receiptRates),
  pairRatio("single", "http_single", "single receipts against bare HTTP", receiptRates),
  pairRatio("single", "http_single_signed", "single receipts against signed HTTP", receiptRates),
  ratio("batched_cpu_to_original", "CPU of bodies of 100 against the original's way", (source) =>
    paired(source, "batched", "original", scaledCpus),
  ),
  ratio("batched_cpu_to_store", "CPU of bodies of 100 against the bare store", (source) => paired(source, "batched", "store", scaledCpus)),
  ratio("import_cpu_to_copy", "CPU of import against a bare COPY", (source) => paired(source, "import", "copy", scaledCpus)),
  ratio("peak_rss_to_small", "largest process's memory against that of the small campaign", peakRatios),
  ratio("cpu_two_to_one", "CPU with two of each worker against one", ({ scaling }) =>
    scaling.flatMap(({ oneMicros, twoMicros, lawsBroken }) => (lawsBroken.length === 0 && oneMicros > 0 ? [twoMicros / oneMicros] : [])),
  ),
];

/** Subjects with CPU worth a figure of its own, and those whose outside world has some too. */
const withCpu = ["batched", "single", "unpipelined", "original", "store", "import", "copy"] as const;
const withSimulator: readonly SubjectName[] = ["batched", "single", "unpipelined", "original"];

const cpus: readonly Figure[] = withCpu.flatMap((subject) => [
  {
    name: `${subject}_cpu_us_scaled`,
    description: `${descriptionOf[subject]}: CPU${withSimulator.includes(subject) ? " of the product" : ""}`,
    unit: "µs",
    kind: "cpu" as const,
    values: (source) => each(source, subject, (run) => scaled(productCpuOf(run), run)),
  },
  ...(withSimulator.includes(subject)
    ? [
        {
          name: `${subject}_simulator_cpu_us_scaled`,
          description: `${descriptionOf[subject]}: CPU of the simulator`,
          unit: "µs",
          kind: "cpu" as const,
          values: (source: FigureSource) => each(source, subject, (run) => scaled(cpuOf(run, isSimulator), run)),
        },
      ]
    : []),
]);

const rateFigures: readonly Figure[] = (Object.keys(descriptionOf) as SubjectName[]).map((subject) => ({
  name: `${subject}_per_s`,
  description: descriptionOf[subject],
  unit: `${unitOf(subject)}/s`,
  kind: "rate",
  values: (source) => each(source, subject, rateOf),
}));

const other = (name: string, description: string, unit: string, values: Figure["values"]): Figure => ({
  ...{ name, description, unit, kind: "other", values },
});

const others: readonly Figure[] = [
  ...withCpu.map((subject) =>
    other(`${subject}_cpu_us`, `${descriptionOf[subject]}: CPU of the product, not scaled`, "µs", (source) =>
      each(source, subject, productCpuOf),
    ),
  ),
  ...(["batched", "single", "unpipelined", "original", "store"] as const).map((subject) =>
    other(`${subject}_wal_bytes`, `${descriptionOf[subject]}: WAL per message`, "B", (source) =>
      each(source, subject, ({ walBytes }) => walBytes ?? 0),
    ),
  ),
  other("batched_postgres_cpu_us", "Postgres CPU per message, from run to end", "µs", (source) =>
    each(source, "batched", (run) => cpuOf(run, (process) => process === "ds" || process === "salesdb")),
  ),
  other("peak_rss_mib", "memory of the largest process", "MiB", (source) => roundPeaks(source).map(({ mib }) => mib)),
  other("original_wrong_share", "the original's wrong final states", "of its messages", (source) =>
    each(source, "original", ({ wrongStates, messages }) => wrongStates / messages),
  ),
  other("fixed_work_ms", "fixed work, CPU of one piece", "ms", ({ rounds }) =>
    rounds.flatMap(({ runs }) => Object.values(runs).map(({ fixedWorkMs }) => fixedWorkMs)),
  ),
];

const figures: readonly Figure[] = [...ratios, ...cpus, ...rateFigures, ...others];

/** Those that were measured, in the order of the list. */
export function figuresOf(source: FigureSource): FigureResult[] {
  return figures.flatMap(({ name, description, unit, kind, values }) => {
    const found = medianInterval(values(source));
    return found === null ? [] : [{ name, description, unit, kind, ...found }];
  });
}

/**
 * Ratios whose interval reaches further than the limit. Of a benchmark of too few subjects for a
 * ratio: rates.
 */
export function wideFigures(source: FigureSource): FigureResult[] {
  const found = figuresOf(source);
  const ratioFigures = found.filter(({ kind }) => kind === "ratio");
  const known = ratioFigures.length > 0 ? ratioFigures : found.filter(({ kind }) => kind === "rate");
  return known.filter((figure) => !isWithin(figure, widthMax));
}

/** Our largest process of each round, by its name. */
function roundPeaks({ rounds }: FigureSource): { name: string; mib: number }[] {
  return rounds.flatMap((round) => {
    const ours = (["batched", "single", "unpipelined"] as const).flatMap((subject) =>
      Object.entries(runOf(round, subject)?.peakRssMib ?? {}),
    );
    const largest = ours.toSorted(([, one], [, beside]) => beside - one)[0];
    return largest === undefined ? [] : [{ name: largest[0], mib: largest[1] }];
  });
}

function peakRatios(source: FigureSource): number[] {
  const small = source.smallPeakRssMib ?? {};
  return roundPeaks(source).flatMap(({ name, mib }) => {
    const before = small[name];
    return before === undefined || before === 0 ? [] : [mib / before];
  });
}

/** Medians over the rounds, by process: the cost of a message in each. */
export function cpuByProcess({ rounds }: Pick<Measured, "rounds">, subject: SubjectName): Record<string, MedianInterval> {
  const runs = rounds.flatMap((round) => runOf(round, subject) ?? []);
  const names = [...new Set(runs.flatMap(({ cpuMicros }) => Object.keys(cpuMicros)))];
  return Object.fromEntries(
    names.flatMap((name) => {
      const found = medianInterval(runs.flatMap(({ cpuMicros }) => cpuMicros[name] ?? []));
      return found === null ? [] : [[name, found]];
    }),
  );
}

/** The highest of any run of ours, by process. */
export function peaksOf({ rounds }: Pick<Measured, "rounds">): Record<string, number> {
  const peaks: Record<string, number> = {};
  for (const round of rounds) {
    for (const subject of ["batched", "single", "unpipelined"] as const) {
      for (const [name, mib] of Object.entries(runOf(round, subject)?.peakRssMib ?? {})) peaks[name] = Math.max(peaks[name] ?? 0, mib);
    }
  }
  return peaks;
}

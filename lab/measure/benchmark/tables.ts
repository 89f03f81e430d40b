// A benchmark as tables, for the terminal and for the report alike.
import { formatCount } from "../../../src/cli/terminal.ts";
import type { Cell, Table } from "../report/report.ts";
import { formatFigure, formatInterval } from "../summary/shown_figure.ts";
import { cpuByProcess, descriptionOf, isSimulator, peaksOf, runOf, unitOf } from "./figures.ts";
import { figureLines, latencyLines, type Reached } from "./goals.ts";
import { type BenchmarkResults, type FigureResult, type SubjectName, subjectNames } from "./results.ts";

export function tablesOf(results: BenchmarkResults): Table[] {
  return [rateTable(results), ratioTable(results), cpuTable(results), processTable(results), workTable(results)].filter(
    ({ rows }) => rows.length > 0,
  );
}

const reachedCell = (reached: Reached | null): Cell =>
  reached === null ? "" : { verdict: reached, tone: reached === "reached" ? "held" : reached === "unclear" ? "quiet" : "broke" };

const number = (value: number | null | undefined): string => (value === null || value === undefined ? "" : formatFigure(value));

function ratioTable(results: BenchmarkResults): Table {
  return {
    title: "Ratios and goals: medians of the rounds, with their 95 % intervals",
    columns: [{ name: "" }, { name: "median", isNumber: true }, { name: "interval", isNumber: true }, { name: "goal" }, { name: "" }],
    rows: [
      ...figureLines(results).map(({ figure, goal, reached }) => [
        figure.description,
        `${formatFigure(figure.median)} ${figure.unit}`,
        formatInterval(figure),
        goal,
        reachedCell(reached),
      ]),
      ...latencyLines(results).map(({ what, p99Ms, goalMs }) => [
        what,
        `${formatFigure(p99Ms)} ms`,
        "measured once",
        `at most ${goalMs} ms`,
        reachedCell(p99Ms <= goalMs ? "reached" : "not reached"),
      ]),
    ],
  };
}

const figureNamed = ({ figures }: BenchmarkResults, name: string): FigureResult | undefined =>
  figures.find((figure) => figure.name === name);

function rateTable(results: BenchmarkResults): Table {
  const measured = subjectNames.filter((subject) => figureNamed(results, `${subject}_per_s`) !== undefined);
  return {
    title: "Rates, and what one message costs: medians of the rounds",
    columns: [
      { name: "" },
      { name: "per run", isNumber: true },
      { name: "rate", isNumber: true },
      { name: "interval", isNumber: true },
      { name: "CPU µs", isNumber: true },
      { name: "simulator's", isNumber: true },
      { name: "WAL bytes", isNumber: true },
    ],
    rows: measured.map((subject) => {
      const rate = figureNamed(results, `${subject}_per_s`) as FigureResult;
      const cpus = Object.entries(cpuByProcess(results, subject));
      const sum = (isCounted: (process: string) => boolean): number | null => {
        const counted = cpus.filter(([process]) => isCounted(process));
        return counted.length === 0 ? null : counted.reduce((total, [, { median }]) => total + median, 0);
      };
      const [run] = results.rounds.flatMap((round) => runOf(round, subject) ?? []);
      return [
        descriptionOf[subject],
        `${formatCount(run?.messages ?? 0)} ${unitOf(subject)}`,
        `${formatFigure(rate.median)}/s`,
        formatInterval(rate),
        number(figureNamed(results, `${subject}_cpu_us`)?.median ?? sum((process) => !isSimulator(process))),
        number(sum(isSimulator) || null),
        number(figureNamed(results, `${subject}_wal_bytes`)?.median),
      ];
    }),
  };
}

function cpuTable({ figures }: BenchmarkResults): Table {
  return {
    title: "CPU µs per message, scaled to a machine that does the fixed work in 100 ms",
    columns: [{ name: "" }, { name: "median", isNumber: true }, { name: "interval", isNumber: true }],
    rows: figures
      .filter(({ kind }) => kind === "cpu")
      .map((figure) => [figure.description, formatFigure(figure.median), formatInterval(figure)]),
  };
}

/** Short names, for a table with a column of each. */
const columnOf: Partial<Record<SubjectName, string>> = {
  batched: "bodies",
  single: "single",
  unpipelined: "unpipelined",
  original: "original",
  store: "store",
  import: "import",
  copy: "COPY",
  http_bodies: "HTTP bodies",
  http_single: "HTTP single",
  http_single_signed: "signed",
};

function processTable(results: BenchmarkResults): Table {
  const subjects = (Object.keys(columnOf) as SubjectName[]).filter((subject) => figureNamed(results, `${subject}_per_s`) !== undefined);
  const cpu = Object.fromEntries(subjects.map((subject) => [subject, cpuByProcess(results, subject)]));
  const peaks = peaksOf(results);
  const small = results.smallPeakRssMib;
  const names = [...new Set(Object.values(cpu).flatMap((byProcess) => Object.keys(byProcess)))];
  return {
    title: "CPU µs per message in each process, and the most memory of ours in MiB",
    columns: [
      { name: "process" },
      ...subjects.map((subject) => ({ name: columnOf[subject] as string, isNumber: true as const })),
      ...(small === null ? [] : [{ name: "MiB, small", isNumber: true as const }]),
      { name: "MiB", isNumber: true },
    ],
    rows: names.map((name) => [
      name,
      ...subjects.map((subject) => number(cpu[subject]?.[name]?.median)),
      ...(small === null ? [] : [number(small[name])]),
      number(peaks[name]),
    ]),
  };
}

function workTable({ work }: BenchmarkResults): Table {
  return {
    title: "What the databases do for one message, import included, counted once",
    columns: [
      { name: "" },
      { name: "messages", isNumber: true },
      { name: "WAL bytes", isNumber: true },
      { name: "pages hit", isNumber: true },
      { name: "read", isNumber: true },
      { name: "written", isNumber: true },
      { name: "row updates", isNumber: true },
      { name: "HOT", isNumber: true },
    ],
    rows: subjectNames.flatMap((subject) => {
      const counted = work[subject];
      if (counted === undefined) return [];
      const { messages, walBytes, pagesHit, pagesRead, pagesWritten, rowUpdates, hotShare } = counted;
      return [
        [
          descriptionOf[subject],
          formatCount(messages),
          ...[walBytes, pagesHit, pagesRead, pagesWritten, rowUpdates].map(number),
          hotShare === null ? "" : `${(100 * hotShare).toFixed(1)} %`,
        ],
      ];
    }),
  };
}

// Two runs of the benchmark beside each other: whether the intervals of every ratio, and of CPU per
// message scaled by the fixed work, overlap. Rates are those of their machine, and not compared.
import type { Table } from "../report/report.ts";
import { overlap } from "../summary/median.ts";
import { formatFigure, formatInterval } from "../summary/shown_figure.ts";
import type { BenchmarkResults, FigureResult } from "./results.ts";

export interface ComparedFigure {
  one: FigureResult;
  other: FigureResult;
  /** The other's median against the one's. */
  ratio: number;
  overlaps: boolean;
}

export interface Comparison {
  figures: ComparedFigure[];
  /** Measured in one of them alone. */
  missing: string[];
  /** What else differs, in words: a comparison of unlike runs says little. */
  differences: string[];
}

const isCompared = ({ kind }: FigureResult): boolean => kind === "ratio" || kind === "cpu";

export function compare(one: BenchmarkResults, other: BenchmarkResults): Comparison {
  const [figures, others] = [one.figures.filter(isCompared), other.figures.filter(isCompared)];
  const beside = new Map(others.map((figure) => [figure.name, figure]));
  const names = new Set(figures.map(({ name }) => name));
  return {
    figures: figures.flatMap((figure) => {
      const found = beside.get(figure.name);
      if (found === undefined) return [];
      return [{ one: figure, other: found, ratio: found.median / figure.median, overlaps: overlap(figure, found) }];
    }),
    missing: [
      ...figures.filter(({ name }) => !beside.has(name)).map(({ name }) => name),
      ...others.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    ],
    differences: differencesOf(one, other),
  };
}

function differencesOf(one: BenchmarkResults, other: BenchmarkResults): string[] {
  const messages = ({ rounds }: BenchmarkResults) =>
    Object.entries(rounds[0]?.runs ?? {})
      .filter(([subject]) => !subject.startsWith("http_") && subject !== "disk_sync")
      .map(([subject, run]) => `${run.messages} ${subject}`)
      .toSorted()
      .join(", ");
  const facts: [name: string, of: (results: BenchmarkResults) => string][] = [
    ["level", ({ level }) => level],
    ["messages per run", messages],
    ["node", ({ versions }) => versions.node],
    ["postgres", ({ versions }) => versions.postgres],
    ["redis", ({ versions }) => versions.redis],
    ["cores", ({ versions }) => String(versions.cores)],
    ["processor", ({ versions }) => versions.processor],
  ];
  return facts.flatMap(([name, of]) => (of(one) === of(other) ? [] : [`${name}: ${of(one)} and ${of(other)}`]));
}

export function comparisonTable({ figures }: Comparison, kind: FigureResult["kind"]): Table {
  return {
    title: kind === "ratio" ? "Ratios" : "CPU µs per message, scaled to a machine that does the fixed work in 100 ms",
    columns: [
      { name: "" },
      { name: "first", isNumber: true },
      { name: "interval", isNumber: true },
      { name: "second", isNumber: true },
      { name: "interval", isNumber: true },
      { name: "second to first", isNumber: true },
      { name: "" },
    ],
    rows: figures
      .filter(({ one }) => one.kind === kind)
      .map(({ one, other, ratio, overlaps }) => [
        one.description,
        formatFigure(one.median),
        formatInterval(one),
        formatFigure(other.median),
        formatInterval(other),
        formatFigure(ratio),
        overlaps ? { verdict: "overlap", tone: "held" } : { verdict: "apart", tone: "broke" },
      ]),
  };
}

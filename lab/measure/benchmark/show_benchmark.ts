// A benchmark in the terminal: one line per run, then the tables.
import { alignColumns, formatCount, formatDuration, type Terminal } from "../../../src/cli/terminal.ts";
import type { Cell, Table } from "../report/report.ts";
import { formatFigure } from "../summary/shown_figure.ts";
import { widthMax } from "../summary/stopping.ts";
import { cpuOf, descriptionOf, isSimulator, productCpuOf, rateOf, unitOf, wideFigures } from "./figures.ts";
import { measuredElsewhere } from "./goals.ts";
import { type BenchmarkResults, lawsBrokenIn, type Round, type Run, type SubjectName } from "./results.ts";
import { tablesOf } from "./tables.ts";

export function showRun(terminal: Terminal, subject: SubjectName, round: number, run: Run): void {
  const isBroken = run.lawsBroken.length > 0;
  const rate = isBroken ? `no figure: ${run.lawsBroken.join(", ")} broken` : `${formatFigure(rateOf(run))}/s`;
  const simulator = cpuOf(run, isSimulator);
  const words = [
    `${formatCount(run.messages)} ${unitOf(subject)} in ${formatDuration(run.seconds * 1_000)}`,
    isBroken ? "" : `${formatFigure(productCpuOf(run))} µs of CPU each`,
    simulator > 0 && !isBroken ? `simulator ${formatFigure(simulator)} µs` : "",
    run.wrongStates > 0 ? `${formatCount(run.wrongStates)} wrong ends` : "",
  ].filter((word) => word !== "");
  terminal.line(
    `${String(round).padStart(2)}  ${descriptionOf[subject].padEnd(37)} ${rate.padStart(12)}   ${terminal.dim(words.join(" · "))}`,
  );
}

export function showRound(terminal: Terminal, { round, seconds }: Round, wide: number): void {
  const left =
    wide === 0 ? "every ratio is known" : `${wide} ratio${wide === 1 ? " is" : "s are"} not known within ${100 * widthMax} % yet`;
  terminal.line(terminal.dim(`    round ${round} took ${formatDuration(seconds * 1_000)}; ${left}`));
}

export function showBenchmark(terminal: Terminal, results: BenchmarkResults): void {
  for (const table of tablesOf(results)) showTable(terminal, table);
  terminal.line();
  const wrong = results.figures.find(({ name }) => name === "original_wrong_share");
  if (wrong !== undefined) terminal.line(`the original's wrong final states: ${(100 * wrong.median).toFixed(1)} %`);
  for (const line of measuredElsewhere) terminal.line(terminal.dim(line));
  terminal.line(whyStopped(results));
  const broken = lawsBrokenIn(results);
  terminal.line(
    broken.length === 0
      ? "every run ended with all laws held"
      : terminal.bold(`${broken.length} laws were broken: those runs count for no figures`),
  );
  terminal.line();
}

export function whyStopped({ stopped, rounds, seconds, ...results }: BenchmarkResults): string {
  const took = `${rounds.length} round${rounds.length === 1 ? "" : "s"} in ${formatDuration(seconds * 1_000)}`;
  const within = `within ${100 * widthMax} %`;
  if (stopped === "intervals") return `${took}: every ratio of the rounds is known ${within}`;
  const reason = stopped === "time" ? "the time is over" : "no more rounds were asked for";
  const wide = wideFigures({ ...results, rounds }).map(({ name }) => name);
  return `${took}: ${reason}; ${wide.length === 0 ? `every ratio is known ${within}` : `not known ${within}: ${wide.join(", ")}`}`;
}

export function showTable(terminal: Terminal, { title, columns, rows }: Table): void {
  const right = columns.flatMap(({ isNumber }, index) => (isNumber === true ? [index] : []));
  const textOf = (cell: Cell): string => {
    if (typeof cell === "string") return cell;
    if ("text" in cell) return cell.text;
    return cell.tone === "held" ? terminal.accent(cell.verdict) : cell.tone === "broke" ? terminal.bold(cell.verdict) : cell.verdict;
  };
  terminal.line();
  terminal.line(terminal.bold(title));
  for (const line of alignColumns([columns.map(({ name }) => terminal.dim(name)), ...rows.map((row) => row.map(textOf))], right))
    terminal.line(line);
}

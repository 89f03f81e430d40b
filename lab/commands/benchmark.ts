// `lab benchmark`: our throughput, the original's and the limits of the store, side by side on this
// machine.
import { writeSync } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber, readDecimalNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { runBenchmark } from "../measure/benchmark/benchmark.ts";
import { reportOf } from "../measure/benchmark/benchmark_report.ts";
import { type SubjectName, subjectNames } from "../measure/benchmark/measured_run.ts";
import { type Level, scaled, sizesOf } from "../measure/benchmark/plan.ts";
import { showImport, showRun, showSummary } from "../measure/benchmark/show_benchmark.ts";
import { summarise } from "../measure/benchmark/summary.ts";
import { writeReport } from "../measure/report/write_report.ts";

interface BenchmarkCommandOptions {
  full?: true;
  json?: true;
  report?: string;
  rounds?: number;
  scale?: number;
  only?: SubjectName[];
}

export function register(program: Command): void {
  program
    .command("benchmark")
    .description("measure our system, the original's design and the bare store side by side")
    .addOption(new Option("--quick", "under two minutes, 100,000 messages per run (the default)").conflicts("full"))
    .option("--full", "a million messages per run; takes half an hour")
    .option("--rounds <n>", "number of measurements of each", parseRounds)
    .option("--scale <factor>", "multiply the messages of each run (0.1: a tenth)", parseScale)
    .option("--only <subjects>", `measure only some of ${subjectNames.join(",")}`, parseSubjects)
    .option("--report <file>", "write the table to one self-contained HTML file")
    .option("--json", "print every figure as one JSON object on the last line")
    .action((options: BenchmarkCommandOptions) => endWell(() => benchmark(options)));
}

async function benchmark(options: BenchmarkCommandOptions): Promise<number> {
  const level: Level = options.full === true ? "full" : "quick";
  const sizes = scaled({ ...sizesOf[level], ...(options.rounds === undefined ? {} : { rounds: options.rounds }) }, options.scale ?? 1);
  const terminal = createTerminal(options.json === true ? process.stderr : process.stdout, process.env);
  const runs = await runBenchmark({
    sizes,
    ...(options.only === undefined ? {} : { subjects: options.only }),
    onBegin: (what) => terminal.live([terminal.dim(`${what} ...`)]),
    onRun: (run) => showRun(terminal, run),
    onImport: (run) => showImport(terminal, run),
  });
  terminal.endLive();
  const summary = summarise(runs);
  showSummary(terminal, summary);
  if (options.report !== undefined) terminal.line(`report: ${await writeReport(options.report, reportOf(summary, level))}`);
  if (options.json === true) writeSync(1, `${JSON.stringify(summary)}\n`);
  return summary.laws_broken === 0 ? exitCodes.ok : exitCodes.failed;
}

const parseRounds = parseWholeNumber({ min: 1, max: 100 });

function parseScale(text: string): number {
  const scale = readDecimalNumber(text, { min: 0.001, max: 10 });
  if (scale === null) throw new InvalidArgumentError("a number from 0.001 to 10");
  return scale;
}

function parseSubjects(text: string): SubjectName[] {
  return text.split(",").map((word) => {
    const found = subjectNames.find((name) => name === word);
    if (found === undefined) throw new InvalidArgumentError(`${word} is none of ${subjectNames.join(", ")}`);
    return found;
  });
}

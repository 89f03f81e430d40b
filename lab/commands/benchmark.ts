// `lab benchmark`: our throughput, the original's and the limits of the store, side by side on this
// machine.
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, resolve } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber, readDecimalNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { runBenchmark } from "../measure/benchmark/benchmark.ts";
import { reportOf } from "../measure/benchmark/benchmark_report.ts";
import { type Level, type Sizes, scaled, sizesOf } from "../measure/benchmark/plan.ts";
import { lawsBrokenIn, type SubjectName, subjectNames } from "../measure/benchmark/results.ts";
import { showBenchmark, showRound, showRun } from "../measure/benchmark/show_benchmark.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { freeBytes, requireSpace, runsThatFit } from "../measure/sampling/disk.ts";

interface BenchmarkCommandOptions {
  full?: true;
  json?: string;
  report?: string;
  rounds?: number;
  minutes?: number;
  scale?: number;
  only?: SubjectName[];
}

export function register(program: Command): void {
  program
    .command("benchmark")
    .description("measure our system, the original's design, the bare store and bare HTTP side by side, in rounds")
    .addOption(new Option("--quick", "about two minutes, 60,000 messages per run (the default)").conflicts("full"))
    .option("--full", "a million messages per run; up to an hour")
    .option(
      "--minutes <n>",
      "start no round that would end later than this; rounds end sooner when every ratio is known within 10 %",
      parseMinutes,
    )
    .option("--rounds <n>", "at most this many rounds", parseRounds)
    .option("--scale <factor>", "multiply the messages of each run (0.1: a tenth)", parseScale)
    .option("--only <subjects>", `measure only some of ${subjectNames.join(",")}`, parseSubjects)
    .option("--report <file>", "write the tables to one self-contained HTML file")
    .option("--json <file>", "write every round and figure to a file, for `lab compare`")
    .action((options: BenchmarkCommandOptions) => endWell(() => benchmark(options)));
}

async function benchmark(options: BenchmarkCommandOptions): Promise<number> {
  const level: Level = options.full === true ? "full" : "quick";
  const terminal = createTerminal(process.stdout, process.env);
  const results = await runBenchmark({
    level,
    sizes: withinSpace(sizesFrom(level, options)),
    ...(options.only === undefined ? {} : { subjects: options.only }),
    onBegin: (what) => terminal.live([terminal.dim(`${what} ...`)]),
    onRun: (subject, round, run) => showRun(terminal, subject, round, run),
    onRound: (round, wide) => showRound(terminal, round, wide),
  });
  terminal.endLive();
  showBenchmark(terminal, results);
  if (options.report !== undefined) terminal.line(`report: ${await writeReport(options.report, reportOf(results))}`);
  if (options.json !== undefined) {
    const file = resolve(options.json);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(results)}\n`);
    terminal.line(`figures: ${file}`);
  }
  return lawsBrokenIn(results).length === 0 ? exitCodes.ok : exitCodes.failed;
}

function sizesFrom(level: Level, { rounds, minutes, scale = 1 }: BenchmarkCommandOptions): Sizes {
  const sizes = scaled(sizesOf[level], scale);
  return {
    ...sizes,
    ...(rounds === undefined ? {} : { roundsMax: rounds }),
    ...(minutes === undefined ? {} : { budgetMs: minutes * 60_000 }),
  };
}

/** Every round leaves its campaigns until the end. @throws Failure when not even one fits */
function withinSpace(sizes: Sizes): Sizes {
  const { batched, single, unpipelined, original } = sizes.messages;
  const contacts = batched + single + unpipelined + original;
  const free = freeBytes(tmpdir());
  requireSpace(contacts, { folder: tmpdir(), free, fewer: "--scale" });
  return { ...sizes, roundsMax: Math.min(sizes.roundsMax, runsThatFit(contacts, free)) };
}

const parseRounds = parseWholeNumber({ min: 1, max: 1_000 });
const parseMinutes = parseWholeNumber({ min: 1, max: 1_440 });

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

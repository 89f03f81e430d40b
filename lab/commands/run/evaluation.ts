// `lab run evaluation`: what campaigns of a few sizes cost on our system and on the original's
// design, as a report with plots.
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { endWell, Failure } from "../../../src/cli/failure.ts";
import { parseWholeNumber, readDecimalNumber } from "../../../src/cli/number_options.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import { evaluate, readEvaluation, writeEvaluation } from "../../measure/evaluation/evaluate.ts";
import type { EvaluationRun } from "../../measure/evaluation/measure.ts";
import { isBusy } from "../../measure/evaluation/report.ts";
import { type SubjectName, subjectNames } from "../../measure/evaluation/subject.ts";
import { summarize } from "../../measure/evaluation/summary.ts";
import { readVersions } from "../../measure/report/versions.ts";
import { canSample } from "../../measure/sampling/proc.ts";

const contactsMax = 1_000_000;

interface EvaluationCommandOptions {
  contacts: number[];
  only?: SubjectName;
  speed: string;
  report: string;
  compare?: string;
}

export function register(run: Command): void {
  run
    .command("evaluation")
    .description("compare CPU, memory, rates and latencies of campaigns of a few sizes with the original's design: a report with plots")
    .option("--contacts <list>", "campaign sizes", parseContacts, [5, 5_000, 50_000])
    .option("--only <system>", `one of ${subjectNames.join(", ")}`, parseSubject)
    .option("--speed <n>", "divide the carrier's delays by this; max: no delays", parseSpeed, "max")
    .option("--report <folder>", "write report.html, the pictures, samples.csv and evaluation.json here", "evaluation")
    .option("--compare <folder>", "folder of an earlier evaluation, to compare with in the report")
    .action((options: EvaluationCommandOptions) => endWell(() => runEvaluation(options)));
}

function parseContacts(text: string): number[] {
  const parse = parseWholeNumber({ min: 1, max: contactsMax }, `whole numbers from 1 to ${formatCount(contactsMax)}, separated by commas`);
  const sizes = text.split(",").map(parse);
  return [...new Set(sizes)].sort((a, b) => a - b);
}

function parseSubject(text: string): SubjectName {
  const found = subjectNames.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${subjectNames.join(", ")}`);
  return found;
}

function parseSpeed(text: string): string {
  if (text === "max" || (readDecimalNumber(text, { min: 0, max: 999_999 }) ?? 0) > 0) return text;
  throw new InvalidArgumentError("a number above 0, or max");
}

async function runEvaluation(options: EvaluationCommandOptions): Promise<number> {
  if (!canSample) {
    throw new Failure(
      exitCodes.failed,
      "CPU and memory cannot be sampled here",
      "they are read from /proc, which Linux has",
      "run it on Linux",
    );
  }
  // checked before the work starts, so that a folder without an evaluation fails at once
  const before = options.compare === undefined ? null : readBefore(options.compare);
  const terminal = createTerminal(process.stdout, process.env);
  const versions = await readVersions();
  terminal.line();
  terminal.line(`${terminal.bold("evaluation")} · ${options.contacts.map(formatCount).join(", ")} contacts`);
  if (isBusy(versions)) terminal.line(`this machine is busy (load ${versions.load.toFixed(1)}): times and rates will mean little`);
  terminal.line();
  const { contacts, only, speed } = options;
  const evaluation = await evaluate({
    contacts,
    subjects: only === undefined ? subjectNames : [only],
    speed,
    command: `npm run lab -- run evaluation --contacts ${contacts.join(",")}${only === undefined ? "" : ` --only ${only}`}${speed === "max" ? "" : ` --speed ${speed}`}`,
    onStart: (subject) => terminal.line(terminal.dim(`${subject}: starting`)),
    onRun: (run) => terminal.line(describe(run)),
  });
  const file = await writeEvaluation(resolve(options.report), evaluation, before);
  terminal.line();
  for (const line of alignColumns(tableOf(evaluation.runs, terminal.dim), [1, 2, 3, 4, 5])) terminal.line(line);
  terminal.line();
  terminal.line(`report ${terminal.accent(file)}`);
  terminal.line();
  return evaluation.runs.some((run) => run.subject === "ours" && !run.isCorrect) ? exitCodes.failed : exitCodes.ok;
}

function readBefore(folder: string): ReturnType<typeof readEvaluation> {
  try {
    return readEvaluation(resolve(folder));
  } catch (error) {
    const reason = (error as Error).message;
    throw new Failure(
      exitCodes.wrongUse,
      `there is nothing to compare with in ${folder}`,
      reason,
      "name the --report folder of an earlier run",
    );
  }
}

const describe = (run: EvaluationRun) =>
  `${run.subject}: ${formatCount(run.contacts)} contacts in ${formatDuration(run.runMs)}, ${run.isCorrect ? "" : "WRONG: "}${run.verdict}`;

function tableOf(runs: readonly EvaluationRun[], dim: (text: string) => string): string[][] {
  const head = ["system", "contacts", "run in", "messages/s", "CPU µs/message", "jobs at most", "right?"].map(dim);
  const rows = runs.map((run) => {
    const { messagesPerSecond, cpuMicrosPerMessage, queueDepthMax } = summarize(run);
    return [
      run.subject,
      formatCount(run.contacts),
      formatDuration(run.runMs),
      formatCount(Math.round(messagesPerSecond)),
      formatCount(Math.round(cpuMicrosPerMessage)),
      formatCount(queueDepthMax),
      run.isCorrect ? "yes" : "no",
    ];
  });
  return [head, ...rows];
}

// `lab grade`: runs the six exercises of docs/study.md and marks them.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { endWell, Failure } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal, type Terminal } from "../../src/cli/terminal.ts";
import { exerciseNames, type Grade, type Mark } from "../prove/grade/exercise.ts";
import { grade } from "../prove/grade/grade.ts";
import { type Predictions, parsePredictions } from "../prove/grade/predictions.ts";
import { parseSeed } from "./run.ts";

interface GradeCommandOptions {
  only?: string;
  predictions?: string;
  seed: number;
}

export function register(program: Command): void {
  program
    .command("grade")
    .description("run and mark the six exercises of docs/study.md (about three minutes); print one JSON object on the last line")
    .option("--only <names>", `run only some of ${exerciseNames.join(", ")}, separated by commas`)
    .option("--predictions <file>", 'the laws that you expect to turn red, as JSON: {"kill": [], "sql": ["L5"]}')
    .option("--seed <n>", "repeat a run's random choices", parseSeed, Math.floor(Math.random() * 1_000_000))
    .action((options: GradeCommandOptions) => endWell(() => gradeAll(options)));
}

async function gradeAll({ only = "", predictions: file, seed }: GradeCommandOptions): Promise<number> {
  const names = chosenNames(only);
  const predictions = file === undefined ? {} : readPredictions(file);
  // standard output gets nothing but the JSON
  const terminal = createTerminal(process.stderr, process.env);
  terminal.line();
  terminal.line(`${terminal.bold("grade")} · seed ${seed}`);
  const result = await grade({
    seed,
    only: names,
    predictions,
    onBegin: ({ name, title }) => terminal.live([terminal.dim(`${name}: ${title} ...`)]),
    onMark: (mark) => showMark(terminal, mark),
  });
  showGrade(terminal, result);
  process.stdout.write(`${JSON.stringify({ seed, ...result })}\n`);
  return result.as_expected === result.exercises ? exitCodes.ok : exitCodes.failed;
}

/** @throws Failure when there is no such exercise */
export function chosenNames(only: string): string[] {
  const names = only
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  const unknown = names.find((name) => !(exerciseNames as readonly string[]).includes(name));
  if (unknown === undefined) return names;
  throw new Failure(
    exitCodes.wrongUse,
    `there is no exercise ${unknown}`,
    `there are ${exerciseNames.join(", ")}`,
    "npm run lab -- grade runs all of them",
  );
}

/** @throws Failure when the file does not exist or has nothing that can be marked */
export function readPredictions(file: string): Predictions {
  try {
    return parsePredictions(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Failure(
      exitCodes.wrongUse,
      `the predictions in ${file} cannot be read`,
      (error as Error).message,
      'write them as {"kill": [], "sql": ["L5"]}: the laws that turn red, by exercise',
    );
  }
}

function showMark(terminal: Terminal, mark: Mark): void {
  terminal.endLive();
  const seen = mark.red.length === 0 ? `${mark.green.length} laws held` : `${mark.red.join(", ")} broken`;
  const verdict = mark.is_as_expected ? terminal.accent("as expected") : terminal.bold("NOT AS EXPECTED");
  const prediction = mark.is_predicted === null ? "" : mark.is_predicted ? " · predicted" : terminal.bold(" · predicted otherwise");
  terminal.line(`${mark.exercise.padEnd(14)}${seen.padEnd(26)}${verdict}${prediction}   ${mark.seconds.toFixed(1)} s`);
  for (const problem of mark.problems) terminal.line(terminal.dim(`    ${problem}`));
}

function showGrade(terminal: Terminal, { exercises, as_expected, predicted, predicted_rightly, seconds }: Grade): void {
  terminal.line();
  const predictions = predicted === 0 ? "" : ` · ${predicted_rightly} of ${predicted} predictions right`;
  terminal.line(`${as_expected} of ${exercises} exercises as expected${predictions} · ${Math.round(seconds)} s`);
  terminal.line();
}

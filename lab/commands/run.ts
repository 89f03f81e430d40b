// `lab run NAME`: runs one scenario with a live view and prints the verdict; or one of the measured
// runs in run/, which have options of their own.
import { Command } from "commander";
import { endWell, Failure } from "../../src/cli/failure.ts";
import { parseWholeNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { loadScenario, scenarioNames } from "../break/scenarios/all.ts";
import { openLiveView } from "../break/stage/live_view.ts";
import { runScenario } from "../break/stage/run_scenario.ts";
import type { Scenario } from "../break/stage/scenario.ts";
import { showVerdict } from "../break/stage/show_verdict.ts";
import { matrixCells } from "../break/verify/cells.ts";
import { scenarioReport } from "../measure/report/verdicts.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { naive } from "./naive.ts";
import { register as registerBrowser } from "./run/browser.ts";
import { register as registerEvaluation } from "./run/evaluation.ts";
import { register as registerFinland } from "./run/finland.ts";

interface RunCommandOptions {
  seed: number;
  report?: string;
  json?: true;
}

export function register(program: Command): void {
  const command = program
    // options after a command's name belong to that command, here and below
    .enablePositionalOptions()
    .command("run")
    .argument("<name>", "a scenario from `lab list`, or a cell of the fault matrix")
    .description("run one scenario with a live view and a verdict, or one of the measured runs")
    .enablePositionalOptions()
    .option("--seed <n>", "repeat a run's random choices", parseSeed, Math.floor(Math.random() * 1_000_000))
    .option("--report <file>", "write the verdict and its timeline to one HTML file")
    .option("--json", "print the verdict as one JSON object on the last line")
    .action((name: string, options: RunCommandOptions) => endWell(() => run(name, options)));
  command.hook("preSubcommand", refuseOptionsBefore);
  registerMeasured(command);
}

/**
 * `run --seed 3 finland`: a scenario's option before a measured run, where it would have no effect.
 */
function refuseOptionsBefore(run: Command, measured: Command): void {
  const given = run.options.find((option) => run.getOptionValueSource(option.attributeName()) === "cli");
  if (given !== undefined) run.error(`error: ${given.long} is not an option of ${measured.name()}; put its own options after its name`);
}

/** Runs without faults, for their figures. */
function registerMeasured(run: Command): void {
  registerBrowser(run);
  registerEvaluation(run);
  registerFinland(run);
}

/** Sorted by name, each with what it shows. */
export function measuredRuns(): { name: string; shows: string }[] {
  const run = new Command("run");
  registerMeasured(run);
  return run.commands.map((command) => ({ name: command.name(), shows: command.description() }));
}

/** @throws InvalidArgumentError (exit code 2) */
export const parseSeed = parseWholeNumber({ min: 0, max: 0xffff_ffff });

async function run(name: string, options: RunCommandOptions): Promise<number> {
  // a design switch is not a scenario: it is meant to break something
  if (name.startsWith("naive-")) return naive(name, options);
  const scenario = await findScenario(name);
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  terminal.line(`${terminal.bold(scenario.name)} · seed ${options.seed}`);
  terminal.line(scenario.shows);
  terminal.line();
  const view = openLiveView(terminal);
  const verdict = await runScenario(scenario, { seed: options.seed, onEvent: view.event, onSample: view.sample }).finally(view.end);
  showVerdict(terminal, verdict);
  terminal.line(terminal.dim(`again: npm run lab -- run ${scenario.name} --seed ${options.seed}`));
  terminal.line();
  if (options.report !== undefined) {
    terminal.line(`report: ${await writeReport(options.report, scenarioReport(scenario, verdict))}`);
    terminal.line();
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(verdict)}\n`);
  return verdict.held ? exitCodes.ok : exitCodes.failed;
}

async function findScenario(name: string): Promise<Scenario> {
  const found = (await loadScenario(name)) ?? (await matrixCells()).find((cell) => cell.name === name);
  if (found !== undefined) return found;
  throw new Failure(
    exitCodes.wrongUse,
    `there is no scenario ${name}`,
    `there are ${scenarioNames().join(", ")}, and to measure ${measuredRuns()
      .map(({ name }) => name)
      .join(", ")}`,
    "npm run lab -- list",
  );
}

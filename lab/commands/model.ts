// `lab model`: explores every interleaving of a small model of the protocol, or shows how it fails
// without one of its guards.
import { type Command, InvalidArgumentError } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatCount, type Terminal } from "../../src/cli/terminal.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { checkModel, findCounterexample, type ModelReport, modelledGuards, type ScopeResult } from "../prove/model/check_model.ts";
import { findDoubtCounterexample, fullDoubtScopes, quickDoubtScopes } from "../prove/model/doubt/doubt_model.ts";
import { type DoubtGuard, doubtGuards } from "../prove/model/doubt/doubt_state.ts";
import type { Counterexample } from "../prove/model/explore.ts";
import { modelReport } from "../prove/model/model_report.ts";
import { fullScopes, quickScopes } from "../prove/model/scopes.ts";
import type { GuardName } from "../prove/mutants/list.ts";

interface ModelCommandOptions {
  quick?: true;
  without?: GuardName | DoubtGuard;
  report?: string;
  json?: true;
}

const allGuards: readonly (GuardName | DoubtGuard)[] = [...modelledGuards, ...doubtGuards];

export function register(program: Command): void {
  program
    .command("model")
    .description("explore every interleaving of small models of credit and receipts, and of doubt; report whether a law can break")
    .option("--quick", "small scopes only; takes a few seconds")
    .option("--without <guard>", `show a shortest path to a failure without one of: ${allGuards.join(", ")}`, parseGuard)
    .option("--report <file>", "write the report to one HTML file")
    .option("--json", "print the report as one JSON object on the last line")
    .action((options: ModelCommandOptions) => endWell(() => model(options)));
}

function parseGuard(text: string): GuardName | DoubtGuard {
  const guard = allGuards.find((name) => name === text);
  if (guard === undefined) throw new InvalidArgumentError(`not a guard of the models; there are ${allGuards.join(", ")}`);
  return guard;
}

const isOfDoubt = (guard: GuardName | DoubtGuard): guard is DoubtGuard => (doubtGuards as readonly string[]).includes(guard);

async function model({ quick, without, report: file, json }: ModelCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  if (without !== undefined) {
    const counterexample = isOfDoubt(without) ? findDoubtCounterexample(without) : findCounterexample(without);
    terminal.line(terminal.bold(`the protocol without ${without}`));
    if (counterexample !== null) showCounterexample(terminal, counterexample);
    else terminal.line("holds in the quick scopes");
    terminal.line();
    if (json === true) process.stdout.write(`${JSON.stringify({ without, counterexample })}\n`);
    return counterexample === null ? exitCodes.failed : exitCodes.ok;
  }
  terminal.line(terminal.bold("small models of the protocol and of doubt: every interleaving"));
  const showScope = ({ scope, states, seconds }: ScopeResult): void =>
    terminal.line(terminal.dim(`${scope}: ${formatCount(states)} states, ${seconds.toFixed(1)} s`));
  const report = quick === true ? checkModel(quickScopes, quickDoubtScopes, showScope) : checkModel(fullScopes, fullDoubtScopes, showScope);
  showReport(terminal, report);
  const replay = `npm run verify:model${quick === true ? " -- --quick" : ""}`;
  if (file !== undefined) terminal.line(`report: ${await writeReport(file, modelReport(report, replay))}`);
  if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.held ? exitCodes.ok : exitCodes.failed;
}

function showReport(terminal: Terminal, report: ModelReport): void {
  const head = ["scope", "states", "steps", "depth", "ends", "seconds", "verdict"].map(terminal.dim);
  const lines = report.scopes.map(({ scope, states, steps, depth, ends, seconds, counterexample }) => [
    scope,
    formatCount(states),
    formatCount(steps),
    String(depth),
    formatCount(ends),
    seconds.toFixed(1),
    counterexample === null && ends > 0 ? "held" : terminal.bold("BROKE"),
  ]);
  terminal.line();
  for (const line of alignColumns([head, ...lines], [1, 2, 3, 4, 5])) terminal.line(line);
  for (const { counterexample } of report.scopes) if (counterexample !== null) showCounterexample(terminal, counterexample);
  terminal.line();
  const extent = `${formatCount(report.states)} states in ${report.seconds.toFixed(1)} s`;
  if (report.held) terminal.line(`${terminal.accent("held")}: no law breaks in ${extent}, and every state can reach the end without luck`);
  else terminal.line(`${terminal.bold("NOT HELD")}: ${extent}`);
  terminal.line();
}

function showCounterexample(terminal: Terminal, { description, trace }: Counterexample): void {
  terminal.line();
  for (const [index, step] of trace.entries()) terminal.line(`${String(index + 1).padStart(3)}  ${step}`);
  terminal.line(`     ${terminal.bold(description)}`);
}

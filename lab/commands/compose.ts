// `lab compose` (npm run verify:compose): runs compose.yaml on a real Docker engine, and kills a
// container of each kind while campaigns run.
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatDuration, type Terminal } from "../../src/cli/terminal.ts";
import { type ComposeProof, ProofInterrupted, type ProofStep, proveCompose } from "../break/compose/prove_compose.ts";
import { parseSeed } from "./run.ts";

interface ComposeCommandOptions {
  seed: number;
  json?: true;
}

/** The exit code that a shell expects of a command ended by Ctrl-C. */
const interruptedExitCode = 130;
/** SIGHUP: the terminal was closed. */
const endingSignals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export function register(program: Command): void {
  program
    .command("compose")
    .description("build the image, start compose.yaml, kill a container of each kind during campaigns, and check the laws")
    .option("--seed <n>", "repeat the order of the kills", parseSeed, Math.floor(Math.random() * 1_000_000))
    .option("--json", "print the report as one JSON object on the last line")
    .addHelpText("after", composeHelp)
    .action((options: ComposeCommandOptions) => endWell(() => compose(options)));
}

async function compose({ seed, json }: ComposeCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  const interrupted = new AbortController();
  // repeated signals are fine too: what was started is always taken down, within its own limits
  const interrupt = (): void => interrupted.abort(new Error("interrupted"));
  for (const signal of endingSignals) process.on(signal, interrupt);
  terminal.line();
  terminal.line(`${terminal.bold("compose")} · seed ${seed}`);
  terminal.line();
  try {
    const proof = await proveCompose({ seed, signal: interrupted.signal, onStep: (step) => showStep(terminal, step) });
    showProof(terminal, proof);
    if (json === true) process.stdout.write(`${JSON.stringify(proof)}\n`);
    return proof.held ? exitCodes.ok : exitCodes.failed;
  } catch (error) {
    if (!(error instanceof ProofInterrupted)) throw error;
    return showInterruption(terminal, error);
  } finally {
    for (const signal of endingSignals) process.off(signal, interrupt);
  }
}

/** @returns the exit code */
function showInterruption(terminal: Terminal, { left }: ProofInterrupted): number {
  terminal.line();
  terminal.line(
    left.length === 0 ? "interrupted; nothing that it started is left" : terminal.bold("interrupted, and not all could be taken down"),
  );
  for (const what of left) terminal.line(`  left behind: ${what.replaceAll("\n", "\n  ")}`);
  terminal.line();
  return left.length === 0 ? interruptedExitCode : exitCodes.failed;
}

function showStep(terminal: Terminal, { what, durationMs, detail }: ProofStep): void {
  terminal.line(terminal.dim(`${what}, ${formatDuration(durationMs)}: ${detail}`));
}

function showProof(terminal: Terminal, proof: ComposeProof): void {
  const { engineVersion, composeVersion, steps, reasons, held, durationMs, seed } = proof;
  terminal.line();
  const rows = steps.map(({ what, durationMs: stepMs, detail }) => [what, formatDuration(stepMs), detail]);
  for (const line of alignColumns([["step", "took", "result"].map(terminal.dim), ...rows], [1])) terminal.line(line);
  terminal.line();
  const versions = `Docker ${engineVersion}, Compose ${composeVersion}`;
  terminal.line(`${held ? terminal.accent("held") : terminal.bold("BROKE")} in ${formatDuration(durationMs)} on ${versions}`);
  for (const reason of reasons) terminal.line(`  ${reason.replaceAll("\n", "\n  ")}`);
  terminal.line(terminal.dim(`again: npm run verify:compose -- --seed ${seed}`));
  terminal.line();
}

const composeHelp = `
Needs a Docker engine, Compose (\`docker compose\` or \`docker-compose\`) and the base images of Dockerfile and compose.yaml,
which it pulls. Where no registry can be reached, lab/break/compose/standins.sh builds stand-ins of them.
It starts a project of its own on free ports with fresh secrets, beside whatever else runs, and removes it with its volumes
also after a failure, Ctrl-C or SIGTERM. The image stays.

Exit codes: 0 held, 1 something broke or could not be taken down, 2 wrong use, 3 there is no engine, no Compose or no base image,
130 interrupted, and nothing is left
`;

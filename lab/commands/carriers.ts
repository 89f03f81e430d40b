// `lab carriers` (npm run verify:carriers): campaigns through SMPP and Twilio's API, with cuts and
// kill -9 in the middle.
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { endedStates } from "../../src/cli/shown_states.ts";
import { createTerminal, formatCount } from "../../src/cli/terminal.ts";
import { stateName } from "../../src/contracts/words.ts";
import { type CarrierProof, proveCarriers } from "../break/carriers/prove_carriers.ts";
import { parseSeed } from "./run.ts";

interface CarriersCommandOptions {
  contacts: number;
  seed: number;
  json?: true;
}

export function register(program: Command): void {
  program
    .command("carriers")
    .description("send a campaign each through SMPP and Twilio's API, with answers cut and workers killed; nobody may be texted twice")
    .option("--contacts <n>", "of each campaign", parseWholeNumber({ min: 200, max: 100_000 }), 5_000)
    .option("--seed <n>", "of the faults between our processes", parseSeed, Math.floor(Math.random() * 1_000_000))
    .option("--json", "print the report as one JSON object on the last line")
    .action((options: CarriersCommandOptions) => endWell(() => carriers(options)));
}

async function carriers({ contacts, seed, json }: CarriersCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  terminal.line(`${terminal.bold("carriers")} · seed ${seed} · ${formatCount(contacts)} contacts each`);
  terminal.line();
  const report = await proveCarriers({ contacts, seed, onProof: (proof) => terminal.line(lineOf(proof)) });
  const broken = report.laws.laws.filter(({ verdict }) => verdict === "broken");
  for (const { law, broken: rows } of broken) for (const { row, description } of rows) terminal.line(`${law}   ${row}   ${description}`);
  terminal.line();
  terminal.line(
    report.held ? `${terminal.accent("held")}: all ${report.laws.laws.length} laws, nobody was texted twice` : terminal.bold("BROKE"),
  );
  terminal.line();
  if (json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.held ? exitCodes.ok : exitCodes.failed;
}

function lineOf({ carrier, counts, unconfirmed, events, inDoubt, resolved, seconds }: CarrierProof): string {
  const doubt = `${formatCount(inDoubt)} in doubt after ${formatCount(events)} events, ${formatCount(resolved)} of them resolved`;
  const ends = endedStates({ counts, unconfirmed }).map(([state, count]) => `${stateName(state)} ${formatCount(count)}`);
  return `${carrier}   ${ends.join(" · ")} · ${doubt} · ${seconds.toFixed(1)} s`;
}

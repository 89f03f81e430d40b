// `lab naive`: reverts our design decisions one at a time, and shows what that breaks or costs.
import type { Command } from "commander";
import { endWell, Failure } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { naiveSwitches } from "../prove/variants/all.ts";
import { runSwitch } from "../prove/variants/run_switch.ts";
import { describeSwitch, showSwitch } from "../prove/variants/show_switch.ts";

export function register(program: Command): void {
  program
    .command("naive")
    .argument("[name]", "one design switch; all of them by default")
    .description("revert our design decisions one at a time, and see which law breaks or how far the rate falls")
    .option("--json", "print every result as one JSON object on the last line")
    .action((name: string | undefined, options: { json?: true }) => endWell(() => naive(name, options)));
}

/** @throws Failure when there is no such switch */
export async function naive(name: string | undefined, options: { json?: true }): Promise<number> {
  const chosen = naiveSwitches.filter((one) => name === undefined || one.name === name);
  if (chosen.length === 0) {
    const names = naiveSwitches.map((one) => one.name).join(", ");
    throw new Failure(exitCodes.wrongUse, `there is no switch ${name}`, `there are ${names}`, "npm run lab -- naive");
  }
  const terminal = createTerminal(process.stdout, process.env);
  const results: Record<string, unknown> = {};
  let areAllShown = true;
  for (const one of chosen) {
    describeSwitch(terminal, one);
    const result = await runSwitch(one, (what) => terminal.live([terminal.dim(`${what} ...`)]));
    terminal.endLive();
    showSwitch(terminal, one, result);
    areAllShown &&= result.isShown;
    results[one.name] = { is_shown: result.isShown, broken_laws: result.brokenLaws, rate: result.rate };
  }
  if (options.json === true) process.stdout.write(`${JSON.stringify(results)}\n`);
  return areAllShown ? exitCodes.ok : exitCodes.failed;
}

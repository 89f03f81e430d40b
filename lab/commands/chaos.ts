// `lab chaos` (npm run verify:chaos): random faults during random campaigns, with a verdict for
// each run.
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { showChaos } from "../break/verify/chaos.ts";
import { runsReport } from "../measure/report/verdicts.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { parseSeed } from "./run.ts";

interface ChaosCommandOptions {
  runs: number;
  seed: number;
  keepGoing?: true;
  report?: string;
  json?: true;
}

const runsMax = 10_000;

export function register(program: Command): void {
  program
    .command("chaos")
    .description("inject random faults into random links and processes during random campaigns; check all laws after every run")
    .option("--runs <n>", "how many", parseRuns, 20)
    .option("--seed <n>", "repeat all runs; with --runs 1, the run of that seed", parseSeed, Math.floor(Math.random() * 1_000_000))
    .option("--keep-going", "continue after a broken run")
    .option("--report <file>", "write all verdicts and their timelines to one HTML file")
    .option("--json", "print all verdicts as one JSON object on the last line")
    .action((options: ChaosCommandOptions) => endWell(() => chaos(options)));
}

const parseRuns = parseWholeNumber({ min: 1, max: runsMax });

async function chaos({ runs, seed, keepGoing, report, json }: ChaosCommandOptions): Promise<number> {
  const { hasHeld, verdicts } = await showChaos({ runs, seed, keepsGoing: keepGoing === true });
  if (report !== undefined) {
    const replay = `npm run verify:chaos -- --runs ${runs} --seed ${seed}`;
    const description =
      "Random campaigns run on the real system while random faults begin at random moments. Whatever happens, all laws must hold at the end.";
    const path = await writeReport(report, runsReport({ name: "chaos", description, noun: "run", seed, verdicts, replay }));
    process.stdout.write(`  report: ${path}\n\n`);
  }
  if (json === true) process.stdout.write(`${JSON.stringify({ seed, verdicts })}\n`);
  return hasHeld ? exitCodes.ok : exitCodes.failed;
}

// `lab faults` (npm run verify:faults): the matrix of faults, with the verdict of each cell.
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { showFaults } from "../break/verify/faults.ts";
import { runsReport } from "../measure/report/verdicts.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { parseSeed } from "./run.ts";

interface FaultsCommandOptions {
  seed: number;
  only?: string;
  report?: string;
  json?: true;
}

export function register(program: Command): void {
  program
    .command("faults")
    .description("run the fault matrix: every link in every mode, every process killed and frozen, engines, operators, resources, weather")
    .option("--seed <n>", "repeat a run's random choices", parseSeed, Math.floor(Math.random() * 1_000_000))
    .option("--only <pattern>", "cells whose name contains this; with * as a wildcard, cells whose whole name matches")
    .option("--report <file>", "write all verdicts and their timelines to one HTML file")
    .option("--json", "print all verdicts as one JSON object on the last line")
    .action((options: FaultsCommandOptions) => endWell(() => faults(options)));
}

async function faults({ seed, only, report, json }: FaultsCommandOptions): Promise<number> {
  const { hasHeld, verdicts } = await showFaults({ seed, only: only ?? null });
  if (report !== undefined) {
    const replay = `npm run verify:faults -- --seed ${seed}${only === undefined ? "" : ` --only '${only}'`}`;
    const description =
      "Breaks the real system in one way at a time, in the middle of a campaign. Nobody may be texted or charged twice, and nothing may be lost.";
    const path = await writeReport(report, runsReport({ name: "faults", description, noun: "cell", seed, verdicts, replay }));
    process.stdout.write(`  report: ${path}\n\n`);
  }
  if (json === true) process.stdout.write(`${JSON.stringify({ seed, verdicts })}\n`);
  return hasHeld ? exitCodes.ok : exitCodes.failed;
}

// `lab compare`: whether two runs of the benchmark say the same.
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { endWell, wrongUse } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal, type Terminal } from "../../src/cli/terminal.ts";
import { compare, comparisonTable } from "../measure/benchmark/compare.ts";
import { type BenchmarkResults, parseResults } from "../measure/benchmark/results.ts";
import { showTable } from "../measure/benchmark/show_benchmark.ts";

export function register(program: Command): void {
  program
    .command("compare")
    .description("compare two files of benchmark --json: do the intervals of every ratio and of the scaled CPU per message overlap?")
    .argument("<first>", "file of one run")
    .argument("<second>", "file of the other")
    .addHelpText("after", "\nExit codes: 0 all overlap, 1 some do not, 2 wrong use\n")
    .action((first: string, second: string) =>
      endWell(async () => compareFiles(first, second, createTerminal(process.stdout, process.env))),
    );
}

/** @returns the exit code. @throws Failure when there is nothing to compare */
export function compareFiles(first: string, second: string, terminal: Terminal): number {
  const [one, other] = [readResults(first), readResults(second)];
  const comparison = compare(one, other);
  const { figures, missing, differences } = comparison;
  if (figures.length === 0) {
    throw wrongUse(
      "there is nothing to compare",
      "no ratio and no CPU per message was measured in both runs",
      "measure the same subjects in both: leave out --only",
    );
  }
  terminal.line();
  for (const [name, file, { versions, startedAt, rounds }] of [
    ["first", first, one],
    ["second", second, other],
  ] as const) {
    terminal.line(
      `${name.padEnd(6)} ${file}: commit ${versions.commit}, ${startedAt.slice(0, 16).replace("T", " ")} UTC, ${rounds.length} rounds`,
    );
  }
  for (const difference of differences) terminal.line(terminal.bold(`they differ in ${difference}`));
  for (const kind of ["ratio", "cpu"] as const) {
    const table = comparisonTable(comparison, kind);
    if (table.rows.length > 0) showTable(terminal, table);
  }
  terminal.line();
  if (missing.length > 0) terminal.line(`measured in one of them alone: ${missing.join(", ")}`);
  const apart = figures.filter(({ overlaps }) => !overlaps).map(({ one: { name } }) => name);
  terminal.line(
    apart.length === 0
      ? `the intervals of all ${figures.length} figures overlap`
      : terminal.bold(`${apart.length} of ${figures.length} figures do not overlap: ${apart.join(", ")}`),
  );
  terminal.line();
  return apart.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function readResults(file: string): BenchmarkResults {
  try {
    return parseResults(readFileSync(file, "utf8"));
  } catch (error) {
    throw wrongUse(`${file} is not a result of the benchmark`, (error as Error).message, "write one with npm run benchmark -- --json FILE");
  }
}

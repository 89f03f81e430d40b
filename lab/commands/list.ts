// `lab list`: everything that `lab run` accepts, and what each shows.
import type { Command } from "commander";
import { alignColumns, createTerminal, type Terminal } from "../../src/cli/terminal.ts";
import { loadScenario, scenarioNames } from "../break/scenarios/all.ts";
import { matrixCells } from "../break/verify/cells.ts";
import { naiveSwitches } from "../prove/variants/all.ts";
import { measuredRuns } from "./run.ts";

export function register(program: Command): void {
  program.command("list").description("list every scenario, measured run, cell and design switch, and what it shows").action(list);
}

async function list(): Promise<void> {
  const terminal = createTerminal(process.stdout, process.env);
  const names = scenarioNames();
  const scenarios = (await Promise.all(names.map(loadScenario))).filter((found) => found !== null);
  const cells = (await matrixCells()).filter(({ name }) => !names.includes(name));
  terminal.line();
  showSection(terminal, "scenarios", scenarios);
  showSection(terminal, "runs that measure, without faults", measuredRuns());
  showSection(terminal, "cells of the matrix, one fault each; verify:faults runs them all", cells);
  showSection(
    terminal,
    "design switches: one of our rules removed, to see what breaks",
    naiveSwitches.map(({ name, description }) => ({ name, shows: description })),
  );
  terminal.line(terminal.dim("npm run lab -- run NAME"));
  terminal.line();
}

function showSection(terminal: Terminal, title: string, found: readonly { name: string; shows: string }[]): void {
  terminal.line(terminal.bold(title));
  for (const line of alignColumns(found.map(({ name, shows }) => [terminal.accent(name), shows]))) terminal.line(line);
  terminal.line();
}

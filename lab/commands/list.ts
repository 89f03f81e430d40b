// `lab list`: every scenario with what it shows.
import type { Command } from "commander";
import { alignColumns, createTerminal } from "../../src/cli/terminal.ts";
import { loadScenario, scenarioNames } from "../scenarios/all.ts";

export function register(program: Command): void {
  program.command("list").description("every scenario, and what it shows").action(list);
}

async function list(): Promise<void> {
  const terminal = createTerminal(process.stdout, process.env);
  const scenarios = await Promise.all(scenarioNames().map(loadScenario));
  terminal.line();
  for (const line of alignColumns(scenarios.flatMap((found) => (found === null ? [] : [[terminal.accent(found.name), found.shows]]))))
    terminal.line(line);
  terminal.line();
  terminal.line(terminal.dim("npm run lab -- run NAME"));
  terminal.line();
}

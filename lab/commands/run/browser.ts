// `lab run browser`: how fast the console is.
import type { Command } from "commander";
import { endWell } from "../../../src/cli/failure.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatCount } from "../../../src/cli/terminal.ts";
import { type ConsoleFigures, measureConsole } from "../../measure/browser/measure_console.ts";
import { median } from "../../measure/summary/median.ts";

interface BrowserCommandOptions {
  json?: true;
}

export function register(run: Command): void {
  run
    .command("browser")
    .description("measure the console in Chromium: first load, a file of 200 MB, a table of 100,000 rows")
    .option("--json", "print every figure as one JSON object on the last line")
    .action((options: BrowserCommandOptions) => endWell(() => browser(options)));
}

async function browser({ json }: BrowserCommandOptions): Promise<number> {
  const terminal = createTerminal(json === true ? process.stderr : process.stdout, process.env);
  terminal.line();
  const figures = await measureConsole((what) => terminal.line(terminal.dim(`${what} ...`)));
  terminal.line();
  for (const line of alignColumns(rowsOf(figures), [1])) terminal.line(line);
  terminal.line();
  if (json === true) process.stdout.write(`${JSON.stringify(figures)}\n`);
  return exitCodes.ok;
}

function rowsOf({ interactiveMs, preview, table }: ConsoleFigures): string[][] {
  return [
    ["first page, until it responds to a click", ms(median(interactiveMs) ?? 0), `median of ${interactiveMs.length}, nothing cached`],
    ["columns and first rows of a file shown", ms(preview.firstSightMs), `${formatCount(Math.round(preview.bytes / 1e6))} MB`],
    ["every row checked", ms(preview.judgedMs), `${formatCount(preview.contacts)} can be texted`],
    ["longest stall of the page meanwhile", ms(preview.longestStallMs), "time between two frames"],
    [
      "table: 95 % of the frames within",
      ms(table.frameP95Ms),
      `${formatCount(table.frames)} frames while scrolling ${formatCount(table.contacts)} rows`,
    ],
    ["table: longest frame", ms(table.longestFrameMs), `its end shows row ${formatCount(table.endsWithRow)}`],
  ];
}

const ms = (value: number): string => `${formatCount(Math.round(value))} ms`;

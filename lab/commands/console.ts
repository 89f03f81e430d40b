// `lab console`: break the system from the browser, until Ctrl-C. Each Enter prints a new link.
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { openLabConsole } from "../break/console/lab_console.ts";

const portDefault = 8_080;

export function register(program: Command): void {
  program
    .command("console")
    .description("break the system from the browser: kill, freeze, cut, change the weather, and watch the verdict form (this machine only)")
    .option("--port <n>", "port of the page, on 127.0.0.1; 0 picks a free one", parsePort, portDefault)
    .action((options: { port: number }) => endWell(() => play(options.port)));
}

async function play(port: number): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  terminal.line("starting a lab: six processes, two databases, Redis, a proxy on every link ...");
  const lab = await openLabConsole({ port, onNote: (what) => terminal.line(terminal.dim(what)) });
  const showLink = (): void => {
    terminal.line();
    terminal.line(`open ${terminal.bold(lab.link())}`);
    terminal.line(terminal.dim("valid for one visit; Enter prints another, Ctrl-C stops the lab"));
    terminal.line();
  };
  showLink();
  const lines = createInterface({ input: process.stdin }).on("line", showLink);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => resolve());
  });
  lines.close();
  terminal.line("stopping the lab ...");
  await lab.close();
  return exitCodes.ok;
}

/** @throws InvalidArgumentError (exit code 2) */
const parsePort = parseWholeNumber({ min: 0, max: 65_535 }, "a port from 0 to 65535");

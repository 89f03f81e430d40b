// `lab recovery`: kills each process of a running campaign, wipes Redis, and measures how soon the
// rate recovers.
import { loadavg } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { parseWholeNumber } from "../../src/cli/number_options.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatCount, formatDuration, type Terminal } from "../../src/cli/terminal.ts";
import { type Blow, blows, type MeasuredBlow, measureRecovery, type RecoveryReport } from "../break/recovery/measure_recovery.ts";
import { durationOf, killTimes, recoveryPage, recoveryReasons, timesOf } from "../break/recovery/recovery_report.ts";
import { quantile } from "../break/recovery/recovery_time.ts";
import { writeReport } from "../measure/report/write_report.ts";

interface RecoveryCommandOptions {
  rounds: number;
  only?: Blow;
  report?: string;
  json?: true;
}

export function register(program: Command): void {
  program
    .command("recovery")
    .description("kill each process of a running campaign, wipe Redis, and measure how soon the rate recovers")
    .option("--rounds <n>", "number of times for each of them", parseRounds, 3)
    .option("--only <blow>", `one of ${blows.join("; ")}`, parseBlow)
    .option("--report <file>", "write the report, with the rates around each fault, to one HTML file")
    .option("--json", "print all figures as one JSON object on the last line")
    .action((options: RecoveryCommandOptions) => endWell(() => recovery(options)));
}

const parseRounds = parseWholeNumber({ min: 1, max: 100 });

function parseBlow(text: string): Blow {
  const found = blows.find((blow) => blow === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${blows.join("; ")}`);
  return found;
}

async function recovery(options: RecoveryCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  terminal.line(`${terminal.bold("recovery")} · ${options.rounds} ${options.rounds === 1 ? "round" : "rounds"}`);
  terminal.line("recovered means at 90 % of the rate of the 4 s before, and no less for the 4 s after; the slowest of three flows counts");
  terminal.line();
  const report = await measureRecovery({
    rounds: options.rounds,
    blows: options.only === undefined ? blows : [options.only],
    onBlow: (blow) => terminal.line(lineOf(terminal, blow)),
  });
  const reasons = recoveryReasons(report);
  showSummary(terminal, report);
  terminal.line(reasons.length === 0 ? terminal.accent(terminal.bold("held")) : terminal.bold("BROKE"));
  for (const reason of reasons) terminal.line(`  ${reason}`);
  terminal.line(
    `took ${formatDuration(report.durationMs)} · load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")} at the end`,
  );
  if (options.report !== undefined) {
    const replay = `npm run lab -- recovery --rounds ${options.rounds}${options.only === undefined ? "" : ` --only '${options.only}'`}`;
    terminal.line(`report: ${await writeReport(options.report, recoveryPage(report, replay))}`);
  }
  terminal.line();
  if (options.json === true) process.stdout.write(`${JSON.stringify({ ...report, samples: undefined, reasons })}\n`);
  return reasons.length === 0 ? exitCodes.ok : exitCodes.failed;
}

function lineOf(terminal: Terminal, { blow, round, readyMs, flows, recoveredMs }: MeasuredBlow): string {
  const facts = [
    `${blow.padEnd(26)} ${round}`,
    `back after ${durationOf(recoveredMs).padStart(7)}`,
    readyMs === null ? "" : `ready ${formatDuration(readyMs)}`,
    ...Object.entries(flows ?? {}).map(
      ([name, { before, dip, behindMs }]) =>
        `${terminal.dim(name)} ${formatCount(Math.round(before))}/s, at least ${Math.round(dip * 100)} %, ${formatDuration(behindMs)} behind`,
    ),
  ];
  return facts.filter((fact) => fact !== "").join("   ");
}

function showSummary(terminal: Terminal, report: RecoveryReport): void {
  const struck = blows.filter((blow) => timesOf(report, blow).length > 0);
  const rows = struck.map((blow) => {
    const times = timesOf(report, blow);
    return [blow, durationOf(quantile(times, 0.5)), durationOf(quantile(times, 0.95))];
  });
  const { medianMs, p95Ms } = killTimes(report);
  terminal.line();
  for (const line of alignColumns(
    [["", "median", "p95"].map(terminal.dim), ...rows, ["all kills", durationOf(medianMs), durationOf(p95Ms)]],
    [1, 2],
  ))
    terminal.line(line);
  terminal.line();
}

// `lab recovery`: kills each process of a running campaign, wipes Redis, and prints how soon the rate was back.
import { loadavg } from "node:os";
import { type Command, InvalidArgumentError } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatCount, formatDuration, type Terminal } from "../../src/cli/terminal.ts";
import { type Blow, blows, type MeasuredBlow, measureRecovery, type RecoveryReport } from "../recovery/measure_recovery.ts";
import { quantile } from "../recovery/recovery_time.ts";

interface RecoveryCommandOptions {
  rounds: number;
  only?: Blow;
  json?: true;
}

/** After kill -9 of one process the rate is back to 90 % within this, at the 95th percentile; after a wipe of Redis no more is lost than this. */
const killedMaxMs = 5_000;
const wipedMaxMs = 10_000;

export function register(program: Command): void {
  program
    .command("recovery")
    .description("kill each process of a running campaign, wipe Redis, and measure how soon the rate is back")
    .option("--rounds <n>", "how often each of them", parseRounds, 3)
    .option("--only <blow>", `one of ${blows.join("; ")}`, parseBlow)
    .option("--json", "all figures as one JSON object on the last line")
    .action((options: RecoveryCommandOptions) => endWell(() => recovery(options)));
}

function parseRounds(text: string): number {
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100) throw new InvalidArgumentError("a whole number from 1 to 100");
  return rounds;
}

function parseBlow(text: string): Blow {
  const found = blows.find((blow) => blow === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${blows.join("; ")}`);
  return found;
}

async function recovery(options: RecoveryCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  terminal.line();
  terminal.line(`${terminal.bold("recovery")} · ${options.rounds} ${options.rounds === 1 ? "round" : "rounds"}`);
  terminal.line("back means: 90 % of the rate of the 4 s before, and no less for the 4 s after; the slowest of three flows counts");
  terminal.line();
  const report = await measureRecovery({
    rounds: options.rounds,
    blows: options.only === undefined ? blows : [options.only],
    onBlow: (blow) => terminal.line(lineOf(terminal, blow)),
  });
  const reasons = reasonsOf(report);
  showSummary(terminal, report);
  terminal.line(reasons.length === 0 ? terminal.accent(terminal.bold("held")) : terminal.bold("BROKE"));
  for (const reason of reasons) terminal.line(`  ${reason}`);
  terminal.line(
    `took ${formatDuration(report.durationMs)} · load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")} at the end`,
  );
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

const durationOf = (ms: number | null): string => (ms === null ? "never" : formatDuration(ms));

/** Not recovered within the time of watching sorts last. */
const timesOf = ({ blows: measured }: RecoveryReport, blow: Blow): number[] =>
  measured.filter((one) => one.blow === blow).map(({ recoveredMs }) => recoveredMs ?? Number.POSITIVE_INFINITY);

function showSummary(terminal: Terminal, report: RecoveryReport): void {
  const struck = blows.filter((blow) => timesOf(report, blow).length > 0);
  const rows = struck.map((blow) => {
    const times = timesOf(report, blow);
    return [blow, durationOf(finite(quantile(times, 0.5))), durationOf(finite(quantile(times, 0.95)))];
  });
  terminal.line();
  for (const line of alignColumns([["", "median", "p95"].map(terminal.dim), ...rows], [1, 2])) terminal.line(line);
  terminal.line();
}

const finite = (ms: number): number | null => (Number.isFinite(ms) ? ms : null);

function reasonsOf(report: RecoveryReport): string[] {
  const kills = blows.filter((blow) => blow !== "redis wiped").flatMap((blow) => timesOf(report, blow));
  const wipes = report.blows.filter(({ blow }) => blow === "redis wiped");
  const behindMs = wipes.flatMap(({ flows }) => Object.values(flows ?? {}).map((flow) => flow.behindMs));
  const reasons: string[] = [];
  const killedMs = quantile(kills, 0.95);
  if (killedMs > killedMaxMs) reasons.push(`p95 of all kills is ${durationOf(finite(killedMs))}, more than ${formatDuration(killedMaxMs)}`);
  if (Math.max(0, ...behindMs) > wipedMaxMs)
    reasons.push(`a wipe of Redis cost ${formatDuration(Math.max(...behindMs))}, more than ${formatDuration(wipedMaxMs)}`);
  if (wipes.some(({ recoveredMs }) => recoveredMs === null)) reasons.push("after a wipe of Redis the rate did not come back");
  for (const law of report.laws.laws)
    if (law.verdict === "broken") reasons.push(`${law.law} is broken: ${law.brokenCount} rows, e.g. ${law.broken[0]?.row}`);
  if (report.laws.form !== "settled") reasons.push("something was still under way at the end");
  return reasons;
}

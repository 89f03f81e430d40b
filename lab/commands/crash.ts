// `lab crash`: kills a process with -9 at every crash point, and prints a table of the outcomes.
import type { Command } from "commander";
import { endWell } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { alignColumns, createTerminal, formatDuration, type Terminal } from "../../src/cli/terminal.ts";
import { type CrashReport, listImpossible, verifyCrash } from "../break/verify/crash.ts";
import { outcomes } from "../break/verify/crash_points.ts";
import { crashReport } from "../break/verify/crash_report.ts";
import type { CrashRow } from "../break/verify/crash_row.ts";
import { writeReport } from "../measure/report/write_report.ts";
import { parseSeed } from "./run.ts";

interface CrashCommandOptions {
  seed: number;
  only?: string;
  quick?: true;
  json?: true;
  report?: string;
}

export function register(program: Command): void {
  program
    .command("crash")
    .description("kill a process at every crash point of the protocol, on the first hit and on a later one; print a table of the outcomes")
    .option("--only <text>", "points (C11) or places (intent_committed), separated by commas")
    .option("--seed <n>", "repeat the choice of the later hits", parseSeed, Math.floor(Math.random() * 1_000_000))
    .option("--quick", "only the first hit of each")
    .option("--report <file>", "write the report to one HTML file")
    .option("--json", "print the report as one JSON object on the last line")
    .action((options: CrashCommandOptions) => endWell(() => crash(options)));
}

async function crash(options: CrashCommandOptions): Promise<number> {
  const terminal = createTerminal(process.stdout, process.env);
  const { seed, only = "" } = options;
  terminal.line();
  terminal.line(`${terminal.bold("crash points")} · seed ${seed}`);
  terminal.line();
  const report = await verifyCrash({ seed, only, isQuick: options.quick === true, onRow: (row) => showRow(terminal, row) });
  showReport(terminal, report);
  for (const [point, reason] of listImpossible(only)) terminal.line(`${point} cannot exist here: ${reason}`);
  const replay = `npm run verify:crash -- --seed ${seed}${only === "" ? "" : ` --only '${only}'`}${options.quick === true ? " --quick" : ""}`;
  terminal.line(terminal.dim(`again: ${replay}`));
  if (options.report !== undefined)
    terminal.line(terminal.dim(`report: ${await writeReport(options.report, crashReport(report, replay))}`));
  terminal.line();
  if (options.json === true) process.stdout.write(`${JSON.stringify(report)}\n`);
  return report.held ? exitCodes.ok : exitCodes.failed;
}

function showRow(terminal: Terminal, row: CrashRow): void {
  const recovered = row.recoveredMs === null ? "" : `, recovered in ${formatDuration(row.recoveredMs)}`;
  terminal.line(
    `${row.point} ${row.process} ${row.where}${row.hit === null ? "" : `:${row.hit}`}   ${row.verdict}   ${row.inFlight} in flight${recovered}`,
  );
  for (const reason of row.reasons) terminal.line(`    ${reason}`);
}

function showReport(terminal: Terminal, report: CrashReport): void {
  terminal.line();
  const head = ["point", "where", "process", "hit", "seen", "in flight", "recovered in", "verdict"].map(terminal.dim);
  const lines = report.rows.map((row) => [
    row.point,
    row.where,
    row.process,
    row.hit === null ? "" : String(row.hit),
    String(row.hitsSeen),
    String(row.inFlight),
    row.recoveredMs === null ? "-" : formatDuration(row.recoveredMs),
    row.verdict === "held" ? "held" : terminal.bold(row.verdict),
  ]);
  for (const line of alignColumns([head, ...lines], [3, 4, 5, 6])) terminal.line(line);
  terminal.line();
  const held = report.rows.filter(({ verdict }) => verdict === "held").length;
  const points = new Set(report.rows.map(({ point }) => point));
  terminal.line(
    `${report.held ? terminal.accent("held") : terminal.bold("NOT HELD")}: ${held} of ${report.rows.length} crashes at ${points.size} of ${Object.keys(outcomes).length} points, in ${formatDuration(report.durationMs)}`,
  );
}

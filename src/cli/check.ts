// `bulksms check`: the laws, over both databases and the simulator's journal. Read-only.
import type { Command } from "commander";
import { isAppError } from "../contracts/errors.ts";
import { isUuid } from "../contracts/ids.ts";
import { settings } from "../contracts/settings.ts";
import { checkLaws, type LawsReport } from "../laws/check_laws.ts";
import type { LawResult } from "../laws/law.ts";
import type { Scope } from "../laws/snapshots.ts";
import { readConfig } from "../platform/config.ts";
import { watchLaws } from "./check_watch.ts";
import { readerGone } from "./closed_output.ts";
import { settingsAt } from "./connection.ts";
import { endWell, Failure } from "./failure.ts";
import { readDecimalNumber } from "./number_options.ts";
import { exitCodes } from "./report_error.ts";
import { alignColumns, createTerminal, formatCount, formatDuration, type Terminal } from "./terminal.ts";

interface CheckOptions {
  data?: string;
  bulksms?: string;
  workspace?: string;
  json?: boolean;
  watch?: boolean;
  interval?: string;
}

/** Short enough for a person who watches; a campaign of seconds should be seen more than once. */
const intervalSDefault = 2;
const intervalSMax = 3_600;

export function registerCheck(program: Command): void {
  program
    .command("check")
    .description("verify the laws: nothing lost, nothing duplicated, every sent part charged once")
    .option("--data <dir>", `data folder of the system to check (setting BULKSMS_DATA; default ${settings.BULKSMS_DATA.default})`)
    .option("--bulksms <id>", "only one campaign, and the credit of its workspace")
    .option("--workspace <id>", "only one workspace")
    .option("--watch", "repeat until Ctrl-C or a closed output, one line per pass; rest four times as long as each pass takes")
    .option("--interval <s>", `with --watch: minimum seconds from one pass to the next (default ${intervalSDefault} s)`)
    .option("--json", "print one JSON object: the laws with rows compared and broken rows")
    .addHelpText("after", checkHelp)
    .action((options: CheckOptions) => endWell(() => check(options)));
}

async function check(options: CheckOptions): Promise<number> {
  const intervalMs = readInterval(options);
  const { folder, environment } = settingsAt(options.data, process.env);
  const fields = {
    dsUrl: "BULKSMS_CHECK_DS_URL",
    salesdbUrl: "BULKSMS_CHECK_SALESDB_URL",
    simulatorFolder: "BULKSMS_SIMULATOR_DATA",
  } as const;
  const config = readConfig(environment, fields, { optional: ["dsUrl", "salesdbUrl"] });
  const { dsUrl, salesdbUrl, simulatorFolder } = config;
  if (dsUrl === undefined || salesdbUrl === undefined) {
    throw new Failure(
      exitCodes.wrongUse,
      "there is nothing to check",
      `no system has run in ${folder}, and BULKSMS_CHECK_DS_URL and BULKSMS_CHECK_SALESDB_URL are not both set`,
      "start one with `npx bulksms up` or `npx bulksms demo`, or name its folder with --data",
    );
  }
  const scope = scopeOf(options);
  const look = (signal?: AbortSignal) =>
    checkLaws({ dsUrl, salesdbUrl, simulatorFolder }, scope, signal).catch((error: unknown) => {
      if (!isAppError(error, "bulksms_not_found", "workspace_not_found")) throw error;
      throw new Failure(exitCodes.wrongUse, "nothing was checked", error.message, "`npx bulksms status` lists campaigns with their ids");
    });
  if (intervalMs !== null) {
    const signal = AbortSignal.any([untilInterrupted(), readerGone(process.stdout)]);
    return watchLaws({ look, terminal: createTerminal(process.stdout, process.env), intervalMs, signal });
  }
  const report = await look();
  if (options.json === true) process.stdout.write(`${JSON.stringify(toJson(report))}\n`);
  else showReport(createTerminal(process.stdout, process.env), report);
  return report.brokenLaws > 0 ? exitCodes.failed : exitCodes.ok;
}

/** Null: a single pass. */
function readInterval({ watch, interval, json }: CheckOptions): number | null {
  const seconds = interval === undefined ? intervalSDefault : readDecimalNumber(interval, { min: 0, max: intervalSMax });
  if (seconds === null || seconds === 0) {
    throw new Failure(
      exitCodes.wrongUse,
      `--interval ${interval} is not possible`,
      `it must be a number of seconds above 0, at most ${intervalSMax}`,
      `leave it out for ${intervalSDefault}`,
    );
  }
  if (watch === true && json === true)
    throw new Failure(exitCodes.wrongUse, "--watch has no JSON", "it prints one line per pass", "leave out one of --watch and --json");
  if (watch !== true && interval !== undefined)
    throw new Failure(exitCodes.wrongUse, "--interval needs --watch", "a single pass has no interval", "add --watch");
  return watch === true ? seconds * 1_000 : null;
}

/** The first Ctrl-C stops the watch in order; a second one kills the process. */
function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

function scopeOf({ bulksms, workspace }: CheckOptions): Scope {
  for (const id of [bulksms, workspace]) {
    if (id !== undefined && !isUuid(id))
      throw new Failure(
        exitCodes.wrongUse,
        `${id} is not a valid id`,
        "an id has 32 hexadecimal digits in five groups",
        "`npx bulksms status` lists campaigns with their ids",
      );
  }
  return {
    ...(bulksms === undefined ? {} : { bulksmsId: bulksms.toLowerCase() }),
    ...(workspace === undefined ? {} : { workspaceId: workspace.toLowerCase() }),
  };
}

/** One line per law, broken rows below it, the verdict at the end. */
export function showReport(terminal: Terminal, report: LawsReport): void {
  const rows = report.laws.map((law) => [
    terminal.accent(law.law),
    verdictOf(terminal, law),
    formatCount(law.rowsCompared),
    terminal.dim("rows"),
    law.title,
  ]);
  const lines = alignColumns(rows, [2]);
  terminal.line();
  for (const [index, law] of report.laws.entries()) {
    terminal.line(lines[index]);
    for (const { row, description } of law.broken) terminal.line(`        ${row}  ${description}`);
    if (law.brokenCount > law.broken.length) terminal.line(`        and ${formatCount(law.brokenCount - law.broken.length)} more`);
    if (law.excusedCount > 0) terminal.line(terminal.dim(`        ${excusedLine(law)}`));
  }
  terminal.line();
  if (!report.hasJournal)
    terminal.line(terminal.dim("the simulator's journal is not here: L4, L7, L8, L9, L11 and part of L3 could not be checked"));
  if (report.form === "running")
    terminal.line(terminal.dim("something is under way: the laws were checked in the form that holds at every moment"));
  terminal.line(summaryOf(terminal, report));
  terminal.line();
}

function verdictOf(terminal: Terminal, law: LawResult): string {
  if (law.verdict === "broken") return terminal.bold("BROKEN");
  return law.verdict === "held" ? "held" : terminal.dim("nothing to check");
}

function excusedLine(law: LawResult): string {
  const [first] = law.excused;
  const example = first === undefined ? "" : `, e.g. ${first.row}: ${first.description}`;
  return `${formatCount(law.excusedCount)} excused${example}`;
}

/** `all 11 laws hold (31,204 rows compared, 0.4 s)`; never "all" when one had nothing to check. */
export function summaryOf(terminal: Terminal, report: LawsReport): string {
  const compared = `(${formatCount(report.rowsCompared)} rows compared, ${formatDuration(report.durationMs)})`;
  const held = report.laws.filter((law) => law.verdict === "held").length;
  const idle = report.laws.length - held - report.brokenLaws;
  if (report.brokenLaws > 0) return `${terminal.bold(`${report.brokenLaws} of ${report.laws.length} laws broken`)} ${compared}`;
  if (held === 0) return "nothing to check yet";
  if (idle > 0) return `${held} laws hold, ${idle} had nothing to check ${compared}`;
  return `${terminal.accent(`all ${held} laws hold`)} ${compared}`;
}

function toJson(report: LawsReport) {
  return {
    form: report.form,
    has_journal: report.hasJournal,
    laws_broken: report.brokenLaws,
    rows_compared: report.rowsCompared,
    duration_ms: report.durationMs,
    laws: report.laws.map((law) => ({
      law: law.law,
      title: law.title,
      form: law.form,
      verdict: law.verdict,
      rows_compared: law.rowsCompared,
      broken: law.broken,
      broken_count: law.brokenCount,
      excused: law.excused,
      excused_count: law.excusedCount,
      duration_ms: law.durationMs,
    })),
  };
}

const checkHelp = `
Reads both databases with the read-only role "check", and the simulator's journal; changes nothing. It may run during campaigns: then
each law is checked in the form that holds at every moment. With --watch it works for at most a fifth of the time. A law with no rows to compare is "nothing to check", never "held".

Their location comes from BULKSMS_CHECK_DS_URL, BULKSMS_CHECK_SALESDB_URL and BULKSMS_SIMULATOR_DATA, otherwise from the data folder.

Examples:
  npx bulksms check                    the system of .bulksms
  npx bulksms check --watch            beside a campaign: change a row in SQL, and see it named
  npx bulksms check --json | jq .laws_broken
  npx bulksms check --bulksms 0199b2c4-5d1e-7c3a-9f00-1a2b3c4d5e6f

Exit codes: 0 no law is broken, 1 one is (its rows are named; with --watch: one was), 2 wrong use or no such id, 3 a database does not answer
`;

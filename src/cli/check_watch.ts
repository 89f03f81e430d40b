// `bulksms check --watch`: checks the laws repeatedly beside whatever runs, one line per pass,
// until Ctrl-C. Called by check.ts.
import type { LawsReport } from "../laws/check_laws.ts";
import { isConnectionError } from "../platform/postgres.ts";
import { sleep } from "../platform/time/sleep.ts";
import { exitCodes } from "./report_error.ts";
import { formatCount, formatDuration, type Terminal } from "./terminal.ts";

/**
 * Each pass is followed by a rest of this many times its own length: the audit takes at most a
 * fifth of one core, and of each database, however many messages there are. Its snapshots keep old
 * row versions from being reused, so they must not follow each other directly either. The console's
 * laws use it too (laws_news.ts).
 */
export const restsAPass = 4;

export interface WatchOptions {
  /** One pass. Abandoned when the signal aborts. */
  look(signal: AbortSignal): Promise<LawsReport>;
  terminal: Terminal;
  /** Least time from the start of one pass to the start of the next. */
  intervalMs: number;
  /** Aborted by Ctrl-C. */
  signal: AbortSignal;
  /** The current time in ms. */
  nowMs?(): number;
}

/**
 * Runs until the signal aborts.
 * @returns exit code 1 when a law was broken in any pass, even if it held again afterwards
 */
export async function watchLaws(options: WatchOptions): Promise<number> {
  const { terminal, signal, intervalMs, nowMs = Date.now } = options;
  /** Already reported, by law and row: each is reported once. */
  const named = new Set<string>();
  const brokenLaws = new Set<string>();
  let passes = 0;
  terminal.line();
  while (!signal.aborted) {
    const startedMs = performance.now();
    const time = terminal.dim(new Date(nowMs()).toISOString().slice(11, 19));
    try {
      const report = await options.look(signal);
      passes += 1;
      terminal.line(`${time}   ${passLine(terminal, report)}`);
      for (const law of report.laws.filter(({ verdict }) => verdict === "broken")) {
        brokenLaws.add(law.law);
        for (const { row, description } of law.broken) {
          if (!named.has(`${law.law} ${row}`)) terminal.line(`           ${terminal.bold(law.law)}   ${row}  ${description}`);
          named.add(`${law.law} ${row}`);
        }
      }
    } catch (error) {
      if (signal.aborted) break;
      if (!isConnectionError(error)) throw error;
      terminal.line(`${time}   a database does not answer; trying again soon`);
    }
    const tookMs = performance.now() - startedMs;
    await sleep(Math.max(intervalMs - tookMs, tookMs * restsAPass), signal);
  }
  terminal.line();
  terminal.line(endLine(terminal, passes, brokenLaws));
  terminal.line();
  return brokenLaws.size > 0 ? exitCodes.failed : exitCodes.ok;
}

/** `11 laws hold   1,204,331 rows   1.4 s   running`: the widths that change least come last. */
function passLine(terminal: Terminal, report: LawsReport): string {
  const held = report.laws.filter(({ verdict }) => verdict === "held").length;
  const brokenNames = report.laws.filter(({ verdict }) => verdict === "broken").map(({ law }) => law);
  const verdict =
    brokenNames.length > 0
      ? terminal.bold(`${brokenNames.join(", ")} BROKEN`)
      : held === 0
        ? "nothing to check yet"
        : terminal.accent(`${held} laws hold`);
  const form = report.form === "running" ? "something is under way" : "at rest";
  return [verdict, `${formatCount(report.rowsCompared)} rows`, formatDuration(report.durationMs), terminal.dim(form)].join("   ");
}

function endLine(terminal: Terminal, passes: number, brokenLaws: ReadonlySet<string>): string {
  const looked = passes === 1 ? "1 pass" : `${formatCount(passes)} passes`;
  if (brokenLaws.size > 0) return `${terminal.bold(`${[...brokenLaws].join(", ")} broken`)} in ${looked}`;
  return passes === 0 ? "nothing was checked" : `no law was broken in ${looked}`;
}

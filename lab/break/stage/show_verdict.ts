// A verdict in words: held or broken, why, every law, recovery, what the faults touched.
import { alignColumns, formatCount, formatDuration, type Terminal } from "../../../src/cli/terminal.ts";
import type { LawResult } from "../../../src/laws/law.ts";
import type { Verdict } from "../../measure/report/verdict.ts";

export function showVerdict(terminal: Terminal, verdict: Verdict): void {
  terminal.line();
  for (const line of alignColumns(
    verdict.laws.map((law) => lawCells(terminal, law)),
    [2],
  ))
    terminal.line(line);
  terminal.line();
  terminal.line(verdict.held ? terminal.accent(terminal.bold("held")) : terminal.bold("BROKE"));
  for (const reason of verdict.reasons) terminal.line(`  ${reason}`);
  terminal.line(factsOf(verdict).join(" · "));
  terminal.line();
}

/** `recovered in 1.2 s`, `412 messages in flight`, ...: also used for a row of the matrix. */
export function factsOf({ recoveredMs, messagesTouched, faultTouches, durationMs }: Verdict): string[] {
  return [
    recoveredMs === null ? "never recovered" : `recovered in ${formatDuration(recoveredMs)}`,
    `${formatCount(messagesTouched)} messages under way`,
    `faults touched ${formatCount(faultTouches)}`,
    `took ${formatDuration(durationMs)}`,
  ];
}

function lawCells(terminal: Terminal, law: LawResult): string[] {
  const verdict = { held: "held", broken: terminal.bold("BROKEN"), nothing_to_check: terminal.dim("nothing to check") }[law.verdict];
  return [terminal.accent(law.law), verdict, formatCount(law.rowsCompared), terminal.dim("rows"), law.title];
}

// A design switch and its result, in the terminal.
import { alignColumns, formatCount, type Terminal } from "../../../src/cli/terminal.ts";
import type { NaiveSwitch } from "./naive_switch.ts";
import type { SwitchResult, SwitchRun } from "./run_switch.ts";

export function describeSwitch(terminal: Terminal, { name, description, crashAt }: NaiveSwitch): void {
  terminal.line();
  terminal.line(terminal.bold(name));
  terminal.line(description);
  if (crashAt !== undefined) terminal.line(terminal.dim(`both: ${crashAt.process} dies at ${crashAt.at}`));
}

export function showSwitch(terminal: Terminal, one: NaiveSwitch, result: SwitchResult): void {
  for (const line of alignColumns([
    ["ours", ...cellsOf(result.ours)],
    ["switched", ...cellsOf(result.naive)],
  ]))
    terminal.line(line);
  for (const { law, title, verdict, broken } of result.naive.laws) {
    if (verdict !== "broken") continue;
    terminal.line(`${terminal.accent(law)} ${title}`);
    terminal.line(terminal.dim(`   ${broken[0]?.row}: ${broken[0]?.description}`));
  }
  const wanted = "laws" in one.shows ? `${one.shows.laws.join(" or ")} breaks` : `at most ${one.shows.rateAtMost} x the rate`;
  const rate = result.rate === null ? "" : ` · ${result.rate.toFixed(2)} x the rate`;
  terminal.line(result.isShown ? `shown: ${wanted}${rate}` : terminal.bold(`NOT SHOWN: ${wanted}${rate}`));
}

function cellsOf({ laws, perSecond }: SwitchRun): string[] {
  const broken = laws.filter(({ verdict }) => verdict === "broken");
  const words = broken.map(({ law, brokenCount }) => `${law} broken (${formatCount(brokenCount)} rows)`);
  return [
    broken.length === 0 ? `${laws.length} laws held` : words.join(", "),
    perSecond === null ? "never ended" : `${formatCount(Math.round(perSecond))}/s`,
  ];
}

// A benchmark as a report: the same tables as in the terminal.
import type { Report } from "../report/report.ts";
import { formatFigure, formatInterval } from "../summary/shown_figure.ts";
import { measuredElsewhere } from "./goals.ts";
import { type BenchmarkResults, lawsBrokenIn } from "./results.ts";
import { whyStopped } from "./show_benchmark.ts";
import { tablesOf } from "./tables.ts";

export function reportOf(results: BenchmarkResults): Report {
  const { level, figures, rounds } = results;
  const broken = lawsBrokenIn(results).length;
  const found = (name: string) => figures.find((figure) => figure.name === name);
  const [rate, ratio, wrong] = ["batched_per_s", "batched_to_original", "original_wrong_share"].map(found);
  const rateText = rate === undefined ? "no rate" : `${formatFigure(rate.median)} messages per second`;
  return {
    name: `benchmark, ${level}`,
    headline:
      broken > 0
        ? `${broken} laws were broken`
        : `${rateText}${ratio === undefined ? "" : `, ${formatFigure(ratio.median)} x the original's way`}`,
    held: broken === 0,
    description:
      "Whole lives of messages: submitted, three receipts each, charged, with full durability. Each ratio is made within a round, in which everything ran side by side on this machine; shown are the median of the rounds and its interval.",
    reasons: broken === 0 ? [] : ["A run that broke a law counts for no figure."],
    facts: [
      { name: "rounds", value: String(rounds.length) },
      ...(ratio === undefined ? [] : [{ name: "against the original's way", value: formatInterval(ratio) }]),
      ...(wrong === undefined ? [] : [{ name: "the original's wrong final states", value: `${(100 * wrong.median).toFixed(1)} %` }]),
      { name: "ended", value: whyStopped(results) },
    ],
    tables: tablesOf(results),
    charts: [],
    runs: [],
    replay: `npm run benchmark -- --${level}\n\n${measuredElsewhere.join("\n")}`,
  };
}

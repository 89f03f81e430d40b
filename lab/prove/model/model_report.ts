// The report of verify:model as a page: scopes with their states, and a trace to a failure, if
// there is one. Called by commands/model.ts.
import { formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import type { Report } from "../../measure/report/report.ts";
import type { ModelReport } from "./check_model.ts";

export function modelReport({ held, scopes, states, seconds }: ModelReport, replay: string): Report {
  const broken = scopes.flatMap(({ scope, counterexample }) => (counterexample === null ? [] : [{ scope, counterexample }]));
  return {
    name: "model",
    headline: held ? `no law breaks in ${formatCount(states)} states` : "a law breaks",
    held,
    description:
      "Every interleaving of a small model of the credit-and-receipts protocol: crashes, duplicate, lost and reordered receipts, pause and cancel; and every state can reach the end without luck.",
    reasons: [
      ...broken.map(({ scope, counterexample }) => `${scope}: ${counterexample.description}`),
      ...scopes.filter(({ ends }) => ends === 0).map(({ scope }) => `${scope}: no end state was reached`),
    ],
    facts: [
      { name: "states", value: formatCount(states) },
      { name: "scopes", value: String(scopes.length) },
      { name: "took", value: formatDuration(seconds * 1_000) },
    ],
    tables: [
      {
        title: "Each scope",
        columns: [
          { name: "" },
          { name: "scope" },
          ...["states", "steps", "depth", "ends", "seconds"].map((name) => ({ name, isNumber: true as const })),
        ],
        rows: scopes.map(({ scope, counterexample, ends, ...figures }) => [
          counterexample === null && ends > 0 ? { verdict: "held", tone: "held" } : { verdict: "BROKE", tone: "broke" },
          scope,
          formatCount(figures.states),
          formatCount(figures.steps),
          formatCount(figures.depth),
          formatCount(ends),
          figures.seconds.toFixed(1),
        ]),
      },
      ...broken.map(({ scope, counterexample }) => ({
        title: `A shortest trace: ${scope}`,
        columns: [{ name: "step", isNumber: true as const }, { name: "what happens" }],
        rows: counterexample.trace.map((step, index) => [String(index + 1), step]),
      })),
    ],
    charts: [],
    runs: [],
    replay,
  };
}

// Reports of runs on the stage: one scenario, or many runs together (the matrix of faults, chaos).
import { formatCount, formatDuration } from "../../../src/cli/terminal.ts";
import { factsOfRun, type Report } from "./report.ts";
import type { Verdict } from "./verdict.ts";

export function scenarioReport({ name, shows }: { name: string; shows: string }, verdict: Verdict): Report {
  return {
    name,
    headline: verdict.held ? "held" : "BROKE",
    held: verdict.held,
    description: shows,
    // the run itself says why
    reasons: [],
    facts: factsOfRun(verdict),
    tables: [],
    charts: [],
    runs: [verdict],
    replay: `npm run lab -- run ${name} --seed ${verdict.seed}`,
  };
}

export interface RunsReport {
  name: string;
  description: string;
  /** What one of them is: `cell`, `run`. */
  noun: string;
  seed: number;
  verdicts: readonly Verdict[];
  replay: string;
}

export function runsReport({ name, description, noun, seed, verdicts, replay }: RunsReport): Report {
  const broke = verdicts.filter(({ held }) => !held);
  const sum = (read: (verdict: Verdict) => number): number => verdicts.reduce((total, verdict) => total + read(verdict), 0);
  return {
    name,
    headline: broke.length === 0 ? `all ${verdicts.length} ${noun}s held` : `${broke.length} of ${verdicts.length} ${noun}s BROKE`,
    held: broke.length === 0 && verdicts.length > 0,
    description,
    reasons: broke.map(({ scenario, reasons }) => `${scenario}: ${reasons.join("; ")}`),
    facts: [
      { name: "seed", value: String(seed) },
      { name: "took", value: formatDuration(sum(({ durationMs }) => durationMs)) },
      { name: "messages under way", value: formatCount(sum(({ messagesTouched }) => messagesTouched)) },
      { name: "touched by faults", value: formatCount(sum(({ faultTouches }) => faultTouches)) },
      { name: "rows compared by laws", value: formatCount(sum(({ laws }) => laws.reduce((rows, law) => rows + law.rowsCompared, 0))) },
    ],
    tables: [
      {
        title: `Each ${noun}`,
        columns: [
          { name: "" },
          { name: noun },
          { name: "recovered in", isNumber: true },
          { name: "messages under way", isNumber: true },
          { name: "touched by faults", isNumber: true },
          { name: "took", isNumber: true },
          { name: "seed", isNumber: true },
        ],
        rows: verdicts.map((verdict, run) => [
          { verdict: verdict.held ? "held" : "BROKE", tone: verdict.held ? "held" : "broke" },
          { text: verdict.scenario, run },
          verdict.recoveredMs === null ? "never" : formatDuration(verdict.recoveredMs),
          formatCount(verdict.messagesTouched),
          formatCount(verdict.faultTouches),
          formatDuration(verdict.durationMs),
          String(verdict.seed),
        ]),
      },
    ],
    charts: [],
    runs: verdicts,
    replay,
  };
}

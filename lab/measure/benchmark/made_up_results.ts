// Results of a benchmark that never ran, for the tests beside.
import { figuresOf } from "./figures.ts";
import { type BenchmarkResults, type Measured, type Run, resultsOf, type SubjectName } from "./results.ts";

/** 1,000 messages at this rate; every process costs the same. */
export function runAt(perSecond: number, others: Partial<Run> = {}): Run {
  return {
    ...{ messages: 1_000, seconds: 1_000 / perSecond, fixedWorkMs: 100, walBytes: 300, lawsBroken: [], wrongStates: 0, creditOff: 0 },
    ...{ cpuMicros: { salesapi: 5, simulator: 3 }, peakRssMib: { salesapi: 100 } },
    ...others,
  };
}

export function measuredOf(rounds: Partial<Record<SubjectName, Run>>[], others: Partial<Measured> = {}): Measured {
  return {
    ...{ level: "quick", startedAt: "2026-11-30T12:00:00.000Z", seconds: 120, stopped: "time", work: {} },
    ...{ smallPeakRssMib: null, latency: null, scaling: [] },
    versions: { commit: "abc1234", node: "v20.0.0", postgres: "18.4", redis: "7.0", cores: 2, processor: "some", load: 0.5 },
    rounds: rounds.map((runs, index) => ({ round: index + 1, seconds: 10, runs })),
    ...others,
  };
}

export function madeUpResults(rounds: Partial<Record<SubjectName, Run>>[], others: Partial<Measured> = {}): BenchmarkResults {
  const measured = measuredOf(rounds, others);
  return resultsOf(measured, figuresOf(measured));
}

// One measured run of one subject: what every process uses before, during and after, the progress
// of the work, and how long it took.
import { setTimeout as pause } from "node:timers/promises";
import { openUsageMeter, type ProcessShare } from "../sampling/process_usage.ts";
import type { Percentiles } from "../summary/lags.ts";
import type { LatencyName, Progress, Subject, SubjectName } from "./subject.ts";

export type Phase = "before" | "during" | "after";

export interface Sample extends Progress {
  /** Since the run was requested; negative before. */
  atMs: number;
  phase: Phase;
  usage: Readonly<Record<string, ProcessShare>>;
}

export interface EvaluationRun {
  subject: SubjectName;
  description: string;
  contacts: number;
  createMs: number;
  /** From `run` until every message had its end and nothing waited any more. */
  runMs: number;
  isCorrect: boolean;
  verdict: string;
  example: string | null;
  latencies: Readonly<Record<LatencyName, Percentiles | null>>;
  samples: readonly Sample[];
}

/** CPU is counted in ticks of 10 ms: a shorter interval would only show their steps. */
const sampleMs = 200;
/** An idle system, observed long enough for its timers to show. */
const restMs = 3_000;

/** @throws when the campaign has not ended within the limit */
export async function measureRun(subject: Subject, contacts: number, limitMs: number): Promise<EvaluationRun> {
  const campaign = await subject.create(contacts);
  const usage = openUsageMeter(subject.pids);
  const samples: Sample[] = [];
  let phase: Phase = "before";
  let isOver = false;
  let zeroMs = performance.now() + restMs;
  const look = async (): Promise<void> => {
    const used = usage.sample();
    const atMs = performance.now() - zeroMs;
    const seenIn = phase;
    samples.push({ atMs, phase: seenIn, usage: used, ...(await campaign.progress()) });
  };
  const looking = (async () => {
    for (let next = performance.now() + sampleMs; !isOver; next = Math.max(next + sampleMs, performance.now())) {
      await pause(next - performance.now());
      await look();
    }
  })();
  await pause(restMs);
  zeroMs = performance.now();
  phase = "during";
  await campaign.run();
  await campaign.untilEnded(limitMs);
  const runMs = performance.now() - zeroMs;
  await look(); // the last sample, however short the run was
  phase = "after";
  await pause(restMs);
  isOver = true;
  await looking;
  const conclusion = await campaign.conclude();
  return { subject: subject.name, description: subject.description, contacts, createMs: campaign.createMs, runMs, ...conclusion, samples };
}

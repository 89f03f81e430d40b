// How long a flow of messages was disturbed, from samples of its total: pure arithmetic. Used by
// measure_recovery.ts.

/** Total of a flow (messages submitted, ended, charged) at a moment. */
export interface FlowSample {
  atMs: number;
  total: number;
}

export interface Recovery {
  /** Messages per second before. */
  before: number;
  /** Lowest share of that rate over any second afterwards; may exceed 1. */
  dip: number;
  /** Until the rate was back for good; 0: it never fell. null: not within the samples. */
  recoveredMs: number | null;
  /** The furthest that the flow ever fell behind the old pace, in time. */
  behindMs: number;
}

/** Recovered means at this share of the rate before. */
export const sharePassed = 0.9;
/** It must stay there for at least this long. */
const stayMs = 4_000;
/**
 * Messages travel in bodies and charges in rounds: this much time's worth may be missing at any
 * moment without counting as a dip.
 */
const slackMs = 300;
const dipWindowMs = 1_000;

/**
 * Compares the rate after `atMs` with the mean rate of `beforeMs` before it. Recovered at the first
 * moment from which each period of up to 4 s reaches 90 % of the old rate, minus 0.3 s worth of
 * messages. Samples in order of time.
 */
export function recoveryOf(samples: readonly FlowSample[], atMs: number, beforeMs: number): Recovery {
  const before = rateBetween(samples, atMs - beforeMs, atMs);
  const after = samples.filter((sample) => sample.atMs >= atMs);
  const first = after[0];
  const last = after.at(-1);
  if (first === undefined || last === undefined || before === 0) return { before, dip: 0, recoveredMs: null, behindMs: 0 };
  const start = after.find((sample) => last.atMs - sample.atMs >= stayMs && staysFrom(after, sample, before));
  const behind = after.map(({ atMs: nowMs, total }) => nowMs - first.atMs - ((total - first.total) * 1_000) / before);
  return {
    before,
    dip: Math.min(...secondsOf(after).map((rate) => rate / before)),
    recoveredMs: start === undefined ? null : start.atMs - first.atMs,
    behindMs: Math.max(0, ...behind),
  };
}

function staysFrom(after: readonly FlowSample[], start: FlowSample, before: number): boolean {
  return after
    .filter(({ atMs }) => atMs > start.atMs && atMs <= start.atMs + stayMs)
    .every(({ atMs, total }) => total - start.total >= (before * (sharePassed * (atMs - start.atMs) - slackMs)) / 1_000);
}

/** Rate over each second that begins at a sample. */
function secondsOf(samples: readonly FlowSample[]): number[] {
  const rates: number[] = [];
  let end = 0;
  for (const start of samples) {
    while (end < samples.length && (samples[end] as FlowSample).atMs < start.atMs + dipWindowMs) end += 1;
    const last = samples[end];
    if (last === undefined) break;
    rates.push(((last.total - start.total) * 1_000) / (last.atMs - start.atMs));
  }
  return rates;
}

/** Messages per second between two moments: by the nearest samples between them. */
export function rateBetween(samples: readonly FlowSample[], fromMs: number, toMs: number): number {
  const within = samples.filter(({ atMs }) => atMs >= fromMs && atMs <= toMs);
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined || last.atMs === first.atMs) return 0;
  return ((last.total - first.total) * 1_000) / (last.atMs - first.atMs);
}

/** The median of sorted values, or the value at a share of them (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}

// How long things took, from counts only: when the n-th arrived and when the n-th was done. For
// things without a time stamp of their own.

/** The total (never lower than before) at this moment. */
export interface Total {
  atMs: number;
  total: number;
}

/** A number of things with the same duration. */
export interface Lag {
  ms: number;
  weight: number;
}

/**
 * Assumes that the n-th to arrive was the n-th to be done. Both in order of time; what was never
 * done is left out. A negative lag (two clocks, two sampling moments) counts as zero.
 */
export function lagsBetween(came: readonly Total[], done: readonly Total[]): Lag[] {
  const lags: Lag[] = [];
  let counted = 0;
  let next = 0;
  for (const { atMs, total } of came) {
    while (counted < total) {
      while (next < done.length && (done[next] as Total).total <= counted) next += 1;
      const end = done[next];
      if (end === undefined) return lags;
      const upTo = Math.min(total, end.total);
      lags.push({ ms: Math.max(0, end.atMs - atMs), weight: upTo - counted });
      counted = upTo;
    }
  }
  return lags;
}

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** null for nothing. */
export function percentilesOf(lags: readonly Lag[]): Percentiles | null {
  const sorted = [...lags].sort((a, b) => a.ms - b.ms);
  const all = sorted.reduce((sum, { weight }) => sum + weight, 0);
  if (all === 0) return null;
  const at = (share: number) => {
    let rest = share * all;
    for (const { ms, weight } of sorted) {
      rest -= weight;
      if (rest <= 0) return ms;
    }
    return (sorted.at(-1) as Lag).ms;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/**
 * Of a Prometheus histogram in seconds: the values of each bucket are assumed to be spread evenly
 * between its bounds.
 * @param buckets upper bound in seconds (the last may be Infinity) and how many were at or below it
 * @returns in milliseconds; null for an empty histogram. Values above the last finite bound count
 * as that bound.
 */
export function percentilesOfHistogram(buckets: readonly { le: number; count: number }[]): Percentiles | null {
  const all = buckets.at(-1)?.count ?? 0;
  if (all === 0) return null;
  const at = (share: number) => {
    let low = { le: 0, count: 0 };
    for (const bucket of buckets) {
      if (bucket.count >= share * all) {
        if (bucket.le === Number.POSITIVE_INFINITY) return low.le * 1_000;
        const inside = (share * all - low.count) / (bucket.count - low.count);
        return (low.le + inside * (bucket.le - low.le)) * 1_000;
      }
      low = bucket;
    }
    return low.le * 1_000;
  };
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

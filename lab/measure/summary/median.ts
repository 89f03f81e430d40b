// Medians, and how far they can be trusted: an interval from order statistics, which assumes
// nothing of the values but that they are independent (docs/decisions/041).

export interface MedianInterval {
  median: number;
  low: number;
  high: number;
  /** Of how many values. */
  count: number;
  /**
   * How often an interval made like this contains the true median, from 0 to 1: 0.95, or less where
   * fewer than six values are too few for it.
   */
  coverage: number;
}

export const coverageWanted = 0.95;

/** Null for nothing. */
export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/**
 * From the k-th smallest value to the k-th largest: it misses the true median only if fewer than k
 * of the n values lie on one side of it, which is as likely as fewer than k heads, or tails, in n
 * throws of a coin. Between the largest k above 95 % and the next one it is interpolated
 * (Hettmansperger and Sheather, Statistics & Probability Letters 4, 1986), so that it narrows with
 * every round and not in jumps. Below six values it is their whole range.
 * @returns null for nothing
 */
export function medianInterval(values: readonly number[]): MedianInterval | null {
  const middle = median(values);
  if (middle === null) return null;
  const sorted = values.toSorted((one, other) => one - other);
  const count = sorted.length;
  const coverages = coveragesOf(count);
  /** 1-based, as in the formula. */
  const at = (rank: number): number => sorted[rank - 1] as number;
  const k = coverages.findLastIndex((coverage) => coverage >= coverageWanted) + 1;
  if (k === 0) return { median: middle, low: at(1), high: at(count), count, coverage: coverages[0] as number };
  const [wide, narrow] = [coverages[k - 1] as number, coverages[k] ?? 0];
  const step = (wide - coverageWanted) / (wide - narrow);
  const weight = ((count - k) * step) / (k + (count - 2 * k) * step);
  const low = at(k) + weight * (at(k + 1) - at(k));
  const high = at(count + 1 - k) + weight * (at(count - k) - at(count + 1 - k));
  return { median: middle, low: Math.min(low, middle), high: Math.max(high, middle), count, coverage: coverageWanted };
}

/** Of the intervals from the k-th smallest to the k-th largest of n values, for k = 1, 2, ... */
export function coveragesOf(count: number): number[] {
  const coverages: number[] = [];
  /** Chance that exactly `below` values lie below the median; at most that many. */
  let exactly = 0.5 ** count;
  let atMost = exactly;
  for (let below = 0; below < count / 2; below += 1) {
    coverages.push(Math.max(0, 1 - 2 * atMost));
    exactly = (exactly * (count - below)) / (below + 1);
    atMost += exactly;
  }
  return coverages;
}

/** Whether the whole interval lies within this share of its median, with the coverage wanted. */
export function isWithin({ median: middle, low, high, coverage }: MedianInterval, share: number): boolean {
  return coverage >= coverageWanted && Math.max(high - middle, middle - low) <= share * Math.abs(middle);
}

export function overlap(one: Pick<MedianInterval, "low" | "high">, other: Pick<MedianInterval, "low" | "high">): boolean {
  return one.low <= other.high && other.low <= one.high;
}

// Figures as a person reads them: three digits that count, and the interval beside the median.
import { formatCount } from "../../../src/cli/terminal.ts";
import { coverageWanted, type MedianInterval } from "./median.ts";

/** 12,345, 678, 12.3, 1.23, 0.012. */
export function formatFigure(value: number): string {
  const size = Math.abs(value);
  if (size >= 99.95) return formatCount(Math.round(value));
  if (size === 0) return "0";
  return value.toFixed(size >= 9.995 ? 1 : size >= 0.095 ? 2 : 3);
}

/**
 * `11.9 to 13.1`; with how often such an interval is right where the values are too few for 95 %:
 * `11.9 to 13.1 (75 %)`.
 */
export function formatInterval({ low, high, coverage, count }: Pick<MedianInterval, "low" | "high" | "coverage" | "count">): string {
  if (count === 1) return "measured once";
  const text = `${formatFigure(low)} to ${formatFigure(high)}`;
  return coverage >= coverageWanted ? text : `${text} (${(100 * coverage).toFixed(0)} %)`;
}

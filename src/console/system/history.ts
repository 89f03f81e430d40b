// The last minutes of every process, for the charts: one sample per second, while the page is open.
import { useRef } from "react";
import { type ProcessName, processNames } from "../../contracts/processes.ts";
import type { SystemFigures } from "./figures.ts";

/** Five minutes. */
const samplesMax = 300;

export interface Sample {
  /** In seconds, as uPlot wants them. */
  atS: number;
  /** null: it was silent then, and the line has a gap. */
  cpu: number | null;
  memoryMib: number | null;
  delayMs: number | null;
  rates: Readonly<Record<string, number>>;
}

export type History = Readonly<Record<ProcessName, readonly Sample[]>>;

/** Adds the figures at each new update (`atMs`) and returns all samples so far. */
export function useHistory(figures: SystemFigures, atMs: number | null): History {
  const kept = useRef<{ atMs: number | null; history: History }>({ atMs: null, history: emptyHistory() });
  if (atMs !== null && (kept.current.atMs === null || atMs - kept.current.atMs >= 900)) {
    kept.current = { atMs, history: extend(kept.current.history, figures, Date.now() / 1_000) };
  }
  return kept.current.history;
}

export function emptyHistory(): History {
  return Object.fromEntries(processNames.map((name) => [name, []])) as unknown as History;
}

export function extend(history: History, figures: SystemFigures, atS: number): History {
  const entries = processNames.map((name) => {
    const { instances, cpu, rssBytes, loopDelayP99Ms, rates } = figures[name];
    const isThere = instances.length > 0;
    const sample: Sample = {
      atS,
      cpu: isThere ? cpu : null,
      memoryMib: isThere ? rssBytes / 1_048_576 : null,
      delayMs: isThere ? loopDelayP99Ms : null,
      rates: isThere ? rates : {},
    };
    return [name, [...history[name].slice(1 - samplesMax), sample]];
  });
  return Object.fromEntries(entries) as History;
}

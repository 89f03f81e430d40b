// verify:crash: every crash point of the design on one real system, one after another, with a table
// of outcomes. Called by commands/crash.ts.
import { type FailpointName, failpointNames, failpoints } from "../../../src/contracts/failpoints.ts";
import { experiments as otherExperiments, performExperiment } from "./crash_experiments.ts";
import { crashAt } from "./crash_kill.ts";
import { type CrashLab, labOf, startCrashLab } from "./crash_lab.ts";
import { impossible, outcomes, type PointName, trials } from "./crash_points.ts";
import type { CrashRow } from "./crash_row.ts";
import { nothingFits } from "./nothing_fits.ts";

export interface VerifyCrashOptions {
  seed: number;
  /**
   * Only points (`C11`) or places (`intent_committed`) whose name contains one of these texts,
   * separated by commas.
   */
  only?: string;
  /** Only the first hit of each: takes half the time. */
  isQuick?: boolean;
  onRow?(row: CrashRow): void;
}

export interface CrashReport {
  seed: number;
  held: boolean;
  /** In the order of the points. */
  rows: CrashRow[];
  durationMs: number;
}

interface Experiment {
  point: PointName;
  name: string;
  process: string;
  perform(lab: CrashLab): Promise<CrashRow>;
}

/** @throws Failure when a word of `only` matches nothing */
export async function verifyCrash(options: VerifyCrashOptions): Promise<CrashReport> {
  const startedMs = performance.now();
  const experiments = spread(chooseExperiments(options));
  const rows: CrashRow[] = [];
  let lab = experiments.length === 0 ? null : await startCrashLab(options.seed);
  try {
    for (const { name, perform } of experiments) {
      lab ??= await startCrashLab(options.seed);
      const row = await perform(labOf(lab, options.seed, name));
      rows.push(row);
      options.onRow?.(row);
      if (row.verdict !== "BROKE") continue;
      // a failure here would break the laws of all that follow
      await lab.stop();
      lab = null;
    }
  } finally {
    await lab?.stop();
  }
  rows.sort((a, b) => a.point.localeCompare(b.point) || (a.hit ?? 0) - (b.hit ?? 0));
  const held = rows.length > 0 && rows.every(({ verdict }) => verdict === "held");
  return { seed: options.seed, held, rows, durationMs: Math.round(performance.now() - startedMs) };
}

/** Points that match `only` and are not tried: impossible ones, with their reason. */
export function listImpossible(only = ""): [PointName, string][] {
  return (Object.entries(impossible) as [PointName, string][]).filter(([point]) => isMeant(only, point));
}

function chooseExperiments({ only = "", isQuick = false }: VerifyCrashOptions): Experiment[] {
  const isReachedAgain = (name: FailpointName) => trials[name].laterHitMax > 1;
  const kills = failpointNames.flatMap((name) =>
    isQuick || !isReachedAgain(name) ? [killing(name, "first")] : [killing(name, "first"), killing(name, "later")],
  );
  const others = otherExperiments.map((experiment) => ({
    point: experiment.point,
    name: `${experiment.point} ${experiment.process} ${experiment.where}`,
    process: experiment.process,
    perform: (lab: CrashLab) => performExperiment(lab, experiment),
  }));
  const all = [...kills, ...others];
  for (const word of only.split(",")) {
    const isKnown = listImpossible(word).length > 0 || all.some(({ point, name }) => isMeant(word, `${point} ${name}`));
    if (!isKnown)
      throw nothingFits("crash point or place", word, [...new Set([...Object.keys(outcomes), ...failpointNames])], "npm run verify:crash");
  }
  return all.filter(({ point, name }) => isMeant(only, `${point} ${name}`));
}

const isMeant = (only: string, name: string): boolean => only.split(",").some((text) => name.includes(text.trim()));

function killing(name: FailpointName, which: "first" | "later"): Experiment {
  const { point, process } = failpoints[name];
  return {
    point,
    name: `${name} ${which}`,
    process,
    perform(lab) {
      const hit = which === "first" ? 1 : 2 + Math.floor(lab.random() * (trials[name].laterHitMax - 1));
      return crashAt(lab, name, hit);
    },
  };
}

/**
 * Ordered so that no process dies twice in a row: the supervisor delays the restart of a process
 * that dies repeatedly.
 */
function spread(experiments: Experiment[]): Experiment[] {
  const left = new Map<string, Experiment[]>();
  for (const experiment of experiments) left.set(experiment.process, [...(left.get(experiment.process) ?? []), experiment]);
  const ordered: Experiment[] = [];
  let last = "";
  while (left.size > 0) {
    const [process, queue] = [...left]
      .filter(([name]) => name !== last || left.size === 1)
      .reduce((longest, entry) => (entry[1].length > longest[1].length ? entry : longest));
    ordered.push(queue.shift() as Experiment);
    if (queue.length === 0) left.delete(process);
    last = process;
  }
  return ordered;
}

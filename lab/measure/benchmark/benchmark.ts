// Runs the benchmark: our system, the original's design, the bare store and the yardsticks side by
// side on this machine, each idle while another is measured, round by round until every ratio is
// known well enough or the time is over.

import { readVersions } from "../report/versions.ts";
import { type ContactFiles, openContactFiles } from "../subjects/contact_files.ts";
import { inBodies } from "../subjects/ours.ts";
import { median } from "../summary/median.ts";
import { whyStop } from "../summary/stopping.ts";
import { countWork } from "./counted_work.ts";
import { figuresOf, rateOf, runOf, wideFigures } from "./figures.ts";
import { measureLatency } from "./latency.ts";
import { measureOurs, measureSubject, type Subjects, startSubjects } from "./measured_subjects.ts";
import { type Level, orderOf, type Sizes } from "./plan.ts";
import { type BenchmarkResults, type Measured, type Round, type Run, resultsOf, type SubjectName, subjectNames } from "./results.ts";
import { measureScalingTurn } from "./scaling.ts";

export interface BenchmarkOptions {
  level: Level;
  sizes: Sizes;
  /** Fewer than all (development). */
  subjects?: readonly SubjectName[];
  /** Before each step. */
  onBegin(what: string): void;
  onRun(subject: SubjectName, round: number, run: Run): void;
  /** After each round, with the ratios that are not known well enough yet. */
  onRound(round: Round, wide: number): void;
}

export async function runBenchmark(options: BenchmarkOptions): Promise<BenchmarkResults> {
  const { sizes, level, subjects: wanted = subjectNames, onBegin } = options;
  const startedAt = new Date().toISOString();
  const startedMs = performance.now();
  const versions = await readVersions();
  const files = openContactFiles();
  let subjects: Subjects | null = null;
  try {
    subjects = await startSubjects(wanted, onBegin);
    let smallPeakRssMib: Measured["smallPeakRssMib"] = null;
    if (sizes.extras !== null) {
      onBegin("memory of a small campaign");
      const file = files.of(sizes.extras.smallMessages);
      ({ peakRssMib: smallPeakRssMib } = await measureOurs(subjects, { mode: inBodies, file, warmUp: file }));
    }
    onBegin("counting what the databases do");
    const work = await countWork(subjects, sizes, files.of);
    const { rounds, stopped } = await measureRounds(subjects, { ...options, files, startedMs, smallPeakRssMib });
    const extras = await measureExtras(subjects, { sizes, rounds, files, onBegin });
    const seconds = (performance.now() - startedMs) / 1_000;
    const measured: Measured = { level, startedAt, seconds, versions, stopped, rounds, work, smallPeakRssMib, ...extras };
    return resultsOf(measured, figuresOf(measured));
  } finally {
    await subjects?.stop();
    files.remove();
  }
}

interface RoundsOptions extends BenchmarkOptions {
  files: ContactFiles;
  startedMs: number;
  smallPeakRssMib: Measured["smallPeakRssMib"];
}

async function measureRounds(subjects: Subjects, options: RoundsOptions): Promise<Pick<Measured, "rounds" | "stopped">> {
  const { sizes, files, startedMs, smallPeakRssMib, subjects: wanted = subjectNames } = options;
  const rounds: Round[] = [];
  for (;;) {
    const wide = wideFigures({ rounds, smallPeakRssMib, scaling: [] }).length;
    const stopped = whyStop({
      ...{ rounds: rounds.length, roundsMax: sizes.roundsMax, budgetMs: sizes.budgetMs, wide },
      passedMs: performance.now() - startedMs,
      longestRoundMs: Math.max(0, ...rounds.map(({ seconds }) => seconds * 1_000)),
    });
    if (stopped !== null) return { rounds, stopped };
    const round = rounds.length + 1;
    const roundAt = performance.now();
    const runs: Round["runs"] = {};
    for (const subject of orderOf(round, sizes)) {
      if (!wanted.includes(subject)) continue;
      options.onBegin(`round ${round}: ${subject}`);
      const run = await measureSubject(subjects, subject, { sizes, files });
      runs[subject] = run;
      options.onRun(subject, round, run);
    }
    const done = { round, seconds: (performance.now() - roundAt) / 1_000, runs };
    rounds.push(done);
    options.onRound(done, wideFigures({ rounds, smallPeakRssMib, scaling: [] }).length);
  }
}

async function measureExtras(
  subjects: Subjects,
  { sizes, rounds, files, onBegin }: Pick<RoundsOptions, "sizes" | "files" | "onBegin"> & Pick<Measured, "rounds">,
): Promise<Pick<Measured, "latency" | "scaling">> {
  const batched = median(rounds.flatMap((round) => runOf(round, "batched") ?? []).map(rateOf));
  if (sizes.extras === null || batched === null) return { latency: null, scaling: [] };
  onBegin("latency at 70 % load");
  const latency = await measureLatency(subjects, batched, files.of);
  const scaling: Measured["scaling"] = [];
  for (let turn = 1; turn <= sizes.extras.scalingTurns; turn += 1) {
    onBegin(`two of each worker, turn ${turn} of ${sizes.extras.scalingTurns}`);
    scaling.push(await measureScalingTurn(subjects, files.of(sizes.extras.smallMessages)));
  }
  return { latency, scaling };
}

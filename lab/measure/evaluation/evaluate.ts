// Runs every size on every subject, and writes the results into one folder: report.html, pictures,
// samples.csv, evaluation.json.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { toFile } from "../report/plot.ts";
import { readVersions } from "../report/versions.ts";
import { writeReport } from "../report/write_report.ts";
import { type EvaluationRun, measureRun } from "./measure.ts";
import { startOriginalSubject } from "./original.ts";
import { startOurSubject } from "./ours.ts";
import { drawPictures } from "./plots.ts";
import { type Evaluation, reportOf } from "./report.ts";
import type { Subject, SubjectName } from "./subject.ts";
import { toCsv } from "./summary.ts";

export interface EvaluationOptions {
  contacts: readonly number[];
  subjects: readonly SubjectName[];
  /** Divides the carrier's delays; `max`: no delays. */
  speed: string;
  /** The command that runs it again. */
  command: string;
  onStart(subject: SubjectName): void;
  onRun(run: EvaluationRun): void;
}

const startSubject: Record<SubjectName, (speed: string) => Promise<Subject>> = { ours: startOurSubject, original: startOriginalSubject };

/** A tenth of the original's rate on an idle machine, plus time to start. */
const limitMs = (contacts: number) => 60_000 + contacts * 10;

/**
 * One subject after the other, so that neither takes memory or timers from the one that is
 * measured.
 */
export async function evaluate({ contacts, subjects, speed, command, onStart, onRun }: EvaluationOptions): Promise<Evaluation> {
  const evaluation: Evaluation = { startedAt: new Date().toISOString(), machine: await readVersions(), command, runs: [] };
  for (const name of subjects) {
    onStart(name);
    const subject = await startSubject[name](speed);
    try {
      for (const count of contacts) {
        const run = await measureRun(subject, count, limitMs(count));
        evaluation.runs.push(run);
        onRun(run);
      }
    } finally {
      await subject.stop();
    }
  }
  // side by side in every table
  evaluation.runs.sort((a, b) => a.contacts - b.contacts);
  return evaluation;
}

const evaluationFile = "evaluation.json";

/** @returns the path of the report */
export async function writeEvaluation(folder: string, evaluation: Evaluation, before: Evaluation | null): Promise<string> {
  mkdirSync(folder, { recursive: true });
  const pictures = drawPictures(evaluation.runs);
  for (const picture of pictures) writeFileSync(join(folder, `${picture.name}.svg`), toFile(picture));
  writeFileSync(join(folder, "samples.csv"), toCsv(evaluation.runs));
  writeFileSync(join(folder, evaluationFile), JSON.stringify(evaluation));
  return await writeReport(join(folder, "report.html"), reportOf(evaluation, pictures, before));
}

/** @throws when the folder holds none */
export function readEvaluation(folder: string): Evaluation {
  return JSON.parse(readFileSync(join(folder, evaluationFile), "utf8")) as Evaluation;
}

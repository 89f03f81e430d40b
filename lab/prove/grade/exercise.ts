// What an exercise of docs/study.md is, what a run of it finds, and its mark.
import type { LawName } from "../../../src/laws/law.ts";

/** In the order of docs/study.md. */
export const exerciseNames = ["kill", "freeze", "forge", "lose-replies", "rule-out", "sql"] as const;
export type ExerciseName = (typeof exerciseNames)[number];

export interface Exercise {
  name: ExerciseName;
  /** What is done to the system, in one line. */
  title: string;
  /** What a reader types to do the same; as in docs/study.md. */
  command: string;
  /**
   * The laws that must turn red, and no others: all that have rows to compare stay green. Empty:
   * none may.
   */
  red: readonly LawName[];
}

/** What a run has shown. */
export interface Observation {
  laws: readonly { law: LawName; verdict: "held" | "broken" | "nothing_to_check" }[];
  /**
   * What went wrong besides the laws (a campaign that never ended, a fault that touched nothing);
   * empty when nothing did.
   */
  problems: readonly string[];
  /** Figures for the reader: what the fault touched, how soon the system recovered. */
  facts: Readonly<Record<string, number | string | null>>;
  seconds: number;
}

export interface Mark {
  exercise: ExerciseName;
  title: string;
  command: string;
  expected_red: readonly LawName[];
  red: readonly LawName[];
  /** Laws that had rows to compare and held. */
  green: readonly LawName[];
  /** The system did what docs/study.md describes. */
  is_as_expected: boolean;
  /** The reader's prediction; null: none. */
  predicted_red: readonly LawName[] | null;
  /** The prediction was right; null: there was none. */
  is_predicted: boolean | null;
  problems: readonly string[];
  facts: Observation["facts"];
  seconds: number;
}

export interface Grade {
  exercises: number;
  /** Exercises in which the system did what is expected. */
  as_expected: number;
  /** Exercises with a prediction, and those with a correct one. */
  predicted: number;
  predicted_rightly: number;
  seconds: number;
  marks: readonly Mark[];
}

export function markExercise(exercise: Exercise, found: Observation, predicted: readonly LawName[] | null): Mark {
  const red = lawsThat(found, "broken");
  const green = lawsThat(found, "held");
  return {
    exercise: exercise.name,
    title: exercise.title,
    command: exercise.command,
    expected_red: exercise.red,
    red,
    green,
    // a law that compared nothing proves nothing: without a green or a red law, nothing was shown
    is_as_expected: isSame(red, exercise.red) && green.length > 0 && found.problems.length === 0,
    predicted_red: predicted,
    is_predicted: predicted === null ? null : isSame(red, predicted),
    problems: found.problems,
    facts: found.facts,
    seconds: found.seconds,
  };
}

export function gradeOf(marks: readonly Mark[], seconds: number): Grade {
  return {
    exercises: marks.length,
    as_expected: marks.filter((mark) => mark.is_as_expected).length,
    predicted: marks.filter((mark) => mark.predicted_red !== null).length,
    predicted_rightly: marks.filter((mark) => mark.is_predicted === true).length,
    seconds,
    marks,
  };
}

function lawsThat({ laws }: Observation, verdict: "held" | "broken"): LawName[] {
  const broken = new Set(laws.filter((one) => one.verdict === "broken").map(({ law }) => law));
  // a law may be checked twice, at the end and by a witness along the way: broken once is broken
  const all = laws.filter((one) => one.verdict === verdict && (verdict === "broken" || !broken.has(one.law)));
  return [...new Set(all.map(({ law }) => law))].toSorted((one, other) => numberOf(one) - numberOf(other));
}

const numberOf = (law: LawName): number => Number(law.slice(1));

function isSame(one: readonly LawName[], other: readonly LawName[]): boolean {
  return one.length === other.length && one.every((law) => other.includes(law));
}

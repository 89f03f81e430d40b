// A reader's predictions for docs/study.md: a JSON file such as {"kill": [], "sql": ["L5", "L8"]},
// the laws that turn red, by exercise.
import type { LawName } from "../../../src/laws/law.ts";
import { type ExerciseName, exerciseNames } from "./exercise.ts";

export type Predictions = Readonly<Partial<Record<ExerciseName, readonly LawName[]>>>;

const lawNames = Array.from({ length: 14 }, (_, index) => `L${index + 1}`);

/** @throws Error with what is wrong, and where */
export function parsePredictions(text: string): Predictions {
  const found = parseJson(text);
  if (typeof found !== "object" || found === null || Array.isArray(found)) throw new Error(`it is not an object such as ${example}`);
  for (const [name, laws] of Object.entries(found)) {
    if (!(exerciseNames as readonly string[]).includes(name))
      throw new Error(`there is no exercise ${JSON.stringify(name)}; there are ${exerciseNames.join(", ")}`);
    if (!Array.isArray(laws)) throw new Error(`${name}: not a list of laws such as ["L3"]; an empty list means that no law turns red`);
    const wrong = laws.find((law) => !lawNames.includes(law as string));
    if (wrong !== undefined) throw new Error(`${name}: there is no law ${JSON.stringify(wrong)}; there are L1 to L14`);
    if (new Set(laws).size !== laws.length) throw new Error(`${name}: a law is listed twice`);
  }
  return found as Predictions;
}

const example = '{"kill": [], "sql": ["L5"]}';

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
}

// The marks of an exercise, the predictions of a reader, and that docs/study.md says what is run.
// Nothing is started here.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { codeBlocksOf, readTable } from "../../../testing/markdown.ts";
import { loadScenario } from "../../break/scenarios/all.ts";
import { matrixCells } from "../../break/verify/cells.ts";
import { naiveSwitches } from "../variants/all.ts";
import { type Exercise, exerciseNames, gradeOf, markExercise, type Observation } from "./exercise.ts";
import { corruption, exercises, ruleOutSwitch } from "./exercises.ts";
import { parsePredictions } from "./predictions.ts";

const exercise: Exercise = { name: "sql", title: "a row is changed", command: "npm run lab -- grade --only sql", red: ["L5", "L8"] };

function found(verdicts: Record<string, "held" | "broken" | "nothing_to_check">, problems: string[] = []): Observation {
  const laws = Object.entries(verdicts).map(([law, verdict]) => ({ law: law as `L${1}`, verdict }));
  return { laws, problems, facts: {}, seconds: 1 };
}

describe("an exercise is as expected", () => {
  test("when exactly the expected laws are red, whatever their order", () => {
    const mark = markExercise(exercise, found({ L8: "broken", L5: "broken", L1: "held" }), null);
    expect(mark).toMatchObject({ is_as_expected: true, red: ["L5", "L8"], green: ["L1"], is_predicted: null });
  });

  test.each([
    ["one more is red", found({ L5: "broken", L8: "broken", L9: "broken", L1: "held" })],
    ["one is missing", found({ L5: "broken", L8: "held" })],
    ["one had nothing to check", found({ L5: "broken", L8: "nothing_to_check", L1: "held" })],
    ["something went wrong beside the laws", found({ L5: "broken", L8: "broken", L1: "held" }, ["a campaign never ended"])],
    ["no law compared anything", found({ L5: "nothing_to_check" })],
  ])("but not when %s", (_what, observation) => {
    expect(markExercise(exercise, observation, null).is_as_expected).toBe(false);
  });

  test("and none is expected only when a law has held", () => {
    const calm: Exercise = { ...exercise, red: [] };
    expect(markExercise(calm, found({ L1: "held", L11: "nothing_to_check" }), null).is_as_expected).toBe(true);
    expect(markExercise(calm, found({ L1: "nothing_to_check" }), null).is_as_expected).toBe(false);
    expect(markExercise(calm, found({}), null).is_as_expected).toBe(false);
  });

  test("a law that a witness saw broken is red, though it held at the end, and laws stand in the order of their numbers", () => {
    const laws = [
      { law: "L12", verdict: "held" },
      { law: "L8", verdict: "held" },
      { law: "L8", verdict: "broken" },
      { law: "L2", verdict: "held" },
    ] as const;
    const mark = markExercise({ ...exercise, red: ["L8"] }, { laws, problems: [], facts: {}, seconds: 1 }, null);
    expect(mark).toMatchObject({ red: ["L8"], green: ["L2", "L12"], is_as_expected: true });
  });
});

test("a reader is right about what turned red, not about what should have", () => {
  const seen = found({ L5: "broken", L1: "held" });
  expect(markExercise(exercise, seen, ["L5"])).toMatchObject({ is_as_expected: false, is_predicted: true });
  expect(markExercise(exercise, seen, ["L5", "L8"])).toMatchObject({ is_predicted: false });
  expect(markExercise(exercise, seen, [])).toMatchObject({ is_predicted: false });
  const marks = [markExercise(exercise, seen, ["L5"]), markExercise(exercise, seen, []), markExercise(exercise, seen, null)];
  expect(gradeOf(marks, 3)).toMatchObject({ exercises: 3, as_expected: 0, predicted: 2, predicted_rightly: 1 });
});

describe("predictions", () => {
  test("are laws by exercise, some or all", () => {
    expect(parsePredictions('{"kill": [], "sql": ["L5", "L14"]}')).toEqual({ kill: [], sql: ["L5", "L14"] });
    expect(parsePredictions("{}")).toEqual({});
  });

  test.each([
    ["", "it is not JSON"],
    ["{", "it is not JSON"],
    ["[]", "it is not an object"],
    ["null", "it is not an object"],
    ["7", "it is not an object"],
    ['{"murder": []}', 'there is no exercise "murder"; there are kill,'],
    ['{"__proto__": []}', 'there is no exercise "__proto__"'],
    ['{"kill": "L1"}', "kill: not a list of laws"],
    ['{"kill": null}', "kill: not a list of laws"],
    ['{"kill": ["L15"]}', 'kill: there is no law "L15"'],
    ['{"kill": ["l1"]}', 'kill: there is no law "l1"'],
    ['{"kill": [1]}', "kill: there is no law 1"],
    ['{"kill": ["L1", "L1"]}', "kill: a law is listed twice"],
  ])("that read %s are refused", (text, reason) => {
    expect(() => parsePredictions(text)).toThrow(reason);
  });
});

describe("docs/study.md", () => {
  const study = readFileSync(join(import.meta.dirname, "..", "..", "..", "docs", "study.md"), "utf8");
  const table = (name: string): string[][] => readTable(study, name);

  test("has every exercise in its order, with the laws that turn red", () => {
    expect(exercises.map(({ name }) => name)).toEqual([...exerciseNames]);
    const rows = table("exercises").map(([link, , red]) => [/^\[(.+?)\]/.exec(link ?? "")?.[1], red]);
    expect(rows).toEqual(exercises.map(({ name, red }) => [name, red.length === 0 ? "none" : red.join(", ")]));
  });

  test("has the command of each, alone in a block", () => {
    const blocks = codeBlocksOf(study).map((block) => block.trim());
    for (const { command } of exercises) expect(blocks).toContain(command);
  });

  test("changes the row that the exercise changes", () => {
    const shown = codeBlocksOf(study).find((block) => block.includes("update bulksms_info")) ?? "";
    const statement = /update bulksms_info.*?limit 1\)/s.exec(shown)?.[0] ?? "";
    expect(statement.replaceAll("$$", "'").replaceAll(/\s+/g, " ")).toBe(corruption);
  });

  test("names scenarios and a switch that exist", async () => {
    const cells = (await matrixCells()).map(({ name }) => name);
    for (const { command } of exercises) {
      const [, kind, name = ""] = /^npm run lab -- (run|naive|grade) (\S+)/.exec(command) ?? [];
      if (kind === "run") expect(cells.includes(name) || (await loadScenario(name)) !== null, name).toBe(true);
      if (kind === "naive") expect(name).toBe(ruleOutSwitch);
    }
    const shows = naiveSwitches.find(({ name }) => name === ruleOutSwitch)?.shows;
    expect(shows).toEqual({ laws: exercises.find(({ name }) => name === "rule-out")?.red });
  });
});

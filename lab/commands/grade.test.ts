// `lab grade` by its command line: what it refuses before anything is started.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure } from "../../src/cli/failure.ts";
import { exitCodes } from "../../src/cli/report_error.ts";
import { exerciseNames } from "../prove/grade/exercise.ts";
import { chosenNames, readPredictions } from "./grade.ts";

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

test("exercises are named one by one, with spaces or without; none named means all", () => {
  expect(chosenNames("kill, sql")).toEqual(["kill", "sql"]);
  expect(chosenNames("")).toEqual([]);
});

test("an unknown exercise is wrong use, and the known ones are named", () => {
  const failure = failureOf(() => chosenNames("kill,murder"));
  expect(failure.exitCode).toBe(exitCodes.wrongUse);
  expect(failure.message).toContain("murder");
  for (const name of exerciseNames) expect(failure.why).toContain(name);
});

describe("predictions", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "bulksms-predictions-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const fileOf = (text: string): string => {
    const file = join(folder, "predictions.json");
    writeFileSync(file, text);
    return file;
  };

  test("are read from a file", () => {
    expect(readPredictions(fileOf('{"kill": []}'))).toEqual({ kill: [] });
  });

  test.each([
    ["a file that is not there", () => join(folder, "nowhere.json"), "ENOENT"],
    ["a folder", () => folder, "EISDIR"],
    ["a file that is not JSON", () => fileOf("L5"), "it is not JSON"],
    ["an unknown law", () => fileOf('{"kill": ["L0"]}'), 'there is no law "L0"'],
  ])("of %s are wrong use, and the reason is said", (_what, file, reason) => {
    const failure = failureOf(() => readPredictions(file()));
    expect(failure.exitCode).toBe(exitCodes.wrongUse);
    expect(failure.why).toContain(reason);
  });
});

import { expect, test } from "vitest";
import { randomRuns, runsFactor, runsFactorOf } from "./random_runs.ts";

test("TEST_RUNS multiplies the runs of every random test, and is 1 where it is not set", () => {
  expect([runsFactorOf(undefined), runsFactorOf("1"), runsFactorOf("250")]).toEqual([1, 1, 250]);
  expect(randomRuns(40)).toBe(40 * runsFactor);
});

test.each(["", "0", "-1", "1.5", "1e3", " 5", "many", "100000"])("TEST_RUNS=%s is refused", (text) => {
  expect(() => runsFactorOf(text)).toThrow("TEST_RUNS");
});

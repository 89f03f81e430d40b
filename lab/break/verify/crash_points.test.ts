import { expect, test } from "vitest";
import { failpointNames, failpoints } from "../../../src/contracts/failpoints.ts";
import { experiments } from "./crash_experiments.ts";
import { impossible, outcomes } from "./crash_points.ts";

test("each crash point is tried, or is listed with the reason why it cannot exist", () => {
  const points = Array.from({ length: 49 }, (_, index) => `C${String(index + 1).padStart(2, "0")}`);
  expect(Object.keys(outcomes)).toEqual(points);
  const tried = new Set<string>([
    ...failpointNames.map((name) => failpoints[name].point),
    ...experiments.map(({ point }) => point),
    ...Object.keys(impossible),
  ]);
  expect(points.filter((point) => !tried.has(point))).toEqual([]);
});

import { expect, test } from "vitest";
import { createClock } from "./clock.ts";

test("a machine that slept wakes at the time of day, and a clock that is set back does not turn the simulator's back", () => {
  let wall = 1_000_000;
  let steady = 50;
  const now = createClock({ wallMs: () => wall, steadyMs: () => steady });
  const pass = (wallMs: number, steadyMs: number) => {
    wall += wallMs;
    steady += steadyMs;
    return now();
  };
  expect(now()).toBe(1_000_000);
  expect(pass(10, 10)).toBe(1_000_010);
  expect(pass(8 * 3_600_000, 5)).toBe(1_000_010 + 8 * 3_600_000);
  expect(pass(-3_600_000, 7)).toBe(1_000_017 + 8 * 3_600_000);
});

import { expect, test } from "vitest";
import { paceOf } from "./use_pace.ts";

test("the pace is what ended over the time since, and the rest is foretold by it", () => {
  const samples = [
    { atMs: 1_000, final: 100 },
    { atMs: 4_000, final: 400 },
  ];
  expect(paceOf(samples, 5_000, 1_000)).toEqual({ perS: 75, leftS: 8 });
});

test("nothing is foretold before something has moved, and nothing is left at the end", () => {
  expect(paceOf([{ atMs: 0, final: 7 }], 9_000, 10)).toEqual({ perS: null, leftS: null });
  expect(
    paceOf(
      [
        { atMs: 0, final: 0 },
        { atMs: 1_000, final: 10 },
      ],
      2_000,
      10,
    ).leftS,
  ).toBe(0);
});

test("the first few ends have a pace and foretell nothing: all others come behind them", () => {
  const samples = [
    { atMs: 0, final: 0 },
    { atMs: 1_000, final: 10 },
  ];
  expect(paceOf(samples, 2_000, 1_000)).toEqual({ perS: 5, leftS: null });
});

import fc from "fast-check";
import { expect, test } from "vitest";
import { parseWholeNumber, readDecimalNumber, readWholeNumber } from "./number_options.ts";

const range = { min: 0, max: 100_000 };
const foreign = [
  "",
  " ",
  "1e3",
  "0x10",
  "0b1",
  "0o7",
  "+5",
  "-5",
  " 5",
  "5 ",
  "5\n",
  "1_000",
  "1,000",
  "５",
  "٣",
  "Infinity",
  "NaN",
  "1".repeat(400),
];

test("decimal digits alone are a whole number; what else JavaScript takes for one is not", () => {
  for (const text of [...foreign, "5.0", "5.", ".5"]) expect(readWholeNumber(text, range), JSON.stringify(text)).toBeNull();
  fc.assert(fc.property(fc.nat({ max: range.max }), (value) => readWholeNumber(String(value), range) === value));
  fc.assert(fc.property(fc.string(), (text) => /^[0-9]+$/.test(text) || readWholeNumber(text, range) === null));
});

test("a decimal number may have one point between digits", () => {
  for (const text of [...foreign, "5.", ".5", "1.2.3"]) expect(readDecimalNumber(text, range), JSON.stringify(text)).toBeNull();
  expect([readDecimalNumber("0.05", range), readDecimalNumber("12", range)]).toEqual([0.05, 12]);
});

test("outside of the range is refused with the range, or with the words given for it", () => {
  expect(parseWholeNumber({ min: 1, max: 9 })("9")).toBe(9);
  for (const text of ["0", "10", "1e0"]) expect(() => parseWholeNumber({ min: 1, max: 9 })(text)).toThrow("a whole number from 1 to 9");
  expect(() => parseWholeNumber({ min: 1, max: 9 }, "a port")("0")).toThrow("a port");
});

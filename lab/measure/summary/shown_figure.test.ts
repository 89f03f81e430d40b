import { expect, test } from "vitest";
import { formatFigure, formatInterval } from "./shown_figure.ts";

test("a figure has three digits that count", () => {
  const shown = [12_345.6, 678.4, 99.96, 12.34, 9.996, 1.234, 0.1234, 0.0123, 0].map(formatFigure);
  expect(shown).toEqual(["12,346", "678", "100", "12.3", "10.0", "1.23", "0.12", "0.012", "0"]);
});

test("an interval says when it is worth less than 95 %", () => {
  expect(formatInterval({ low: 11.9, high: 13.1, coverage: 0.95, count: 8 })).toBe("11.9 to 13.1");
  expect(formatInterval({ low: 11.9, high: 13.1, coverage: 0.75, count: 3 })).toBe("11.9 to 13.1 (75 %)");
  expect(formatInterval({ low: 12, high: 12, coverage: 0, count: 1 })).toBe("measured once");
});

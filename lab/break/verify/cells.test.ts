import { expect, test } from "vitest";
import { linkNames } from "../../../testing/links/links.ts";
import { matrixCells } from "./cells.ts";

test("the matrix has every link by every mode, and no name twice", async () => {
  const names = (await matrixCells()).map(({ name }) => name);
  expect(linkNames).toHaveLength(16);
  for (const link of linkNames) expect(names.filter((name) => name.startsWith(`link-${link}-`))).toHaveLength(5);
  expect(new Set(names).size).toBe(names.length);
});

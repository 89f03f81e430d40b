import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { longFiles } from "./long_files_first.ts";

test("each file that is to run first exists, and stands once", () => {
  expect(longFiles.filter((file) => !existsSync(join(import.meta.dirname, "..", file)))).toEqual([]);
  expect(new Set(longFiles).size).toBe(longFiles.length);
});

// Comments are read beside code on half a screen: none is wider than 100 columns.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const widthMax = 100;
/** Instructions to tools are one line by their nature, and so is a link. */
const isOneLine = (text: string): boolean => /biome-ignore|@ts-expect-error|https?:\/\/\S+\s*(\*\/)?$/.test(text);

test("no comment is wider than 100 columns", () => {
  const files = ["src", "lab", "testing", "bin", "examples"].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).map((name) => posix.join(top, name)),
  );
  const sources = files.filter((file) => /\.(ts|tsx|mjs|js)$/.test(file) && !file.startsWith("src/contracts/generated/"));
  expect(sources.length).toBeGreaterThan(300);
  const wide = sources.flatMap((file) =>
    readFileSync(join(root, file), "utf8")
      .split("\n")
      .flatMap((line, at) => (/^\s*(\/\/|\/?\*)/.test(line) && line.length > widthMax && !isOneLine(line) ? [`${file}:${at + 1}`] : [])),
  );
  expect(wide).toEqual([]);
});

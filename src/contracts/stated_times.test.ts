// Times that people read (help, pages, descriptions of the API, errors) come from the constants
// that they speak of: a figure written out would stay when its constant changes.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const number = String.raw`(?:\d[\d.,]*|two|three|five|ten|fifteen|twenty|thirty|sixty)`;
const statedTime = new RegExp(String.raw`(?<![\w$.:{/-])${number} ?(?:ms|s|seconds?|min|minutes?|h|hours?|days?)\b(?![\w:])`);

/** Examples of a form and descriptions of choices, which speak of no constant. */
const examples = [
  "for example --deadline 72h",
  "45s, 30m, 72h, 3d",
  "2.5 s each way", // the lab's page: what its button does, contracts/lab_console.ts
  "ten days", // a signature that is older than any tolerance
];
/** Of SQL, Postgres' settings and drawings: nobody reads them. */
const isMachines = (line: string): boolean => /interval '1 |_timeout: "|d={`/.test(line);

const isText = (line: string): boolean => /["'`]|^[A-Z ]/.test(line) && !/^\s*(?:\/\/|\/?\*)/.test(line);
const withoutComment = (line: string): string => line.replace(/(?:^|\s)\/\/ .*$/, "").replace(/\/\*\*?.*?\*\//g, "");

test("no text for people states a time as a figure of its own", () => {
  const found: string[] = [];
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!/\.tsx?$/.test(entry.name) || /\.test\.tsx?$|\/generated\//.test(path)) continue;
    for (const [at, line] of readFileSync(path, "utf8").split("\n").entries()) {
      const text = withoutComment(line);
      if (isText(text) && !isMachines(text) && statedTime.test(text) && !examples.some((example) => text.includes(example)))
        found.push(`${path.slice(root.length)}:${at + 1} ${text.trim()}`);
    }
  }
  expect(found).toEqual([]);
});

test("such a figure would be found", () => {
  for (const text of ['"within ten minutes"', '"refused within 30 s"', "`older than 300 s.`", '"within 10 minutes"'])
    expect(isText(text) && statedTime.test(text), text).toBe(true);
});

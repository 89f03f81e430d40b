// `lab compare` with files: what it says of runs that agree, that do not, and of what is not a run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { exitCodes } from "../../src/cli/report_error.ts";
import { createTerminal } from "../../src/cli/terminal.ts";
import { madeUpResults, runAt } from "../measure/benchmark/made_up_results.ts";
import { compareFiles } from "./compare.ts";

const folder = mkdtempSync(join(tmpdir(), "bulksms-compare-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileOf(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const resultsAt = (...rates: number[]) => madeUpResults(rates.map((rate) => ({ batched: runAt(rate), original: runAt(1) })));
const fifty = fileOf("fifty.json", JSON.stringify(resultsAt(48, 49, 50, 51, 52, 53)));
const sixty = fileOf("sixty.json", JSON.stringify(resultsAt(58, 59, 60, 61, 62, 63)));

function compared(first: string, second: string): { code: number; text: string } {
  let text = "";
  const code = compareFiles(first, second, createTerminal({ write: (more: string) => (text += more) }, {}));
  return { code, text };
}

test("runs whose intervals all overlap: exit code 0", () => {
  const { code, text } = compared(fifty, fifty);
  expect(code).toBe(exitCodes.ok);
  expect(text).toMatch(/the intervals of all \d+ figures overlap/);
});

test("one interval apart: exit code 1, and its name on the last line", () => {
  const { code, text } = compared(fifty, sixty);
  expect(code).toBe(exitCodes.failed);
  expect(text.trimEnd().split("\n").at(-1)).toMatch(/^ {2}1 of \d+ figures do not overlap: batched_to_original$/);
});

test.each([
  ["a file that is not there", join(folder, "none.json"), /ENOENT/],
  ["no JSON", fileOf("text.json", "rounds: 5"), /JSON/],
  ["the line that benchmark --json used to print", fileOf("old.json", '{"batched_per_s":50000}'), /its schema is not named/],
])("%s: exit code 2 with the reason", (_, file, reason) => {
  for (const [first, second] of [
    [file, fifty],
    [fifty, file],
  ] as const) {
    expect(() => compared(first, second)).toThrow(
      expect.objectContaining({ exitCode: exitCodes.wrongUse, why: expect.stringMatching(reason) }),
    );
  }
});

test("runs without a common figure: exit code 2, never agreement", () => {
  const disk = fileOf("disk.json", JSON.stringify(madeUpResults([{ disk_sync: runAt(1) }])));
  expect(() => compared(fifty, disk)).toThrow(expect.objectContaining({ exitCode: exitCodes.wrongUse }));
});

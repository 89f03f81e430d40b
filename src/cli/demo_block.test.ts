// README shows what `npm run demo` prints. Contacts, rejects, parts and cost of its block are those
// that the import's own reader and judge find.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { codeBlocksOf } from "../../testing/markdown.ts";
import { firstPricing } from "../../testing/prices.ts";
import { createColumnSample } from "../contacts/csv/column_sample.ts";
import { findColumns } from "../contacts/csv/columns.ts";
import { createCsvReader } from "../contacts/csv/csv_reader.ts";
import { createRowJudge } from "../contacts/csv/row_verdicts.ts";
import { formatCredits } from "../contracts/credits.ts";
import { settings } from "../contracts/settings.ts";
import type { RejectReason } from "../contracts/states.ts";
import { compileTemplate } from "../sms/template.ts";
import { studentsFile, studentsText } from "./demo.ts";
import { renderReasons } from "./status.ts";
import { formatCount, formatCreditText } from "./terminal.ts";

interface Judged {
  rows: number;
  contacts: number;
  parts: number;
  rejects: Partial<Record<RejectReason, number>>;
  /** Why this phone column, in a sentence. */
  phoneColumn: string;
}

/** As POST /create judges the demo's file, with the settings that a fresh clone has. */
function judgeDemo(): Judged {
  const compiled = compileTemplate(studentsText);
  if (!("template" in compiled)) throw new Error(`the demo's text cannot be compiled at ${compiled.problem.at}`);
  const { template } = compiled;
  const reader = createCsvReader();
  const judged: Judged = { rows: 0, contacts: 0, parts: 0, rejects: {}, phoneColumn: "" };
  const first = reader.push(readFileSync(studentsFile));
  const { header } = reader;
  if (header === null) throw new Error("the demo's file has no header");
  const country = settings.BULKSMS_DEFAULT_COUNTRY.default;
  const sample = createColumnSample(header.cells, { country });
  sample.add(first);
  sample.add(reader.end());
  const columns = findColumns(header.cells, { phone: null, template, line: header.line, judge: sample.verdict });
  judged.phoneColumn = columns.verdict.description;
  const judge = createRowJudge({ template, columns, country, partsMax: settings.BULKSMS_TEXT_PARTS_MAX.default });
  for (const rows of sample.rows) {
    for (let row = 0; row < rows.count; row += 1) {
      const verdict = judge.judge(rows, row);
      judged.rows += 1;
      if (typeof verdict === "string") judged.rejects[verdict] = (judged.rejects[verdict] ?? 0) + 1;
      else {
        judged.contacts += 1;
        judged.parts += verdict.parts;
      }
    }
  }
  return judged;
}

describe("README's demo block", () => {
  let block = "";
  let judged: Judged;

  beforeAll(() => {
    const readme = readFileSync(fileURLToPath(new URL("../../README.md", import.meta.url)), "utf8");
    block = codeBlocksOf(readme).find((text) => text.includes("$ npm run demo")) ?? "";
    judged = judgeDemo();
  });

  it("has the rows, contacts and rejects of the file", () => {
    const rejected = judged.rows - judged.contacts;
    const line = block.split("\n").find((text) => text.includes(basename(studentsFile)));
    expect(line).toContain(
      `${formatCount(judged.rows)} rows → ${formatCount(judged.contacts)} contacts · ${formatCount(rejected)} rejected`,
    );
    const shown = /rejected (\(.*), \.\.\.\)$/.exec(line ?? "")?.[1];
    expect(renderReasons(judged.rejects, Number.POSITIVE_INFINITY)).toContain(shown);
  });

  it("names the column of the numbers below the file, as the demo does", () => {
    const lines = block.split("\n").map((line) => line.trim());
    expect(lines[lines.findIndex((line) => line.startsWith(basename(studentsFile))) + 1]).toBe(judged.phoneColumn);
  });

  it("has the parts and the cost of the demo's text", () => {
    const cost = formatCredits(BigInt(firstPricing.costAtMost(judged.parts)));
    expect(block).toContain(`${formatCount(judged.parts)} parts, cost ${formatCreditText(cost)} credits`);
  });

  it("adds up: its ends are its contacts, its credit falls by its parts", () => {
    const number = (text = ""): number => Number(text.replaceAll(",", ""));
    const ends = /delivered ([\d,]+) · undelivered ([\d,]+) · failed ([\d,]+) · expired ([\d,]+)/.exec(block) ?? [];
    expect(ends.slice(1).reduce((sum, count) => sum + number(count), 0)).toBe(judged.contacts);
    const [, before, after, parts] = /credit ([\d,.]+) → ([\d,.]+) = ([\d,]+) parts × 0\.1/.exec(block) ?? [];
    expect(Math.round(10 * (number(before) - number(after)))).toBe(number(parts));
    expect(number(parts)).toBeLessThanOrEqual(judged.parts);
  });
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { measureText } from "../../sms/parts.ts";
import { compileTemplate } from "../../sms/template.ts";
import type { Rows } from "../rows.ts";
import { createCsvReader } from "./csv_reader.ts";
import { createRowJudge } from "./row_verdicts.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const partsMax = 3;

function rowsOf(file: string): Rows {
  const reader = createCsvReader();
  reader.push(Buffer.from(file));
  return reader.end();
}

describe("a row's verdict", () => {
  it(`counts the parts that the filled text has, whatever text and value are made of (seed ${seed})`, () => {
    // around the limits of one part: 160 septets, 80 characters of two, 70 units
    const words = fc.tuple(
      fc.constantFrom("a", " ", "€", "š", "😀", "\u00a0"),
      fc.constantFrom(0, 1, 34, 35, 36, 69, 70, 79, 80, 81, 160, 161),
    );
    const verdicts = new Set<string>();
    fc.assert(
      fc.property(words, words, fc.constantFrom("{v}", "{v}{v}"), ([around, aroundCount], [inside, insideCount], slot) => {
        const text = around.repeat(aroundCount) + slot;
        const value = inside.repeat(insideCount);
        const compiled = compileTemplate(text);
        if ("problem" in compiled) throw new Error(compiled.problem.reason);
        const { template } = compiled;
        const rows = rowsOf(`phone,v\n0401234567,${value}\n`);
        const judge = createRowJudge({ template, columns: { phone: 0, fields: [1] }, country: "FI", partsMax });
        const filled = template.fill([value.trim()]);
        const { parts, encoding } = measureText(filled);
        const verdict = judge.judge(rows, 0);
        if (value.trim() === "") expect(verdict).toBe("value_empty");
        else if (parts > partsMax) expect(verdict).toBe("text_too_many_parts");
        else {
          expect(verdict).toEqual({ msisdn: 358401234567, parts, fields: [value.trim()] });
          expect(judge.encodings[encoding]).toBe(1);
        }
        verdicts.add(typeof verdict === "string" ? verdict : `${encoding} ${parts}`);
      }),
      { seed, numRuns: randomRuns(300) },
    );
    expect([...verdicts]).toEqual(expect.arrayContaining(["value_empty", "text_too_many_parts", "gsm7 1", "gsm7 2", "ucs2 1", "ucs2 2"]));
  });

  it("lets a number be used once, and by a good row only", () => {
    const compiled = compileTemplate("{v}");
    if ("problem" in compiled) throw new Error(compiled.problem.reason);
    const rows = rowsOf("phone,v\n0401234567, \n+358 40 1234567,a\n0401234567,b\n");
    const judge = createRowJudge({ template: compiled.template, columns: { phone: 0, fields: [1] }, country: "FI", partsMax });
    expect([0, 1, 2].map((row) => judge.judge(rows, row))).toEqual([
      "value_empty",
      { msisdn: 358401234567, parts: 1, fields: ["a"] },
      "duplicate",
    ]);
  });

  it.each([
    ["Hi {v}!", "", "value_empty"],
    ["Hi {v}!", "  ", "value_empty"],
    ["Hi {v}!", "#N/A", "value_empty"],
    ["Hi {v}!", "#REF!", "value_empty"],
    ["Hi {v|student}!", "#N/A", { msisdn: 358401234567, parts: 1, fields: [""] }],
    ["Hi {v|}!", "", { msisdn: 358401234567, parts: 1, fields: [""] }],
    ["{v|}", "", "text_empty"],
    ["\u200b{v|}", "\u200b", "text_empty"],
    ["Hi {v}!", "Ma\u0308a\u0308tta\u0308", { msisdn: 358401234567, parts: 1, fields: ["Määttä"] }],
  ])("of %s for %j is %j", (text, value, expected) => {
    const compiled = compileTemplate(text);
    if ("problem" in compiled) throw new Error(compiled.problem.reason);
    const rows = rowsOf(`phone,v\n0401234567,${value}\n`);
    const options = { template: compiled.template, columns: { phone: 0, fields: [1] }, country: "FI", partsMax };
    expect(createRowJudge(options).judge(rows, 0)).toEqual(expected);
  });

  it("sends what is empty where that was chosen", () => {
    const compiled = compileTemplate("Hi {v}!");
    if ("problem" in compiled) throw new Error(compiled.problem.reason);
    const rows = rowsOf("phone,v\n0401234567,#N/A\n");
    const options = { template: compiled.template, columns: { phone: 0, fields: [1] }, country: "FI", partsMax, sendsEmptyValues: true };
    expect(createRowJudge(options).judge(rows, 0)).toEqual({ msisdn: 358401234567, parts: 1, fields: [""] });
  });
});

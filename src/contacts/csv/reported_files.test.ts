// Files that people reported against systems like this one, each with who is texted. The reader,
// the columns' judge and the rows' judge as one.
import { describe, expect, it } from "vitest";
import { isAppError } from "../../contracts/errors.ts";
import { compileTemplate } from "../../sms/template.ts";
import { createColumnSample } from "./column_sample.ts";
import { findColumns, type PhoneChoice } from "./columns.ts";
import { createCsvReader } from "./csv_reader.ts";
import { createRowJudge } from "./row_verdicts.ts";

interface Asked {
  text?: string;
  country?: string;
  phone?: PhoneChoice;
}

interface Texted {
  contacts: number[];
  rejected: string[];
  parts: number;
  column: string;
}

function judgeFile(csv: string, { text = "Hi", country = "FI", phone = null }: Asked = {}): Texted {
  const compiled = compileTemplate(text.normalize("NFC"));
  if ("problem" in compiled) throw new Error(compiled.problem.reason);
  const { template } = compiled;
  const reader = createCsvReader();
  // less than the reader judges its delimiter by: all rows come at the end
  reader.push(Buffer.from(csv));
  const rows = reader.end();
  const header = reader.header ?? { cells: [], line: 1 };
  const sample = createColumnSample(header.cells, { country });
  sample.add(rows);
  const columns = findColumns(header.cells, { phone, template, line: header.line, judge: () => sample.verdict() });
  const judge = createRowJudge({ template, columns, country, partsMax: 6 });
  const texted: Texted = { contacts: [], rejected: [], parts: 0, column: `${columns.verdict.column.index}: ${columns.verdict.why}` };
  for (const kept of sample.rows) {
    for (let row = 0; row < kept.count; row++) {
      const verdict = judge.judge(kept, row);
      if (typeof verdict === "string") texted.rejected.push(verdict);
      else {
        texted.contacts.push(verdict.msisdn);
        texted.parts += verdict.parts;
      }
    }
    texted.rejected.push(...kept.rejected.map(({ reason }) => reason));
  }
  return texted;
}

function refusalOf(csv: string, asked: Asked = {}): { code: string; message: string } {
  try {
    judgeFile(csv, asked);
  } catch (error) {
    if (isAppError(error)) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: "taken", message: "" };
}

const ada = 358401234501;
const ben = 358401234502;

describe("a reported file", () => {
  it.each<[string, string, Asked, number[], string[]]>([
    [
      "member numbers beside",
      "Name,Number,Contact Number\nAda,4512345,0401234501\nBen,4512346,0401234502\n",
      { text: "Hi {name}" },
      [ada, ben],
      [],
    ],
    ["a column without a name", "Name,Number,\nAda,4512345,0401234501\nBen,4512346,0401234502\n", { text: "Hi {name}" }, [ada, ben], []],
    [
      "calls abroad from Australia",
      "name,phone\nAda,0011 65 9812 3450\nBen,0011 44 7911 123456\nCy,0412 345 678\n",
      { country: "AU" },
      [6598123450, 447911123456, 61412345678],
      [],
    ],
    [
      "calls abroad from Hong Kong",
      "name,phone\nAda,001 65 9812 3456\nBen,001 47 9323 4567\nCy,001 44 7911 123456\n",
      { country: "HK" },
      [6598123456, 4793234567, 447911123456],
      [],
    ],
    ["footnotes", "name,phone\nAda,0403334501¹\nBen,0403334502 ②\nCy,0403334503\n", {}, [358403334501, 358403334502, 358403334503], []],
    [
      "suffixes",
      "name,phone\nAda,0402234508 / 9\nBen,0402234512 (2)\nCy,0402234515 [3]\nDi,040-2234517-1\nEd,0402234519\n",
      {},
      [358402234519],
      ["msisdn_invalid", "msisdn_invalid", "msisdn_invalid", "msisdn_invalid"],
    ],
    ["a date and an amount", "name,phone\nAda,4.5.2024\nCy,450 000\nBen,0401234502\n", {}, [ben], ["msisdn_invalid", "msisdn_invalid"]],
    [
      "Germans without plus",
      "name,phone\nAda,4915112345671\nBen,49 160 1234567\nCy,49(0)1622897307\nDi,+4915112345674\n",
      { country: "DE" },
      [4915112345671, 491601234567, 491622897307, 4915112345674],
      [],
    ],
    [
      "calls abroad from the United States",
      "name,phone\nAda,011 86 138 0013 8000\nBen,011 49 1511 2345678\nCy,202 555 0101\n",
      { country: "US" },
      [8613800138000, 4915112345678, 12025550101],
      [],
    ],
    [
      "Google Contacts",
      "First Name,Last Name,Labels,Phone 1 - Label,Phone 1 - Value\nAda,L,* myContacts,Mobile,+358 40 1234501\nBen,M,* myContacts,Mobile,+358 40 1234502 ::: +358 50 1234502\n",
      {},
      [ada],
      ["msisdn_invalid"],
    ],
    ["a usual header", "Name,Mobile No\nAda,0401234501\n", {}, [ada], []],
    ["unused columns of one name", "phone,Notes,Notes\n0401234501,a,b\n", {}, [ada], []],
    ["floats", "name,phone\nAda,358402234531.0\nBen,402234532.0\n", {}, [358402234531, 358402234532], []],
    [
      "invisible characters in numbers",
      "phone\n\u200c0401234501\n040\u00ad1234502\n040\ufe0d1234503\n0401234504\u2064\n\u180e0401234505\n0401234506\n",
      {},
      [1, 2, 3, 4, 5, 6].map((last) => 358401234500 + last),
      [],
    ],
    [
      "signs of Japanese keyboards",
      "phone\n090ー1234ー5675\n’090-1234-5676\n+0081 90 1234 5677\n",
      { country: "JP" },
      [819012345675, 819012345676, 819012345677],
      [],
    ],
    ["Bengali digits", "name,phone\nAda,০১৭১২৩৪৫৬৭৪\nBen,01712345675\n", { country: "BD" }, [8801712345674, 8801712345675], []],
    ["columns without names", `phone,name${",".repeat(200)}\n0401234501,Ada${",".repeat(200)}\n`, {}, [ada], []],
    ["a column named constructor", "phone,constructor\n0401234501,Ferrari\n", {}, [ada], []],
    [
      "empty values",
      "phone,name\n0401234501,Ada\n0401234502,\n0401234503,  \n",
      { text: "Hi {name}!" },
      [ada],
      ["value_empty", "value_empty"],
    ],
    [
      "errors of a spreadsheet",
      "phone,name\n0401234501,Ada\n0401234502,#N/A\n0401234503,#REF!\n",
      { text: "Hi {name}" },
      [ada],
      ["value_empty", "value_empty"],
    ],
    ["an invisible character in a header", "phone,name\u200b\n0401234501,Ada\n", { text: "Hi {name}!" }, [ada], []],
    ["three braces", "phone,name\n0401234501,Ada\n", { text: "Hi {{{name}}}" }, [ada], []],
  ])("with %s", (_kind, csv, asked, contacts, rejected) => {
    const texted = judgeFile(csv, asked);
    expect(texted.contacts).toEqual(contacts);
    expect(texted.rejected).toEqual(rejected);
  });

  it("with a decomposed name costs what a composed one does", () => {
    const text = `Hei {name}, ${"a".repeat(115)}`;
    expect(judgeFile("phone,name\n0401234501,Ma\u0308a\u0308tta\u0308\n", { text }).parts).toBe(1);
  });

  it("with two columns of phone numbers texts nobody until one is named", () => {
    const csv = "Name,Phone,Mobile 2\nAda,0401234501,\nBen,0401234502,0501234502\nCy,0401234503,\n";
    expect(refusalOf(csv)).toEqual({
      code: "phone_column_ambiguous",
      message:
        'Two columns hold phone numbers: "Phone" has 3 and "Mobile 2" has 1 of the first rows. Name the one to text with phone_column.',
    });
    expect(judgeFile(csv, { phone: { name: "mobile  2" } }).contacts).toEqual([358501234502]);
    expect(judgeFile(csv, { phone: { index: 1 } }).contacts).toHaveLength(3);
  });

  it.each([
    ["Ada,0401234501\nBen,0401234502\n", {}],
    ["0401234501\n0401234502\n", {}],
    ["+358 40 123 4501,x\n+358 40 123 4502,y\n", {}],
    ["Ada,040-1234501\nBen,0401234502\n", { phone: { index: 1 } }],
  ])("without a row of names is refused: its first person would never be texted", (csv, asked) => {
    expect(refusalOf(csv, asked)).toMatchObject({ code: "csv_header_missing", message: expect.stringMatching(/Put a row with the names/) });
    expect(judgeFile(`name,phone 2026\nAda,0401234501\n`).contacts).toHaveLength(1);
  });

  it("with another system's placeholder is refused with the right spelling", () => {
    const csv = "phone,name\n0401234501,Ada\n";
    expect(refusalOf(csv, { text: "Hi ((name))!" })).toEqual({
      code: "text_invalid",
      message: "Everybody would read ((name)) as it stands; write {name} for the column.",
    });
    expect(refusalOf(csv, { text: "Hi {{name}}!" }).code).toBe("text_invalid");
  });

  it("with 50 kB of header is refused in one line", () => {
    const csv = `${Array.from({ length: 250 }, (_, index) => "x".repeat(200) + index).join(",")}\n${"a,".repeat(249)}a\n`;
    const { code, message } = refusalOf(csv);
    expect(code).toBe("csv_phone_column_missing");
    expect(message.length).toBeLessThan(600);
    expect(refusalOf(csv, { text: "Hi {name}", phone: { index: 0 } }).message.length).toBeLessThan(600);
  });
});

// What the page's worker says about a file; the import's own judges have their tests beside them.
import { describe, expect, test } from "vitest";
import { firstPriceList } from "../../../testing/prices.ts";
import { makeWorkbook, phoneRows, textRow } from "../../../testing/workbooks.ts";
import { answerOfList } from "../../contracts/prices.ts";
import { judgeFile } from "./judge_file.ts";
import { type Judgement, type JudgeRequest, noChoices } from "./judgement.ts";

let lastId = 0;
const priceList = answerOfList(firstPriceList);

async function judge(bytes: string | Uint8Array, asked: Partial<JudgeRequest> = {}): Promise<Judgement> {
  const part = typeof bytes === "string" ? bytes : new Uint8Array(bytes);
  // each has another time, as files on a disk have: the encoding is judged once for the same file
  const file = new File([part], "list.csv", { lastModified: ++lastId });
  const request = { id: lastId, file, text: "Hi", country: "FI", partsMax: 10, priceList, countries: null, ...noChoices, ...asked };
  const judgement = await judgeFile(request, { onNews: () => {}, isWanted: () => true });
  if (judgement === null) throw new Error("nobody wanted it");
  return judgement;
}

const latin1 = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const utf16 = (text: string, isBigEndian: boolean) => {
  const bytes = Buffer.from(`\ufeff${text}`, "utf16le");
  return Uint8Array.from(isBigEndian ? bytes.swap16() : bytes);
};

describe("a CSV file", () => {
  const list = "etunimi;puhelin\r\nVäinö;040 123 4501\r\nÄiti;0401234502\r\n";

  test.each([
    ["utf-8", new TextEncoder().encode(list)],
    ["utf-8", new TextEncoder().encode(`\ufeffsep=;\r\n${list}`)],
    ["utf-16le", utf16(list, false)],
    ["utf-16be", utf16(list, true)],
    ["windows-1252", latin1(list)],
  ])("in %s is read by its bytes, and its column is told with the reason", async (encoding, bytes) => {
    const { file, contacts, phone, phoneReason, goodRows, problem, question } = await judge(bytes, { text: "Hei {etunimi}" });
    expect({ contacts, phone, problem, question }).toEqual({ contacts: 2, phone: 1, problem: null, question: null });
    expect(file).toMatchObject({ kind: "csv", encoding });
    expect(phoneReason).toContain('"puhelin"');
    expect(goodRows[0]?.[0]).toBe("Väinö");
  });

  test("has no more contacts than its carrier sends to", async () => {
    const bytes = "phone\n040 123 4501\n+46701740610\n+4520123456\n";
    const { contacts, rejects } = await judge(bytes, { countries: ["FI", "SE"] });
    expect({ contacts, rejects }).toEqual({
      contacts: 2,
      rejects: { destination_not_allowed: { count: 1, lines: [{ line: 4, value: "+4520123456" }] } },
    });
    expect((await judge(bytes)).contacts).toBe(3);
  });

  test("whose bytes mean two things asks with both readings, and takes the choice", async () => {
    const bytes = latin1("name,phone\nma\u00a4ana,0401234501\n");
    const asked = await judge(bytes);
    expect(asked.question).toEqual({
      kind: "encoding",
      line: 2,
      choices: [
        { encoding: "windows-1252", reading: expect.stringContaining("ma¤ana") },
        { encoding: "iso-8859-15", reading: expect.stringContaining("ma€ana") },
      ],
    });
    expect({ problem: asked.problem, contacts: asked.contacts }).toEqual({ problem: null, contacts: 0 });
    const chosen = await judge(bytes, { encoding: "iso-8859-15" });
    expect({ question: chosen.question, cells: chosen.firstRows[0] }).toEqual({ question: null, cells: ["ma€ana", "0401234501"] });
  });

  test("with two phone columns asks by their places, though their names are alike, and takes the choice", async () => {
    const bytes = "phone,phone\n0401234501,0401234601\n0401234502,0401234602\n";
    const { question, phone, header, firstRows } = await judge(bytes);
    expect(question).toMatchObject({
      kind: "column",
      choices: [
        { index: 0, numbers: 2 },
        { index: 1, numbers: 2 },
      ],
    });
    expect({ phone, header, rows: firstRows.length }).toEqual({ phone: null, header: ["phone", "phone"], rows: 2 });
    expect(await judge(bytes, { phoneColumn: 1 })).toMatchObject({ question: null, phone: 1, contacts: 2 });
  });

  test("keeps the lines of its rejects by reason, broken rows with them", async () => {
    const rows = "A,123\nB,040 123 4501\nC,+358401234501\nD,not a number,more\nE,\n";
    const { rejects, contacts } = await judge(`name,phone\n${rows}`);
    expect(contacts).toBe(1);
    expect(rejects).toMatchObject({
      msisdn_too_short: { count: 1, lines: [{ line: 2, value: "123" }] },
      duplicate: { count: 1, lines: [{ line: 4, value: "+358401234501" }] },
      row_ragged: { count: 1, lines: [{ line: 5, value: "not a number" }] },
      msisdn_missing: { count: 1, lines: [{ line: 6, value: "" }] },
    });
  });

  test("in which nobody can be texted keeps the reasons, and is no problem of the file", async () => {
    const { problem, contacts, rejects } = await judge("name,phone\nA,123\nB,09 1234567\nC,\n");
    expect({ problem, contacts }).toEqual({ problem: null, contacts: 0 });
    expect(Object.keys(rejects).sort()).toEqual(["msisdn_missing", "msisdn_not_mobile", "msisdn_too_short"]);
  });

  test("that is none, or is empty, is a sentence", async () => {
    expect((await judge("BEGIN:VCARD\nVERSION:3.0\nTEL:+358401234501\nEND:VCARD\n")).problem?.description).toMatch(/vCard.*CSV/);
    expect((await judge("%PDF-1.7\n%âãÏÓ\n1 0 obj\n<< /Type /Catalog >>\n")).problem?.code).toBe("csv_not_text");
    expect((await judge("")).problem?.code).toBe("csv_empty");
    expect((await judge("name,phone\n")).problem?.code).toBe("csv_no_rows");
  });
});

describe("what cells do to the text", () => {
  const bytes = "first_name,phone\nAino,0401234501\n,0401234502\n#N/A,0401234503\nO\u2019Hara,0401234504\n";

  test("empty values reject their rows, unless there is a default or the choice is to send", async () => {
    const treated = async (text: string, sendsEmptyValues = false) => {
      const { contacts, emptyValues } = await judge(bytes, { text, sendsEmptyValues });
      return { contacts, emptyValues };
    };
    const empty = { column: "first_name", rows: 2 };
    expect(await treated("Hi {first_name}")).toEqual({ contacts: 2, emptyValues: [{ ...empty, treated_as: "rejected" }] });
    expect(await treated("Hi {first_name|you}")).toEqual({ contacts: 4, emptyValues: [{ ...empty, treated_as: "default" }] });
    expect(await treated("Hi {first_name}", true)).toEqual({ contacts: 4, emptyValues: [{ ...empty, treated_as: "sent_empty" }] });
    expect(await treated("Hi")).toEqual({ contacts: 4, emptyValues: [] });
  });

  test("characters that cost parts are named with what they cost, when they cost it", async () => {
    const costly = async (text: string) => (await judge(bytes, { text })).costlyCells;
    const apostrophe = { character: "\u2019", code_point: "U+2019", effect: "forces_ucs2", count: 1, suggestion: "'" };
    expect(await costly("Hi {first_name}")).toEqual({ characters: [apostrophe], extraParts: 0, extraMilli: 0 });
    expect(await costly(`Hi {first_name} ${"a".repeat(100)}`)).toEqual({ characters: [apostrophe], extraParts: 1, extraMilli: 100 });
    expect(await costly("Hi")).toEqual({ characters: [], extraParts: 0, extraMilli: 0 });
  });

  test("characters that count as two are named too, and what replacing them saves", async () => {
    const priced = "name,phone\n[Aino],0401234501\n5 €,0401234502\n";
    const { costlyCells } = await judge(priced, { text: `{name}${"a".repeat(154)}` });
    const named = costlyCells.characters.map(({ character, effect, suggestion }) => [character, effect, suggestion]);
    expect(named).toEqual([
      ["[", "costs_two", "("],
      ["]", "costs_two", ")"],
      ["€", "costs_two", null],
    ]);
    // [Aino] is 8 septets with 154 around it: 162, and 160 in round brackets
    expect(costlyCells.extraParts).toBe(1);
  });

  test("contacts are counted by country, most first", async () => {
    const { countries } = await judge("phone\n0401234501\n+46701740605\n0401234502\n", { text: "Hi" });
    expect(countries).toEqual([
      { country: "FI", contacts: 2, parts: 2 },
      { country: "SE", contacts: 1, parts: 1 },
    ]);
  });

  test("a text that does not fit the file leaves the numbers judged", async () => {
    const { problem, contacts } = await judge(bytes, { text: "Hi {nickname}" });
    expect({ code: problem?.code, contacts }).toEqual({ code: "text_column_missing", contacts: 4 });
  });
});

describe("a workbook", () => {
  const one = { name: "People", rows: phoneRows(3) };

  test("is read, its only sheet with phone numbers taken, its hidden rows left out and counted", async () => {
    const hidden = phoneRows(3).replace('<row><c t="inlineStr"><is><t>P1', '<row hidden="1"><c t="inlineStr"><is><t>P1');
    const notes = { name: "Notes", rows: textRow("read", "me") + textRow("a", "b") };
    const bytes = makeWorkbook({ sheets: [notes, { name: "People", rows: hidden }] });
    const { file, contacts, bytesRead } = await judge(bytes, { text: "Hi {name}" });
    expect(file).toMatchObject({ kind: "xlsx", sheet: "People", sheets: ["Notes", "People"], hidden_rows: 1 });
    expect({ contacts, bytesRead }).toEqual({ contacts: 2, bytesRead: bytes.length });
    expect((await judge(bytes, { withHiddenRows: true })).contacts).toBe(3);
  });

  test("names its hidden columns, and those that would have been meant", async () => {
    const before = '<cols><col min="2" max="2" hidden="1"/></cols>';
    const rows = `${textRow("name", "phone", "Contact")}${textRow("Ada", "0401234501", "0401234601")}${textRow("Ben", "0401234502", "0401234602")}`;
    const bytes = makeWorkbook({ sheets: [{ name: "People", rows, before }] });
    expect(await judge(bytes)).toMatchObject({ contacts: 2, phone: 1, file: { hidden_columns: ["phone"] }, header: ["name", "Contact"] });
    expect((await judge(bytes, { text: "Hi {phone}" })).problem?.description).toContain('"phone" is hidden in the workbook');
    expect(await judge(bytes, { withHiddenRows: true })).toMatchObject({ contacts: 2, phone: 1, file: { hidden_columns: [] } });
    const alone = makeWorkbook({ sheets: [{ name: "People", rows: textRow("name", "phone") + textRow("Ada", "0401234501"), before }] });
    const { problem, contacts } = await judge(alone);
    expect({ code: problem?.code, contacts }).toEqual({ code: "csv_phone_column_missing", contacts: 0 });
    expect(problem?.description).toMatch(/"phone" is hidden in the workbook and was left out: .*hidden_rows=include/);
  });

  test("with phone numbers in several sheets asks which", async () => {
    const bytes = makeWorkbook({ sheets: [one, { name: "Old", rows: phoneRows(5) }] });
    const { question } = await judge(bytes);
    expect(question).toEqual({
      kind: "sheet",
      choices: [
        { name: "People", numbers: 3 },
        { name: "Old", numbers: 5 },
      ],
    });
    expect(await judge(bytes, { sheet: "Old" })).toMatchObject({ question: null, contacts: 5 });
  });
});

test("a judgement that nobody wants any more is dropped", async () => {
  const file = new File(["phone\n0401234501\n"], "list.csv");
  const request: JudgeRequest = { id: 1, file, text: "Hi", country: "FI", partsMax: 10, priceList, countries: null, ...noChoices };
  expect(await judgeFile(request, { onNews: () => {}, isWanted: () => false })).toBeNull();
});

test("what a file costs follows the price list, each number by its destination", async () => {
  const prices = [
    { destination: "*", part: "0.12" },
    { destination: "358", part: "0.07" },
  ];
  const csv = "phone\n0401234501\n+46701234567\n0401234502\n";
  const { parts, costMilli } = await judge(csv, { priceList: { version: 2, prices } });
  expect({ parts, costMilli }).toEqual({ parts: 3, costMilli: 260 });
});

import { describe, expect, test } from "vitest";
import type { QuoteAnswer } from "../../contracts/quote.ts";
import { Problem } from "../api/api.ts";
import { type Judgement, noChoices } from "./judgement.ts";
import { carrierChange, formOf, nobodyJudgement, quoteChange, quotedJudgement } from "./send_request.ts";

const file = new File(["phone\n0401234501\n"], "list.csv");
const asked = { carrier: "telia", text: "Hi", sender: "Oulu", country: "FI", choices: noChoices };

describe("the form of a campaign", () => {
  test("names the column by its place, and only what was chosen", () => {
    expect(formOf(file, { phone: 0 }, asked).fields).toEqual({
      ...{ carrier: "telia", text: "Hi", sender: "Oulu", country: "FI", phone_column_number: "1" },
    });
    const choices = { phoneColumn: 3, encoding: "windows-1252", sheet: "Spring", withHiddenRows: true, sendsEmptyValues: true } as const;
    const { form } = formOf(file, { phone: 3 }, { ...asked, choices });
    const fields = Object.fromEntries([...form.entries()].filter(([name]) => name !== "file"));
    expect(fields).toEqual({
      ...{ carrier: "telia", text: "Hi", sender: "Oulu", country: "FI", phone_column_number: "4" },
      ...{ encoding: "windows-1252", sheet: "Spring", hidden_rows: "include", empty_values: "send" },
    });
    expect(form.get("file")).toBeInstanceOf(File);
  });
});

describe("a run that would be more than was shown", () => {
  const agreed = { contacts: 4_810, parts: 4_942, cost_max: "494.200" };

  test("says both figures and that nobody was texted", () => {
    const refusal = new Problem(409, { code: "quote_changed", contacts: 4_811, parts: 4_950, price: "0.1", cost: "495.0" } as {
      code: string;
    });
    const change = quoteChange(refusal, agreed);
    expect(change?.message).toBe("Nobody was texted: it would be more than this page showed");
    expect(change?.detail).toContain("You were shown 4,810 people, 4,942 parts and 494.2 credits at most");
    expect(change?.detail).toContain("now it is 4,811 people, 4,950 parts and 495.0 credits at most");
  });

  test("is none of the other refusals", () => {
    for (const error of [new Problem(402, { code: "insufficient_credit" }), new Error("quote_changed")])
      expect(quoteChange(error, agreed)).toBeNull();
  });
});

describe("a campaign on another carrier than was shown", () => {
  const telia = { name: "telia", simulated: false };

  test("is told from the same one by its name, and by what it reaches", () => {
    expect(carrierChange(telia, telia)).toBeNull();
    expect(carrierChange({ name: "simulator", simulated: true }, { name: "simulator", simulated: true })).toBeNull();
    for (const created of [{ name: "elisa", simulated: false }, { name: "telia", simulated: true }, undefined])
      expect(carrierChange(created, telia)?.message).toBe("Nobody was texted: the carrier is not what this page showed");
  });

  test("says both", () => {
    const change = carrierChange(telia, { name: "telia", simulated: true });
    expect(change?.detail).toContain("You were shown through telia, simulated: no phone is reached; now it is through telia.");
  });
});

describe("the figures of a carrier that is only tested", () => {
  const judgement = {
    ...{ id: 1, contacts: 3, parts: 3, costMilli: 300, goodRows: [["Ada", "0401234501"]], header: ["name", "phone"] },
    rejects: { destination_not_allowed: { count: 1, lines: [{ line: 5, value: "+46701740610" }] } },
  } as unknown as Judgement;

  test("are those of salesapi; what the file is made of stays", () => {
    const rejects = { not_a_test_phone: { count: 2, first: [{ line: 2, value: "0401234501" }] } };
    const none = { characters: [], extra_parts: 1, extra_cost: "0.1" };
    const quote = {
      ...{ contacts: 1, parts: 2, cost: "0.25", rejects, empty_values: [] },
      countries: [{ country: "FI", contacts: 1, parts: 2, cost: "0.25" }],
      costly_characters: { text: none, cells: none, extra_parts: 1, extra_cost: "0.1" },
    } as unknown as QuoteAnswer;
    expect(quotedJudgement(judgement, quote)).toMatchObject({
      ...{ contacts: 1, parts: 2, costMilli: 250, header: ["name", "phone"], countries: [{ country: "FI", contacts: 1, parts: 2 }] },
      rejects: { not_a_test_phone: { count: 2, lines: [{ line: 2, value: "0401234501" }] } },
      costlyCells: { extraParts: 1, extraMilli: 100 },
    });
  });

  test("are nobody, with the reasons, when no row is on its list; other refusals are none of them", () => {
    const refusal = new Problem(422, {
      ...{ code: "csv_no_valid_rows", rejects: ["not_a_test_phone: 3", "destination_not_allowed: 1", "made_up: 7"] },
    });
    expect(nobodyJudgement(judgement, refusal)).toMatchObject({ contacts: 0, parts: 0, costMilli: 0, goodRows: [] });
    expect(nobodyJudgement(judgement, refusal)?.rejects).toEqual({
      not_a_test_phone: { count: 3, lines: [] },
      destination_not_allowed: { count: 1, lines: [{ line: 5, value: "+46701740610" }] },
    });
    for (const error of [new Problem(403, { code: "sender_not_allowed" }), new Error("csv_no_valid_rows")])
      expect(nobodyJudgement(judgement, error)).toBeNull();
  });
});

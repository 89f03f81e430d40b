import { describe, expect, test } from "vitest";
import { Problem } from "../api/api.ts";
import { noChoices } from "./judgement.ts";
import { formOf, quoteChange } from "./send_request.ts";

const file = new File(["phone\n0401234501\n"], "list.csv");
const asked = { text: "Hi", sender: "Oulu", country: "FI", choices: noChoices };

describe("the form of a campaign", () => {
  test("names the column by its place, and only what was chosen", () => {
    expect(formOf(file, { phone: 0 }, asked).fields).toEqual({ text: "Hi", sender: "Oulu", country: "FI", phone_column_number: "1" });
    const choices = { phoneColumn: 3, encoding: "windows-1252", sheet: "Spring", withHiddenRows: true, sendsEmptyValues: true } as const;
    const { form } = formOf(file, { phone: 3 }, { ...asked, choices });
    const fields = Object.fromEntries([...form.entries()].filter(([name]) => name !== "file"));
    expect(fields).toEqual({
      ...{ text: "Hi", sender: "Oulu", country: "FI", phone_column_number: "4" },
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

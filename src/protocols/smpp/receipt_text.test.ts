import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readReceiptText, writeReceiptText } from "./receipt_text.ts";

const dates = "submit date:2611301200 done date:2611301201";

describe("a receipt's text", () => {
  it.each<[string, string, Record<string, string | null>]>([
    [
      "as the specification writes it",
      `id:0123456789 sub:001 dlvrd:001 ${dates} stat:DELIVRD err:000 Text:Hello id:7`,
      { id: "0123456789", sub: "001", dlvrd: "001", stat: "DELIVRD", err: "000", text: "Hello id:7" },
    ],
    [
      "without sub and dlvrd (jsmpp#62, cloudhopper#105)",
      `id:a ${dates} stat:UNDELIV err:1 text:`,
      { id: "a", sub: null, stat: "UNDELIV", err: "1", text: null },
    ],
    [
      "without text (uudashr/jsmpp#67)",
      `id:a sub:001 dlvrd:001 ${dates} stat:EXPIRED err:0032`,
      { stat: "EXPIRED", err: "0032", text: null },
    ],
    [
      "with a space behind the colons (php-smpp#29)",
      "id: a9 sub: 001 stat: DELIVRD err: 0 text: hi",
      { id: "a9", stat: "DELIVRD", err: "0", text: "hi" },
    ],
    ["with an empty error before the text", "id:1 stat:DELIVRD err: text:hi", { id: "1", err: null, text: "hi" }],
    ["in other cases", "ID:Ab STAT:delivrd ERR:5E TEXT:x", { id: "Ab", stat: "DELIVRD", err: "5E", text: "x" }],
    ["with an error in hexadecimal (cloudhopper#40)", "id:1 stat:UNDELIV err:0x1B", { err: "0x1B" }],
    ["with an error of four digits (php-smpp#70)", "id:1 stat:DELIVRD err:0000", { err: "0000" }],
    ["with an error of a word (jasmin#599)", "id:1 stat:REJECTD err:blocked_sender", { err: "blocked_sender" }],
    [
      "with Unix seconds (gosmpp#124)",
      "id:1 submit date:1702281424 done date:1702281425 stat:DELIVRD",
      { submitDate: "1702281424", doneDate: "1702281425" },
    ],
    [
      "with dates of SMPP's own form (smppex#46)",
      "id:1 submit date:180711070003912+ done date:180711070004912+ stat:DELIVRD",
      { submitDate: "180711070003912+" },
    ],
    [
      "with dates of 12 and 14 digits (jasmin#70)",
      "id:1 submit date:180711070003 done date:20180711070003 stat:DELIVRD",
      { submitDate: "180711070003", doneDate: "20180711070003" },
    ],
    ["in another order, with a line feed", "stat:DELIVRD\nid:1101C1-C9D03D-F000", { id: "1101C1-C9D03D-F000", stat: "DELIVRD" }],
    ["with a field twice: the first counts", "id:1 id:2 stat:DELIVRD", { id: "1" }],
    ["with a state alone", "stat:DELIVRD", { id: null, stat: "DELIVRD" }],
  ])("is read %s", (_how, text, fields) => {
    expect(readReceiptText(text)).toMatchObject(fields);
  });

  it.each(["", "Hello", "The id is 7", "grid:7 restat:x", "err:1 text:id:7"])("is not %j", (text) => {
    expect(readReceiptText(text)).toBeNull();
  });

  it("reads back as what was written", () => {
    const word = fc.stringMatching(/^[0-9A-Za-z-]{1,20}$/);
    fc.assert(
      fc.property(word, fc.constantFrom("DELIVRD", "UNDELIV", "REJECTD"), word, fc.boolean(), (id, stat, err, isWithoutCounts) => {
        const text = writeReceiptText({ id, stat, err, submittedAtMs: 0, doneAtMs: 60_000, text: "Hello err:9 stat:x", isWithoutCounts });
        const count = stat === "DELIVRD" ? "001" : "000";
        expect(readReceiptText(text)).toEqual({
          id,
          stat,
          err,
          sub: isWithoutCounts ? null : "001",
          dlvrd: isWithoutCounts ? null : count,
          submitDate: "7001010000",
          doneDate: "7001010001",
          text: "Hello err:9 stat:x",
        });
      }),
    );
  });

  it("of a megabyte without meaning is read in one pass", () => {
    for (const noise of [" id", "id: ", " stat:", "submit  date:"]) expect(() => readReceiptText(noise.repeat(250_000))).not.toThrow();
  });
});

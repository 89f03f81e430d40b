import fc from "fast-check";
import { SegmentedMessage } from "sms-segments-calculator";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { encodingOf, findCostlyCharacters, rewriteAsGsm7 } from "./encodings.ts";
import { countParts, measureText } from "./parts.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

describe("parts", () => {
  it.each<[string, string, string, number, number]>([
    ["nothing", "", "gsm7", 0, 0],
    ["160 GSM-7 characters", "a".repeat(160), "gsm7", 160, 1],
    ["161 GSM-7 characters", "a".repeat(161), "gsm7", 161, 2],
    ["306 GSM-7 characters", "ä".repeat(306), "gsm7", 306, 2],
    ["307 GSM-7 characters", "ä".repeat(307), "gsm7", 307, 3],
    ["80 euro signs", "€".repeat(80), "gsm7", 160, 1],
    ["81 euro signs: 76 fit a part of 153, a pair is never split", "€".repeat(153), "gsm7", 306, 3],
    ["an escape pair at the seam", `${"a".repeat(152)}€${"a".repeat(152)}`, "gsm7", 306, 3],
    ["an escape pair before the seam", `${"a".repeat(151)}€${"a".repeat(153)}`, "gsm7", 306, 2],
    ["70 UCS-2 units", "ł".repeat(70), "ucs2", 70, 1],
    ["71 UCS-2 units", "ł".repeat(71), "ucs2", 71, 2],
    ["134 UCS-2 units", "ł".repeat(134), "ucs2", 134, 2],
    ["135 UCS-2 units", "ł".repeat(135), "ucs2", 135, 3],
    ["35 emoji", "😀".repeat(35), "ucs2", 70, 1],
    ["67 emoji: 33 fit a part of 67, a pair is never split", "😀".repeat(67), "ucs2", 134, 3],
    ["one curly quote in 150 characters", `It’s ${"a".repeat(145)}`, "ucs2", 150, 3],
    [
      "every character of the default alphabet",
      "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
      "gsm7",
      127,
      1,
    ],
    ["every character of the extension table", "\f^{}\\[~]|€", "gsm7", 20, 1],
    ["a small c with cedilla, which GSM-7 lacks", "ç", "ucs2", 1, 1],
    ["a lone half of a surrogate pair", "\ud83d", "ucs2", 1, 1],
  ])("of %s", (_says, text, encoding, units, parts) => {
    expect(measureText(text)).toEqual({ encoding, units, parts });
    expect(countParts(text)).toBe(parts);
  });

  it(`agree with sms-segments-calculator on random texts (seed ${seed})`, () => {
    // single characters only: that library counts graphemes, so \r\n and combined emoji are one
    // character to it
    const gsm7 = fc.constantFrom(..."abcdefgh ABC,.!?0123456789@£$èéÇ\nØøÅΔ_ΦßÉäöñüà");
    const extension = fc.constantFrom(..."^{}\\[~]|€");
    const ucs2 = fc.constantFrom(..."’“–…łşжд中文ç", "😀", "🎓", "𝒳");
    const textOf = (character: fc.Arbitrary<string>, maxLength: number) =>
      fc.array(character, { maxLength, size: "max" }).map((all) => all.join(""));
    const text = fc.oneof(
      textOf(gsm7, 320),
      textOf(fc.oneof({ arbitrary: gsm7, weight: 5 }, { arbitrary: extension, weight: 1 }), 320),
      textOf(fc.oneof({ arbitrary: gsm7, weight: 20 }, { arbitrary: extension, weight: 2 }, { arbitrary: ucs2, weight: 1 }), 150),
      textOf(ucs2, 150),
    );
    fc.assert(
      fc.property(text, (words) => {
        const oracle = new SegmentedMessage(words);
        const { encoding, parts } = measureText(words);
        expect(encoding).toBe(oracle.encodingName === "GSM-7" ? "gsm7" : "ucs2");
        expect(parts).toBe(words === "" ? 0 : oracle.segments.length);
      }),
      { seed, numRuns: randomRuns(250) },
    );
  });

  it(`never fall when a text grows (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 300 }), fc.string({ unit: "grapheme", maxLength: 5 }), (text, more) => {
        expect(countParts(text + more)).toBeGreaterThanOrEqual(countParts(text));
      }),
      { seed, numRuns: randomRuns(300) },
    );
  });
});

describe("costly characters", () => {
  it("are named with their effect, their number and what GSM-7 has instead", () => {
    expect(findCostlyCharacters("It’s “on” – 5 € [now] ’ 😀")).toEqual([
      { character: "’", codePoint: "U+2019", effect: "forces_ucs2", count: 2, suggestion: "'" },
      { character: "“", codePoint: "U+201C", effect: "forces_ucs2", count: 1, suggestion: '"' },
      { character: "”", codePoint: "U+201D", effect: "forces_ucs2", count: 1, suggestion: '"' },
      { character: "–", codePoint: "U+2013", effect: "forces_ucs2", count: 1, suggestion: "-" },
      { character: "😀", codePoint: "U+1F600", effect: "forces_ucs2", count: 1, suggestion: null },
      { character: "€", codePoint: "U+20AC", effect: "costs_two", count: 1, suggestion: null },
      { character: "[", codePoint: "U+005B", effect: "costs_two", count: 1, suggestion: "(" },
      { character: "]", codePoint: "U+005D", effect: "costs_two", count: 1, suggestion: ")" },
    ]);
    expect(findCostlyCharacters("Hyvää päivää, plain words.\n")).toEqual([]);
  });

  it.each([
    ["Škoda", "Skoda"],
    ["Łódź", "Lódz".replace("ó", "o")],
    ["naïve façade", "naive facade"],
    ["pa\u0308iva\u0308", "päivä"],
    ["soft\u00adhyphen\u200b", "softhyphen"],
    ["wait…", "wait..."],
    ["5 € stays", "5 € stays"],
  ])("%s can be written as %s", (text, rewritten) => {
    expect(rewriteAsGsm7(text)).toBe(rewritten);
  });

  it("without anything alike cannot be rewritten", () => {
    expect(rewriteAsGsm7("Привет")).toBeNull();
    expect(rewriteAsGsm7("party 🎉")).toBeNull();
  });

  it(`rewritten are in GSM-7, and suggestions too (seed ${seed})`, () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 50 }), (text) => {
        const rewritten = rewriteAsGsm7(text);
        if (rewritten !== null) expect(encodingOf(rewritten)).toBe("gsm7");
        for (const { suggestion } of findCostlyCharacters(text)) expect(findCostlyCharacters(suggestion ?? "")).toEqual([]);
      }),
      { seed, numRuns: randomRuns(800) },
    );
  });
});

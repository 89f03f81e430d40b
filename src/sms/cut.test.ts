import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { cutText } from "./cut.ts";
import { countSeptets, septetsOf } from "./encodings.ts";
import { countParts } from "./parts.ts";
import { decodeText } from "./text_octets.ts";

const character = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom(..."abc XYZ09,.@£äöñ\n") },
  { weight: 2, arbitrary: fc.constantFrom(..."^{}\\[~]|€\f") },
  { weight: 1, arbitrary: fc.constantFrom("Δ", "Φ", "ç", "á", "’", "ł", "中", "😀", "\ud83d", "\ude00") },
);
const lengths = { maxLength: 500, size: "max" } as const;
const anyText = fc.oneof(
  fc.array(character, lengths).map((all) => all.join("")),
  fc.array(fc.constantFrom(..."ab€["), lengths).map((all) => all.join("")),
  fc.array(fc.constantFrom("a", "😀", "ł"), lengths).map((all) => all.join("")),
);
const joined = ({ alphabet, parts }: ReturnType<typeof cutText>): string => parts.map((part) => decodeText(part, alphabet)).join("");

describe("a text", () => {
  it("is cut into as many parts as are charged, and its parts make it up", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const cut = cutText(text, "gsm7");
        expect(cut.parts).toHaveLength(Math.max(1, countParts(text)));
        expect(joined(cut)).toBe(text);
      }),
      { numRuns: randomRuns(400) },
    );
  });

  it("never has a part that is too long, or that begins or ends within a pair", () => {
    fc.assert(
      fc.property(anyText, fc.constantFrom("gsm7" as const, "latin1" as const), (text, defaultOfCarrier) => {
        const { alphabet, parts } = cutText(text, defaultOfCarrier);
        for (const part of parts) {
          const words = decodeText(part, alphabet);
          const size = alphabet === "ucs2" ? words.length : countSeptets(words);
          expect(size).toBeLessThanOrEqual(alphabet === "ucs2" ? (parts.length === 1 ? 70 : 67) : parts.length === 1 ? 160 : 153);
          if (alphabet === "gsm7") expect(part.at(-1)).not.toBe(0x1b);
        }
        if (alphabet !== "ucs2") return;
        for (let index = 1; index < parts.length; index++) {
          const before = decodeText(parts[index - 1] as Uint8Array, alphabet).charCodeAt(66);
          const after = decodeText(parts[index] as Uint8Array, alphabet).charCodeAt(0);
          expect((before & 0xfc00) === 0xd800 && (after & 0xfc00) === 0xdc00).toBe(false);
        }
      }),
      { numRuns: randomRuns(400) },
    );
  });

  it("that counts as GSM-7 travels to a carrier of Latin-1 in as many parts, unless Latin-1 lacks a character", () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const cut = cutText(text, "latin1");
        expect(joined(cut)).toBe(text);
        const isGsm7 = [...Array(text.length).keys()].every((index) => septetsOf(text.charCodeAt(index)) > 0);
        const isLatin1 = [...text].every((one) => one <= "\u00ff");
        expect(cut.alphabet).toBe(isGsm7 && isLatin1 ? "latin1" : "ucs2");
        if (cut.alphabet === "latin1" || !isGsm7) expect(cut.parts).toHaveLength(Math.max(1, countParts(text)));
        else expect(cut.parts.length).toBeGreaterThanOrEqual(countParts(text));
      }),
      { numRuns: randomRuns(300) },
    );
  });

  it("with a euro sign is charged as GSM-7, and needs UCS-2 at a carrier of Latin-1", () => {
    const text = `${"a".repeat(100)}€`;
    expect(countParts(text)).toBe(1);
    expect(cutText(text, "latin1")).toMatchObject({ alphabet: "ucs2", parts: { length: 2 } });
  });

  it("that is empty is one empty part", () => {
    expect(cutText("", "gsm7")).toEqual({ alphabet: "gsm7", parts: [new Uint8Array(0)] });
  });
});

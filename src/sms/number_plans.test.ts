import { getCountries } from "libphonenumber-js/mobile";
import { describe, expect, it } from "vitest";
import { planOf } from "./number_plans.ts";
import { signOf, signOfCodePoint, signs, zeros } from "./number_signs.ts";

describe("what is read of libphonenumber's metadata beside its typings", () => {
  it("is there for every country, in the shapes that the tables are made from", () => {
    const isOptional = (value: unknown) => value === undefined || value === null || value === 0 || typeof value === "string";
    for (const country of getCountries()) {
      const plan = planOf(country);
      expect(plan.callingCode(), country).toMatch(/^[1-9]\d{0,2}$/);
      expect(plan.IDDPrefix(), country).toMatch(/^[\d()?:|[\]\\d-]+$/);
      expect(plan.nationalNumberPattern(), country).toMatch(/^[\d()?:|[\]\\d{},-]+$/);
      expect(plan.possibleLengths().length, country).toBeGreaterThan(0);
      expect(plan.possibleLengths().every(Number.isInteger), country).toBe(true);
      expect([plan.nationalPrefix(), plan.nationalPrefixForParsing(), plan.nationalPrefixTransformRule()].every(isOptional), country).toBe(
        true,
      );
      expect(typeof plan.hasTypes(), country).toBe("boolean");
      if (plan.hasTypes() && plan.type("MOBILE") !== undefined) expect(typeof plan.type("MOBILE")?.pattern(), country).toBe("string");
    }
  });

  it("has the values that are known of some countries", () => {
    const known = (country: "FI" | "AU" | "US" | "AR") => {
      const plan = planOf(country);
      return [plan.callingCode(), plan.nationalPrefix(), Math.min(...plan.possibleLengths())];
    };
    expect(known("FI")).toEqual(["358", "0", 5]);
    expect(known("US")).toEqual(["1", "1", 10]);
    expect(planOf("AU").IDDPrefix()).toContain("0011");
    expect(planOf("AR").nationalPrefixTransformRule()).toBe("9$1");
    expect(planOf("FI").type("MOBILE")?.pattern()).toContain("4[0-8]");
    expect(planOf("TA").hasTypes()).toBe(false);
  });

  it("a calling code stands for its main country", () => {
    expect(planOf("1").nationalPrefixForParsing()).toBe(planOf("US").nationalPrefixForParsing());
    expect(planOf("44").nationalPrefixForParsing()).toBe(planOf("GB").nationalPrefixForParsing());
  });
});

describe("the sign of a character", () => {
  it("is its digit for every decimal digit of Unicode", () => {
    const wrong: string[] = [];
    let found = 0;
    for (let codePoint = 0; codePoint <= 0x10ffff; codePoint++) {
      if (codePoint >= 0xd800 && codePoint <= 0xdfff) continue;
      if (!/\p{Nd}/u.test(String.fromCodePoint(codePoint))) continue;
      found++;
      const sign = signOfCodePoint(codePoint);
      if (sign < signs.digit || sign > signs.digit + 9) wrong.push(codePoint.toString(16));
    }
    expect(wrong).toEqual([]);
    expect(found).toBeGreaterThan(600);
    expect(zeros.map((zero) => signOfCodePoint(zero))).toEqual(zeros.map(() => signs.digit));
    expect(zeros.every((zero, index) => index === 0 || zero - (zeros[index - 1] as number) >= 10)).toBe(true);
  });

  it.each([
    ["-‐‑‒–—―−－ー_", "dash"],
    ["\u200b\u200d\u00ad\ufe0f\u2064\u202e\u2069\ufeff\u061c\u180e\u3164", "invisible"],
    [" \u00a0\u2007\u202f\u3000\t", "space"],
    ["([（【", "opening"],
    [")]）】", "closing"],
    ["¹²³⁴①②⑴*†", "mark"],
    ["aäАا漢", "letter"],
    [":;@#€$%&|^<>½", "foreign"],
  ] as const)("%s: each is a %s", (characters, name) => {
    expect([...characters].map((character) => signOf(character.charCodeAt(0)))).toEqual([...characters].map(() => signs[name]));
  });
});

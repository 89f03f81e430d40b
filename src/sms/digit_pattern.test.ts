import fc from "fast-check";
import { type CountryCode, getCountries, getExampleNumber, Metadata } from "libphonenumber-js/mobile";
import examples from "libphonenumber-js/mobile/examples";
import { describe, expect, it } from "vitest";
import { compileDigitPattern } from "./digit_pattern.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

function mobilePattern(country: CountryCode): string | undefined {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  // the library's typings leave this out
  return (metadata.numberingPlan as unknown as { type(name: "MOBILE"): { pattern(): string } | undefined }).type("MOBILE")?.pattern();
}

const digitsOf = (text: string) => Uint8Array.from(text, Number);

describe("a pattern of digits", () => {
  it(`of every country says what RegExp says, for its example number and those around it (seed ${seed})`, () => {
    const wrong: string[] = [];
    let accepted = 0;
    let patterns = 0;
    for (const country of getCountries()) {
      const source = mobilePattern(country);
      if (source === undefined) continue;
      patterns++;
      const matches = compileDigitPattern(source);
      const reference = new RegExp(`^(?:${source})$`);
      const compare = (text: string) => {
        const expected = reference.test(text);
        if (expected) accepted++;
        if (matches(digitsOf(text), 0, text.length) !== expected) wrong.push(`${country} ${text}`);
      };
      const example = getExampleNumber(country, examples)?.nationalNumber ?? "401234567";
      // every digit at every place, every length, and random changes
      for (let at = 0; at < example.length; at++) {
        for (let digit = 0; digit < 10; digit++) compare(`${example.slice(0, at)}${digit}${example.slice(at + 1)}`);
        compare(example.slice(0, at));
        compare(example + example.slice(0, at));
      }
      const changed = fc.tuple(fc.nat(example.length), fc.stringMatching(/^\d{0,6}$/), fc.nat(4));
      for (const [at, middle, skipped] of fc.sample(changed, { seed, numRuns: 200 })) {
        compare(example.slice(0, at) + middle + example.slice(at + skipped));
      }
    }
    expect(wrong).toEqual([]);
    expect(patterns).toBeGreaterThan(200);
    expect(accepted).toBeGreaterThan(10_000);
  });

  it("matches a part of the digits, and only as a whole", () => {
    const matches = compileDigitPattern("4[0-35]\\d{2,3}|(?:12){2}");
    const says = (text: string) => matches(digitsOf(`99${text}99`), 2, 2 + text.length);
    expect(["4000", "43999", "4599", "1212"].map(says)).toEqual([true, true, true, true]);
    expect(["", "4", "400", "4400", "400000", "12", "121", "121212"].filter(says)).toEqual([]);
  });

  it.each(["a", "4?", "(4)", "(?:4", "4)", "[a-z]", "4+", "(?=4)", "\\w"])("%s is refused", (source) => {
    expect(() => compileDigitPattern(source)).toThrow(SyntaxError);
  });
});

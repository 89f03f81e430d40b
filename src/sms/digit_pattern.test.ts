import fc from "fast-check";
import { type CountryCode, getCountries, getExampleNumber, Metadata } from "libphonenumber-js/mobile";
import examples from "libphonenumber-js/mobile/examples";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../testing/random_runs.ts";
import { compileDigitPattern, compileDigitPrefix } from "./digit_pattern.ts";

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
      for (const [at, middle, skipped] of fc.sample(changed, { seed, numRuns: randomRuns(60) })) {
        compare(example.slice(0, at) + middle + example.slice(at + skipped));
      }
    }
    expect(wrong).toEqual([]);
    expect(patterns).toBeGreaterThan(200);
    expect(accepted).toBeGreaterThan(10_000);
  });

  it("matches a part of the digits, and only as a whole", () => {
    const matches = compileDigitPattern("4[0-35]\\d{2,3}|(?:12){2}");
    const description = (text: string) => matches(digitsOf(`99${text}99`), 2, 2 + text.length);
    expect(["4000", "43999", "4599", "1212"].map(description)).toEqual([true, true, true, true]);
    expect(["", "4", "400", "4400", "400000", "12", "121", "121212"].filter(description)).toEqual([]);
  });

  it("reads an optional part", () => {
    const matches = compileDigitPattern("00(?:1\\d)?5?");
    const description = (text: string) => matches(digitsOf(text), 0, text.length);
    expect(["00", "0012", "005", "00125"].map(description)).toEqual([true, true, true, true]);
    expect(["0", "001", "0055", "012"].filter(description)).toEqual([]);
  });

  it("as a prefix ends at its longest beginning", () => {
    const prefix = compileDigitPrefix("00(?:30|[126-9]?)|0");
    const endOf = (text: string) => prefix(digitsOf(`9${text}`), 1, 1 + text.length) - 1;
    expect(["0044", "00144", "003044", "00344", "0144", "0"].map(endOf)).toEqual([2, 3, 4, 2, 1, 1]);
    expect(["", "144", "9"].map(endOf)).toEqual([-2, -2, -2]);
  });

  it.each(["a", "?4", "4??", "(4)", "(?:4", "4)", "[a-z]", "4+", "(?=4)", "\\w"])("%s is refused", (source) => {
    expect(() => compileDigitPattern(source)).toThrow(SyntaxError);
  });
});

import fc from "fast-check";
import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  getExampleNumber,
  parsePhoneNumberFromString,
} from "libphonenumber-js/mobile";
import examples from "libphonenumber-js/mobile/examples";
import { describe, expect, it } from "vitest";
import { anyText } from "../../testing/any_text.ts";
import { randomRuns } from "../../testing/random_runs.ts";
import { createNumberReader } from "./numbers.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
const read = createNumberReader("FI");

/**
 * What libphonenumber reads; null where nobody is to be texted. With `isOwn` only if it is a number
 * of the country itself.
 */
function byLibrary(spelled: string, country: CountryCode, isOwn = false): number | null {
  const phone = parsePhoneNumberFromString(spelled, country);
  if (phone === undefined || !phone.isValid() || phone.number.length > 16) return null;
  // +979 and the like belong to no country and cost a fortune; +1 1 is what a foreign prefix for
  // calls abroad leaves behind
  if (phone.isNonGeographic() || /^\+11/.test(spelled)) return null;
  return isOwn && phone.countryCallingCode !== getCountryCallingCode(country) ? null : Number(phone.number.slice(1));
}

describe("numbers", () => {
  it.each([
    "040 1234567",
    "0401234567",
    "040-123 4567",
    "(040) 1234567",
    "040.123.45.67",
    "+358401234567",
    "+358 40 123 4567",
    "+358 (0)40 123 4567",
    "+358 (0) 40 1234567",
    "00358 40 1234567",
    "00358401234567",
    "358401234567",
    "'0401234567",
    "tel:+358-40-1234567",
    "  040\u00a01234567\t",
    "040–1234567",
    "+3580401234567",
    "０４０１２３４５６７",
    "\u202a+358401234567\u202c",
    "040/1234567",
    '="0401234567"',
    "=0401234567",
    "=+358401234567",
    "358401234567.0",
    "401234567,00",
    "3.58401234567E+11",
    "0401234567¹",
    "0401234567 ②",
    "0401234567*",
    "0401234567/",
    "- 040 1234567",
    "(040 1234567)",
    "+00358401234567",
    "358(0)401234567",
    "99 0 358 40 1234567",
    "040ー1234567",
    "_040_1234567",
    "04\u20600\u{e0100}1234567",
    "٠٤٠١٢٣٤٥٦٧",
    "𝟎𝟒𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕",
  ])("%s is a Finnish mobile number", (spelled) => {
    expect(read(spelled)).toBe(358401234567);
  });

  it("numbers of other countries keep their calling code", () => {
    expect(read("+46 70 123 45 67")).toBe(46701234567);
    expect(read("0046701234567")).toBe(46701234567);
    expect(read("+44 (0)7400 123456")).toBe(447400123456);
    expect(read("+1 201 555 0123")).toBe(12015550123);
    expect(createNumberReader("US")("(201) 555-0123")).toBe(12015550123);
    expect(createNumberReader("US")("011 358 40 1234567")).toBe(358401234567);
    expect(createNumberReader("GB")("07400 123456")).toBe(447400123456);
    expect(createNumberReader("IT")("312 345 6789")).toBe(393123456789);
    expect(read("+52 1 222 123 4567")).toBe(522221234567);
    expect(createNumberReader("DE")("0171/1234567")).toBe(491711234567);
  });

  it.each([
    ["AU", "0011 65 9812 3450", 6598123450],
    ["AU", "0011 44 7911 123456", 447911123456],
    ["AU", "0044 7911 123456", 447911123456],
    ["AU", "0412 345 678", 61412345678],
    ["HK", "001 65 9812 3456", 6598123456],
    ["HK", "001 47 9323 4567", 4793234567],
    ["HK", "001 44 7911 123456", 447911123456],
    ["KR", "001 44 7911 1234", "msisdn_invalid"],
    ["FI", "0011 65 9812 3450", "msisdn_too_long"],
    ["US", "011 86 138 0013 8000", 8613800138000],
    ["US", "011 49 1511 2345678", 4915112345678],
    ["US", "202 555 0101", 12025550101],
    ["NG", "009 358 40 1234567", 358401234567],
    ["RU", "8~10 358 40 1234567", 358401234567],
    ["BR", "0055 11 96123-4567", 5511961234567],
    ["JP", "+0081 90 1234 5677", 819012345677],
    ["JP", "090ー1234ー5675", 819012345675],
    ["JP", "’090-1234-5676", 819012345676],
    ["DE", "4915112345671", 4915112345671],
    ["DE", "49 160 1234567", 491601234567],
    ["DE", "49(0)1622897307", 491622897307],
    ["BD", "০১৭১২৩৪৫৬৭৪", 8801712345674],
    ["GL", "25-12-26", "msisdn_invalid"],
    ["GL", "22 12 34", 299221234],
    ["AD", "312 345", 376312345],
  ] as const)("in %s, %s is %s", (country, spelled, expected) => {
    expect(createNumberReader(country)(spelled)).toBe(expected);
  });

  it.each([
    ["", "msisdn_missing"],
    ["   ", "msisdn_missing"],
    ["-", "msisdn_missing"],
    ["()", "msisdn_missing"],
    ["ask her", "msisdn_letters"],
    ["040 123 CALL", "msisdn_letters"],
    ["0401234567 ext 3", "msisdn_letters"],
    ["n/a", "msisdn_letters"],
    ["123", "msisdn_too_short"],
    ["+35", "msisdn_too_short"],
    ["+358", "msisdn_too_short"],
    ["12345678901234567890", "msisdn_too_long"],
    ["+12345678901234567890", "msisdn_too_long"],
    ["040 1234567 / 050 7654321", "msisdn_too_long"],
    [`0${"4".repeat(100)}`, "msisdn_too_long"],
    ["4.41E+11", "msisdn_spreadsheet_number"],
    ["3.58E+11", "msisdn_spreadsheet_number"],
    ["3,58E+11", "msisdn_spreadsheet_number"],
    ["3.58401e+11", "msisdn_spreadsheet_number"],
    ["358E9", "msisdn_spreadsheet_number"],
    ["3.584012345E+11", "msisdn_spreadsheet_number"],
    ["-3.58401234567E+11", "msisdn_spreadsheet_number"],
    ["358401234567.5", "msisdn_invalid"],
    ["-401234567", "msisdn_invalid"],
    ["450 000", "msisdn_invalid"],
    ["4.5.2024", "msisdn_invalid"],
    ["0402234508 / 9", "msisdn_invalid"],
    ["0402234512 (2)", "msisdn_invalid"],
    ["0402234515 [3]", "msisdn_invalid"],
    ["040-2234517-1", "msisdn_invalid"],
    ["0402234508 12", "msisdn_invalid"],
    ["040¹1234567", "msisdn_invalid"],
    ["0401234567\n0501234567", "msisdn_invalid"],
    ["+1 1 659 812 3450", "msisdn_too_long"],
    ["0401234567;0501234567", "msisdn_invalid"],
    ["040*1234567", "msisdn_invalid"],
    ["+999 123 456 789", "msisdn_invalid"],
    ["+0358401234567", "msisdn_invalid"],
    ["000358401234567", "msisdn_invalid"],
    ["09 1234567", "msisdn_not_mobile"],
    ["+358 9 1234567", "msisdn_not_mobile"],
    ["#N/A", "msisdn_letters"],
    ["++358401234567", "msisdn_invalid"],
    ["-358401234567x", "msisdn_letters"],
  ])("%s is refused as %s", (spelled, verdict) => {
    expect(read(spelled)).toBe(verdict);
  });

  it("a piece of a longer text is read as it would be alone", () => {
    expect(read("Aino,040 1234567,x", 5, 16)).toBe(358401234567);
    expect(read("0401234567", 0, 3)).toBe("msisdn_too_short");
    expect(read("+358401234567;tel:+358 50 1234567", 14)).toBe(358501234567);
    expect(read("0401234567", 10, 10)).toBe("msisdn_missing");
  });

  it("an unknown default country is refused", () => {
    expect(() => createNumberReader("XX")).toThrow(RangeError);
    expect(() => createNumberReader("fi")).toThrow(RangeError);
  });

  it("the example number of every country is read in its national and its international spelling", () => {
    let compared = 0;
    for (const country of getCountries()) {
      const example = getExampleNumber(country, examples);
      if (example === undefined || !example.isValid()) continue;
      const msisdn = Number(example.number.slice(1));
      expect([country, read(example.formatInternational())]).toEqual([country, msisdn]);
      expect([country, read(`00${example.number.slice(1)}`)]).toEqual([country, msisdn]);
      expect([country, createNumberReader(country)(example.formatNational())]).toEqual([country, msisdn]);
      compared++;
    }
    expect(compared).toBeGreaterThan(200);
  });

  it(`agrees with libphonenumber on random numbers of all countries (seed ${seed})`, () => {
    const countries = getCountries().filter((country) => getExampleNumber(country, examples) !== undefined);
    const readers = new Map(countries.map((country) => [country, createNumberReader(country)]));
    const mutated = fc
      .tuple(fc.constantFrom(...countries), fc.array(fc.tuple(fc.nat(14), fc.nat(9)), { maxLength: 4 }), fc.nat(2), fc.nat(3))
      .map(([country, changes, cut, form]) => {
        const example = getExampleNumber(country, examples) as NonNullable<ReturnType<typeof getExampleNumber>>;
        const digits = (form === 0 ? example.formatNational().replace(/\D/g, "") : example.number.slice(1)).split("");
        for (const [at, digit] of changes) if (at < digits.length && (form !== 1 || at > 2)) digits[at] = String(digit);
        return { country, spelled: (form === 0 || form === 2 ? "" : "+") + digits.slice(0, digits.length - (cut === 2 ? 1 : 0)).join("") };
      })
      // 00 is international everywhere for us; for the library only where the country dials so
      .filter(({ spelled }) => !spelled.startsWith("00"));
    fc.assert(
      fc.property(mutated, ({ country, spelled }) => {
        const expected = byLibrary(spelled, country) ?? (spelled.startsWith("+") ? null : byLibrary(`+${spelled}`, country, true));
        const verdict = (readers.get(country) as typeof read)(spelled);
        expect([country, spelled, typeof verdict === "number" ? verdict : null]).toEqual([country, spelled, expected]);
      }),
      { seed, numRuns: randomRuns(800) },
    );
  });

  it(`any text at all gets an answer: digits of E.164 or a verdict (seed ${seed})`, () => {
    fc.assert(
      fc.property(anyText({ maxLength: 80 }), (cell) => {
        const verdict = read(cell);
        if (typeof verdict === "number") expect(String(verdict)).toMatch(/^[1-9]\d{6,14}$/);
        else expect(verdict).toMatch(/^msisdn_/);
      }),
      { seed, numRuns: randomRuns(800) },
    );
  });
});

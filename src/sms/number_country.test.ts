import { type CountryCode, getCountries, getExampleNumber, parsePhoneNumberFromString } from "libphonenumber-js/mobile";
import examples from "libphonenumber-js/mobile/examples";
import { describe, expect, it } from "vitest";
import { countryOf } from "./number_country.ts";

describe("the country of a number", () => {
  it("is libphonenumber's for the example of every country, and for the numbers around it", () => {
    const wrong: string[] = [];
    for (const country of getCountries()) {
      const example = getExampleNumber(country as CountryCode, examples);
      if (example === undefined) continue;
      const msisdn = Number(example.number.slice(1));
      for (const beside of [0, 1, 77, 1_000, 54_321]) {
        const parsed = parsePhoneNumberFromString(`+${msisdn + beside}`);
        if (parsed?.isValid() !== true) continue;
        const found = countryOf(msisdn + beside);
        if (found !== (parsed.country ?? null)) wrong.push(`+${msisdn + beside}: ${found}, not ${parsed.country}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it("is none for what nobody has", () => {
    expect(countryOf(0)).toBe(null);
    expect(countryOf(999_123_456_789)).toBe(null);
  });
});

// The numbering plans that libphonenumber-js keeps behind its typings, and that the quick path of
// numbers.ts reads: this fails first when a new version has them in another form, for every
// country.
import { getCountries, getCountryCallingCode, Metadata } from "libphonenumber-js/mobile";
import { expect, test } from "vitest";
import { compileDigitPattern } from "./digit_pattern.ts";

const isPattern = (source: unknown): boolean => typeof source === "string" && source !== "" && RegExp(source) instanceof RegExp;
/** The metadata says 0, or nothing, for what a country lacks. */
const isPatternOrNone = (source: unknown): boolean =>
  source === undefined || source === null || source === 0 || source === "" || isPattern(source);

test.each(getCountries())("the plan of %s has its calling code, patterns, lengths and prefixes where we read them", (country) => {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  const plan = metadata.numberingPlan as unknown as Record<string, (name?: string) => unknown>;
  expect(plan.callingCode?.()).toBe(getCountryCallingCode(country));
  const general = plan.nationalNumberPattern?.();
  expect(isPattern(general)).toBe(true);
  const lengths = plan.possibleLengths?.() as number[];
  expect(lengths.length > 0 && lengths.every((length) => Number.isInteger(length) && length > 0 && length <= 17)).toBe(true);
  for (const name of ["nationalPrefix", "nationalPrefixForParsing", "nationalPrefixTransformRule"]) {
    expect(typeof plan[name], name).toBe("function");
    expect(isPatternOrNone(plan[name]?.()), name).toBe(true);
  }
  const mobile = (plan.type?.("MOBILE") as { pattern(): string } | undefined)?.pattern();
  if (mobile !== undefined) expect(() => compileDigitPattern(mobile)).not.toThrow();
});

test("nearly every country has a pattern of mobile numbers: without one the quick path reads nothing", () => {
  const withMobile = getCountries().filter((country) => {
    const metadata = new Metadata();
    metadata.selectNumberingPlan(country);
    return (metadata.numberingPlan as unknown as { type(name: string): unknown }).type("MOBILE") !== undefined;
  });
  expect(withMobile.length).toBeGreaterThan(getCountries().length * 0.9);
});

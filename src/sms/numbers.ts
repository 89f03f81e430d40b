// Phone numbers as people spell them -> the digits of E.164, or the reason why a row cannot be
// texted. Pure, also for the browser. The plans are those of libphonenumber-js (metadata `mobile`),
// as tables: the library itself takes twenty times longer (decision 036).
import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from "libphonenumber-js/mobile";
import {
  createNumberForm,
  digitsBeforeSuffix,
  type FormVerdict,
  isGroupedAs,
  judgeForm,
  type NumberForm,
  readForm,
} from "./number_form.ts";
import {
  callingCodeLength,
  createHomePlan,
  type HomePlan,
  internationalReader,
  msisdnDigitsMax,
  type NationalVerdict,
  numberOf,
} from "./number_plans.ts";

export { msisdnDigitsMax };

/** Why a cell is not a number that can be texted. (Each is a RejectReason of the contracts.) */
export type NumberVerdict = FormVerdict | NationalVerdict;

/** No country's mobile number, written with its calling code, has fewer digits. */
const internationalDigitsMin = 7;

/**
 * The digits of E.164 without the plus as a number (358401234567), or the verdict. With `start` and
 * `end` only that piece of the text is read, without making it a string.
 */
export type ReadNumber = (text: string, start?: number, end?: number) => number | NumberVerdict;

/**
 * Whether numbers without a calling code can be read as this country's (ISO 3166 alpha-2, upper
 * case).
 */
export function isCountry(country: string): country is CountryCode {
  return isSupportedCountry(country);
}

/**
 * A reader of numbers; those without `+` or a prefix for calls abroad are taken as the country's.
 * Throws RangeError for an unknown country.
 *
 * Read: `040 123 4567`, `040/1234567`, `+358 (0)40-1234567`, the country's own prefix for calls
 * abroad (`0011 358 40...` in Australia)
 * and `00` in all others, `358401234567`, `tel:+358...`, `="040..."`, `358401234567.0`, digits of
 * all scripts, dashes and brackets of all
 * keyboards, invisible characters, footnote marks behind.
 * Never a number, whatever the country: dates, decimals, addresses, words, a colon, an @, currency,
 * two numbers, something behind a number.
 * Digits alone are what their column is: see `judgePhoneColumn`.
 */
export function createNumberReader(country: string): ReadNumber {
  if (!isCountry(country)) throw new RangeError(`unknown country ${country}`);
  const home = createHomePlan(country);
  const form = createNumberForm();
  const usesNationalPrefix = home.nationalPrefix !== "";
  return (text, start = 0, end = text.length) => {
    const refused = readForm(form, text, start, end);
    if (refused !== null) return refused;
    const kind = judgeForm(form, usesNationalPrefix);
    if (kind === "foreign") return "msisdn_invalid";
    const msisdn = readDigits(home, form, form.count);
    if (kind === "number" || typeof msisdn === "string") return msisdn;
    if (kind === "suffix") return typeof readDigits(home, form, digitsBeforeSuffix(form)) === "number" ? "msisdn_invalid" : msisdn;
    return isGroupedAs(form, nationalGroups(msisdn)) ? msisdn : "msisdn_invalid";
  };
}

/** Keyed by all digits but the last three, which no country's grouping depends on. */
const groupings = new Map<number, readonly number[]>();
const groupingsMax = 10_000;

/**
 * Lengths of the groups in which the country itself writes the number: by the library, which takes
 * as long as ten numbers.
 */
function nationalGroups(msisdn: number): readonly number[] {
  const key = Math.trunc(msisdn / 1_000);
  const known = groupings.get(key);
  if (known !== undefined) return known;
  const spelling = parsePhoneNumberFromString(`+${msisdn}`)?.formatNational() ?? "";
  const lengths = (spelling.match(/\d+/g) ?? []).map(({ length }) => length);
  if (groupings.size === groupingsMax) groupings.clear();
  groupings.set(key, lengths);
  return lengths;
}

/**
 * The first digits of the form as a number. A reading as mobile number wins, in this order: behind
 * the country's own prefix for calls
 * abroad, at home, behind its own calling code without plus, behind 00. Without one the verdict is
 * that of the way it is written.
 */
function readDigits(home: HomePlan, { digits, hasPlus, hasDroppedZero }: NumberForm, count: number): number | NumberVerdict {
  if (hasPlus) {
    const first = digits[0] === 0 && digits[1] === 0 ? 2 : 0;
    return readInternational(digits, first, count);
  }
  const abroad = home.prefixAbroad(digits, 0, count);
  const behindPrefix = abroad > 0 ? readInternational(digits, abroad, count) : null;
  if (typeof behindPrefix === "number") return behindPrefix;
  const national = hasDroppedZero ? "msisdn_invalid" : home.readNational(digits, 0, count);
  if (typeof national === "number") return national;
  const behindOwnCode = readOwnCode(home, digits, count);
  if (behindOwnCode !== null) return behindOwnCode;
  if (digits[0] !== 0 || digits[1] !== 0) return verdictOf(national, behindPrefix, abroad, count);
  const behindZeros = abroad === 2 ? behindPrefix : readInternational(digits, 2, count);
  // where the prefix is 001, it has been read: what is left is nobody's number in North America
  const isOwnPrefix = abroad > 2 && digits[2] === 1;
  return isOwnPrefix || behindZeros === null ? (behindPrefix ?? national) : behindZeros;
}

/** If the prefix for calls abroad is a single zero, nearly everything begins with it. */
function verdictOf(
  national: NationalVerdict,
  behindPrefix: number | NationalVerdict | null,
  abroad: number,
  count: number,
): number | NationalVerdict {
  return behindPrefix !== null && abroad > 1 && count > msisdnDigitsMax ? behindPrefix : national;
}

/** 4915112345671 in Germany: its own calling code without plus. */
function readOwnCode({ callingCode }: HomePlan, digits: Uint8Array, count: number): number | null {
  const length = callingCodeLength(digits, 0, count);
  if (length === 0 || numberOf(digits, 0, length) !== callingCode) return null;
  const msisdn = internationalReader(callingCode)(digits, length, count);
  return typeof msisdn === "number" ? msisdn : null;
}

/** Digits from `first` on, which begin with a calling code. */
function readInternational(digits: Uint8Array, first: number, end: number): number | NationalVerdict {
  if (end - first < internationalDigitsMin) return "msisdn_too_short";
  const length = callingCodeLength(digits, first, end);
  if (length === 0) return end - first > msisdnDigitsMax ? "msisdn_too_long" : "msisdn_invalid";
  return internationalReader(numberOf(digits, first, first + length))(digits, first + length, end);
}

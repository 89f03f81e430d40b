// Phone numbers as people spell them -> the digits of E.164, or a verdict why a row cannot be texted.
// Pure, also for the browser. libphonenumber-js (metadata `mobile`) decides; a path by its own patterns answers the plain cases ten times faster.
import {
  type CountryCode,
  getCountries,
  getCountryCallingCode,
  isSupportedCountry,
  Metadata,
  parsePhoneNumberFromString,
} from "libphonenumber-js/mobile";
import { compileDigitPattern, type DigitPattern } from "./digit_pattern.ts";

/** Why a cell is no number that can be texted. (Each is a RejectReason of the contracts.) */
export type NumberVerdict =
  | "msisdn_missing"
  | "msisdn_letters"
  | "msisdn_too_short"
  | "msisdn_too_long"
  | "msisdn_spreadsheet_number"
  | "msisdn_invalid"
  | "msisdn_not_mobile";

/** E.164: at most so many digits with the country's calling code. They fit a JavaScript number exactly (2^53 has 16). */
export const msisdnDigitsMax = 15;
/** No country's mobile number, written with its calling code, has fewer digits. */
const internationalDigitsMin = 7;
/** A cell longer than this is no number, whatever separators it has. */
const cellLengthMax = 64;

/**
 * The digits of E.164 without the plus as a number (358401234567), or the verdict.
 * With `start` and `end` only that piece of the text is read, and plain spellings without making a string of it.
 */
export type ReadNumber = (text: string, start?: number, end?: number) => number | NumberVerdict;

/** Whether numbers without a calling code can be read as this country's (ISO 3166 alpha-2, upper case). */
export function isCountry(country: string): country is CountryCode {
  return isSupportedCountry(country);
}

/**
 * A reader of numbers, where those without `+` or `00` are the country's.
 * Throws RangeError for an unknown country. Read spellings: `040 123 4567`, `+358 (0)40-1234567`, `00358401234567`, `358401234567`, `tel:+358...`, `="040..."`.
 */
export function createNumberReader(country: string): ReadNumber {
  if (!isCountry(country)) throw new RangeError(`unknown country ${country}`);
  const readPlain = createPlainReader(country);
  return (text, start = 0, end = text.length) => {
    const msisdn = readPlain(text, start, end);
    if (msisdn !== null) return msisdn;
    const compact = compactSpelling(text.slice(start, end));
    return isVerdict(compact) ? compact : (readPlain(compact, 0, compact.length) ?? askLibrary(compact, country));
  };
}

const plainNumber = /^\+?\d+$/;

function isVerdict(compact: string): compact is NumberVerdict {
  return compact.startsWith("msisdn_");
}

/** 4.41E+11, 3,58e11: a spreadsheet kept three digits and threw the rest away. 358401234567.0: it took the number for an amount. */
const spreadsheetNumber = /^[+-]?\d+(?:[.,]\d+)?e[+-]?\d+$|^\d{5,}[.,]0+$/i;
/** What people and exports put between digits. The order of the range: hyphens and dashes U+2010-2015. */
const separators = /[\s\-\u2010-\u2015\u2212().[\]/\\_·•\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]/g;
/** +358 (0)40: the zero is dialled at home only. */
const optionalZero = /^(\+|00)([^(]*)\(0\)/;

/** A cell to digits with an optional plus in front, or a verdict. */
function compactSpelling(cell: string): string {
  if (cell.length > cellLengthMax) return /\p{L}/u.test(cell) ? "msisdn_letters" : "msisdn_too_long";
  const spelled = asciiDigits(cell)
    .replace(/^[\s']+|\s+$/g, "")
    .replace(/^tel:/i, "")
    .replace(/^="(.*)"$/, "$1");
  if (spreadsheetNumber.test(spelled)) return "msisdn_spreadsheet_number";
  const compact = spelled.replace(optionalZero, "$1$2").replace(separators, "");
  if (compact === "") return "msisdn_missing";
  if (/\p{L}/u.test(compact)) return "msisdn_letters";
  return plainNumber.test(compact) ? compact : "msisdn_invalid";
}

/** Full-width forms (Japanese keyboards) and Arabic digits as ASCII. */
function asciiDigits(cell: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: "only ASCII" is the claim
  if (/^[\x00-\x7f]*$/.test(cell)) return cell;
  return cell
    .normalize("NFKC")
    .replace(/[\u0660-\u0669]/g, (digit) => String(digit.charCodeAt(0) - 0x660))
    .replace(/[\u06f0-\u06f9]/g, (digit) => String(digit.charCodeAt(0) - 0x6f0));
}

/** The parts of libphonenumber's metadata that its own typings leave out. */
interface Plan {
  callingCode(): string;
  nationalNumberPattern(): string;
  possibleLengths(): number[];
  nationalPrefix(): string | 0 | undefined;
  nationalPrefixForParsing(): string | 0 | undefined;
  nationalPrefixTransformRule(): string | 0 | undefined;
  type(name: "MOBILE"): { pattern(): string } | undefined;
}

function planOf(country: CountryCode): Plan {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(country);
  return metadata.numberingPlan as unknown as Plan;
}

/** Digits with 00 in front; a cell with more has no plain spelling. */
const plainDigitsMax = msisdnDigitsMax + 2;

/**
 * The usual spellings of surely mobile numbers in one pass over the text: digits with blanks, hyphens or brackets between, a plus in front.
 * Null for all else: ask the library, which takes 4 us of CPU; this takes 0.2 (RegExp and the strings that it needs: 0.6).
 */
function createPlainReader(home: CountryCode): (text: string, start: number, end: number) => number | null {
  const countries = countriesByCallingCode();
  const mobiles: (DigitPattern | undefined)[] = countries.map(() => undefined);
  // compiled when first needed: most files have numbers of few countries
  const mobileOf = (callingCode: number): DigitPattern => {
    mobiles[callingCode] ??= compileMobile(countries[callingCode] ?? []);
    return mobiles[callingCode];
  };
  const national = readNationalPlan(home);
  const digits = new Uint8Array(plainDigitsMax);
  return (text, start, end) => {
    const count = scanDigits(text, start, end, digits);
    if (count === noDigits) return null;
    const hasPlus = count < 0;
    const last = Math.abs(count);
    if (!hasPlus && !(digits[0] === 0 && digits[1] === 0)) return national(digits, last);
    const first = hasPlus ? 0 : 2;
    if (last - first < internationalDigitsMin || last - first > msisdnDigitsMax) return null;
    // no calling code begins with 0, and as a number 056 would be 56
    if (digits[first] === 0) return null;
    // calling codes are prefix-free: the first that is known is the one
    let callingCode = 0;
    for (let index = first; index < first + 3; index++) {
      callingCode = 10 * callingCode + (digits[index] as number);
      if (countries[callingCode] !== undefined)
        return mobileOf(callingCode)(digits, index + 1, last) ? numberOf(digits, first, last) : null;
    }
    return null;
  };
}

const noDigits = 0;

/** Writes the digits of a plain spelling; returns their number, negative behind a plus, or `noDigits` for any other spelling. */
function scanDigits(text: string, start: number, end: number, digits: Uint8Array): number {
  let count = 0;
  let hasPlus = false;
  for (let index = start; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code >= 0x30 && code <= 0x39) {
      if (count === plainDigitsMax) return noDigits;
      digits[count++] = code - 0x30;
    } else if (code === 0x2b && count === 0 && !hasPlus) hasPlus = true;
    else if (code === 0x28 && text.startsWith("0)", index + 1)) return noDigits;
    else if (code !== 0x20 && code !== 0x2d && code !== 0x28 && code !== 0x29 && code !== 0xa0) return noDigits;
  }
  return hasPlus ? -count : count;
}

function numberOf(digits: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index++) value = 10 * value + (digits[index] as number);
  return value;
}

/** Calling codes have three digits at most. An array: two or three look-ups for each number of a file. */
const callingCodesMax = 1_000;

function countriesByCallingCode(): readonly (CountryCode[] | undefined)[] {
  const countries: (CountryCode[] | undefined)[] = Array(callingCodesMax).fill(undefined);
  for (const country of getCountries()) {
    const callingCode = Number(getCountryCallingCode(country));
    countries[callingCode] = [...(countries[callingCode] ?? []), country];
  }
  return countries;
}

/** The mobile numbers of any of these countries, without calling code. Without countries that have some: none. */
function compileMobile(countries: readonly CountryCode[]): DigitPattern {
  const sources = countries.flatMap((country) => planOf(country).type("MOBILE")?.pattern() ?? []);
  return sources.length === 0 ? () => false : compileDigitPattern(sources.join("|"));
}

/** The default country: how its numbers look without a calling code. */
function readNationalPlan(country: CountryCode): (digits: Uint8Array, count: number) => number | null {
  const plan = planOf(country);
  const prefix = plan.nationalPrefix();
  // the metadata says 0 for what a country lacks
  const isPlain = !plan.nationalPrefixTransformRule() && (plan.nationalPrefixForParsing() || prefix) === prefix;
  // carrier codes and transforms (Argentina, Brazil, Mexico): the library knows them
  if (!isPlain || !prefix) return () => null;
  const prefixDigits = Array.from(prefix, Number);
  const callingCode = Number(plan.callingCode());
  const isMobile = compileMobile([country]);
  return (digits, count) => {
    const first = prefixDigits.length;
    if (!prefixDigits.every((digit, index) => digits[index] === digit) || !isMobile(digits, first, count)) return null;
    return callingCode * 10 ** (count - first) + numberOf(digits, first, count);
  };
}

/** By libphonenumber: a number or verdict for digits with an optional plus in front. The reference of all that is quicker. */
function askLibrary(compact: string, country: CountryCode): number | NumberVerdict {
  const isInternational = compact.startsWith("+") || compact.startsWith("00");
  const digits = isInternational ? compact.slice(compact.startsWith("+") ? 1 : 2) : compact;
  if (digits.length > msisdnDigitsMax) return "msisdn_too_long";
  if (isInternational && digits.length < internationalDigitsMin) return "msisdn_too_short";
  const spelled = isInternational ? `+${digits}` : digits;
  const phone = parsePhoneNumberFromString(spelled, country);
  if (phone === undefined) return spelled.length < internationalDigitsMin ? "msisdn_too_short" : "msisdn_invalid";
  const msisdn = phone.number.slice(1);
  if (phone.isValid()) return msisdn.length > msisdnDigitsMax ? "msisdn_too_long" : Number(msisdn);
  const plan = planOf(phone.country ?? country);
  if (plan.callingCode() !== phone.countryCallingCode) return "msisdn_invalid";
  const lengths = plan.possibleLengths();
  const { length } = phone.nationalNumber;
  if (length < Math.min(...lengths)) return "msisdn_too_short";
  if (length > Math.max(...lengths)) return "msisdn_too_long";
  return new RegExp(`^(?:${plan.nationalNumberPattern()})$`).test(phone.nationalNumber) ? "msisdn_not_mobile" : "msisdn_invalid";
}

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

/** The digits of E.164 without the plus as a number (358401234567), or the verdict. */
export type ReadNumber = (spelled: string) => number | NumberVerdict;

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
  const plans = readPlans();
  const home = readHome(country, plans);
  return (spelled) => {
    const compact = joinDigits(spelled) ?? compactSpelling(spelled);
    if (isVerdict(compact)) return compact;
    const international = internationalDigits(compact);
    const digits = international ?? compact;
    if (digits.length > msisdnDigitsMax) return "msisdn_too_long";
    if (international !== null) {
      if (international.length < internationalDigitsMin) return "msisdn_too_short";
      if (plans.isMobile(international)) return Number(international);
    } else {
      const msisdn = home.fromNational(digits);
      if (msisdn !== null) return msisdn;
    }
    return askLibrary(international === null ? digits : `+${digits}`, country);
  };
}

const plainNumber = /^\+?\d+$/;

function isVerdict(compact: string): compact is NumberVerdict {
  return compact.startsWith("msisdn_");
}

function internationalDigits(compact: string): string | null {
  if (compact.startsWith("+")) return compact.slice(1);
  return compact.startsWith("00") ? compact.slice(2) : null;
}

/** The usual spellings in one pass: digits in groups with blanks, hyphens or brackets between, a plus in front. Null for any other. */
function joinDigits(cell: string): string | null {
  let joined = "";
  let groupStart = -1;
  for (let index = 0; index < cell.length; index++) {
    const code = cell.charCodeAt(index);
    if (code >= 0x30 && code <= 0x39) {
      if (groupStart === -1) groupStart = index;
      continue;
    }
    const isPlusInFront = code === 0x2b && joined === "" && groupStart === -1;
    const isZeroInBrackets = code === 0x28 && cell.startsWith("0)", index + 1);
    if (isZeroInBrackets || !(isPlusInFront || code === 0x20 || code === 0x2d || code === 0x28 || code === 0x29 || code === 0xa0))
      return null;
    if (groupStart !== -1) joined += cell.slice(groupStart, index);
    groupStart = isPlusInFront ? index : -1;
  }
  if (groupStart !== -1) joined += cell.slice(groupStart);
  return joined.length === 0 || joined.length > cellLengthMax || joined === "+" ? null : joined;
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

interface Plans {
  /** Whether these digits of E.164 are surely a mobile number; false: ask the library. */
  isMobile(digits: string): boolean;
  mobilePatternOf(country: CountryCode): RegExp | null;
}

/** Patterns are compiled when first needed: most files have numbers of few countries. */
function readPlans(): Plans {
  const countriesByCallingCode = new Map<string, CountryCode[]>();
  for (const country of getCountries()) {
    const callingCode = getCountryCallingCode(country);
    countriesByCallingCode.set(callingCode, [...(countriesByCallingCode.get(callingCode) ?? []), country]);
  }
  const patterns = new Map<CountryCode, RegExp | null>();
  const mobilePatternOf = (country: CountryCode): RegExp | null => {
    let pattern = patterns.get(country);
    if (pattern === undefined) {
      const source = planOf(country).type("MOBILE")?.pattern();
      pattern = source === undefined ? null : new RegExp(`^(?:${source})$`);
      patterns.set(country, pattern);
    }
    return pattern;
  };
  const isMobile = (digits: string): boolean => {
    // calling codes are prefix-free: the first that is known is the one
    for (let length = 1; length <= 3; length++) {
      const countries = countriesByCallingCode.get(digits.slice(0, length));
      if (countries === undefined) continue;
      const national = digits.slice(length);
      return countries.some((country) => mobilePatternOf(country)?.test(national) === true);
    }
    return false;
  };
  return { isMobile, mobilePatternOf };
}

/** The default country: how its numbers look without a calling code. */
function readHome(country: CountryCode, plans: Plans): { fromNational(digits: string): number | null } {
  const plan = planOf(country);
  const callingCode = plan.callingCode();
  const pattern = plans.mobilePatternOf(country);
  const prefix = plan.nationalPrefix();
  // the metadata says 0 for what a country lacks
  const isPlain = !plan.nationalPrefixTransformRule() && (plan.nationalPrefixForParsing() || prefix) === prefix;
  return {
    fromNational(digits) {
      // carrier codes and transforms (Argentina, Brazil, Mexico): the library knows them
      if (!isPlain || pattern === null || !prefix || !digits.startsWith(prefix)) return null;
      const national = digits.slice(prefix.length);
      return pattern.test(national) ? Number(callingCode + national) : null;
    },
  };
}

function askLibrary(spelled: string, country: CountryCode): number | NumberVerdict {
  const phone = parsePhoneNumberFromString(spelled, country);
  if (phone === undefined) return spelled.length < internationalDigitsMin ? "msisdn_too_short" : "msisdn_invalid";
  const digits = phone.number.slice(1);
  if (phone.isValid()) return digits.length > msisdnDigitsMax ? "msisdn_too_long" : Number(digits);
  const plan = planOf(phone.country ?? country);
  if (plan.callingCode() !== phone.countryCallingCode) return "msisdn_invalid";
  const lengths = plan.possibleLengths();
  const { length } = phone.nationalNumber;
  if (length < Math.min(...lengths)) return "msisdn_too_short";
  if (length > Math.max(...lengths)) return "msisdn_too_long";
  return new RegExp(`^(?:${plan.nationalNumberPattern()})$`).test(phone.nationalNumber) ? "msisdn_not_mobile" : "msisdn_invalid";
}

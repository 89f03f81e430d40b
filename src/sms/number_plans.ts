// The numbering plans of libphonenumber's metadata (`mobile`) as tables of digits: which numbers
// are mobile, which lengths there are,
// what stands before a number at home and for calls abroad. Pure, also for the browser. Called by
// numbers.ts.
// Reads parts of the metadata that the library's typings leave out; number_plans.test.ts fails when
// they change.
import { type CountryCode, getCountries, getCountryCallingCode, Metadata } from "libphonenumber-js/mobile";
import { compileDigitPattern, compileDigitPrefix, type DigitPattern, type DigitPrefix } from "./digit_pattern.ts";

/**
 * The parts of a numbering plan that are read here. The metadata has 0 for what a country lacks.
 */
export interface PlanMetadata {
  callingCode(): string;
  IDDPrefix(): string;
  nationalNumberPattern(): string;
  possibleLengths(): number[];
  nationalPrefix(): string | 0 | null | undefined;
  nationalPrefixForParsing(): string | 0 | null | undefined;
  nationalPrefixTransformRule(): string | 0 | null | undefined;
  leadingDigits(): string | undefined;
  hasTypes(): boolean;
  type(name: "MOBILE"): { pattern(): string } | undefined;
}

/**
 * Of a country, or of a calling code: then of the country that the code itself stands for, the
 * United States for 1.
 */
export function planOf(countryOrCallingCode: CountryCode | `${number}`): PlanMetadata {
  const metadata = new Metadata();
  metadata.selectNumberingPlan(countryOrCallingCode as CountryCode);
  return metadata.numberingPlan as unknown as PlanMetadata;
}

/** What the digits behind a calling code are. */
export type NationalVerdict = "msisdn_too_short" | "msisdn_too_long" | "msisdn_invalid" | "msisdn_not_mobile";

/**
 * E.164: the most digits, including the country's calling code. They fit a JavaScript number
 * exactly (2^53 has 16).
 */
export const msisdnDigitsMax = 15;
const msisdnEnd = 10 ** msisdnDigitsMax;

/**
 * Reads the digits from `start` to `end`, which stand without calling code: all of E.164 as a
 * number, or the verdict.
 */
export type NationalReader = (digits: Uint8Array, start: number, end: number) => number | NationalVerdict;

/**
 * Calling codes have three digits at most. An array: two or three look-ups for each number of a
 * file.
 */
const callingCodesMax = 1_000;

const countriesByCallingCode: readonly (CountryCode[] | undefined)[] = groupCountries();

interface CallingCodeMetadata {
  country_calling_codes: Readonly<Record<string, readonly CountryCode[]>>;
}

/** The countries that share a calling code, the main one first. */
export function countriesOf(callingCode: number): readonly CountryCode[] {
  const { country_calling_codes: countries } = (new Metadata() as unknown as { metadata: CallingCodeMetadata }).metadata;
  return countries[String(callingCode)] ?? [];
}

function groupCountries(): readonly (CountryCode[] | undefined)[] {
  const countries: (CountryCode[] | undefined)[] = Array(callingCodesMax).fill(undefined);
  for (const country of getCountries()) {
    const callingCode = Number(getCountryCallingCode(country));
    countries[callingCode] = [...(countries[callingCode] ?? []), country];
  }
  return countries;
}

/**
 * The length of the calling code that the digits begin with; 0: none is known. Codes are
 * prefix-free, so the first match is the one.
 */
export function callingCodeLength(digits: Uint8Array, start: number, end: number): number {
  let callingCode = 0;
  for (let length = 1; length <= 3 && start + length <= end; length++) {
    callingCode = 10 * callingCode + (digits[start + length - 1] as number);
    // no calling code begins with 0, and as a number 056 would be 56
    if (callingCode === 0) return 0;
    if (countriesByCallingCode[callingCode] !== undefined) return length;
  }
  return 0;
}

export function numberOf(digits: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let index = start; index < end; index++) value = 10 * value + (digits[index] as number);
  return value;
}

/** Mobile numbers of Mexico had a 1 before them until 2019, and many lists have it still. */
const droppedPrefixes: Readonly<Record<number, number>> = { 52: 1 };

/**
 * North America's prefix at home is its calling code: `+1 1 659 ...` is nobody's spelling, but what
 * a foreign prefix for calls abroad leaves behind.
 */
const callingCodeOfNorthAmerica = 1;

const internationalReaders: (NationalReader | undefined)[] = [];

/**
 * For numbers that stand behind this calling code, of all its countries. Compiled when first
 * needed: most files have numbers of few countries.
 */
export function internationalReader(callingCode: number): NationalReader {
  internationalReaders[callingCode] ??= createInternationalReader(callingCode);
  return internationalReaders[callingCode];
}

function createInternationalReader(callingCode: number): NationalReader {
  const countries = countriesByCallingCode[callingCode] ?? [];
  const main = planOf(`${callingCode}`);
  const read = createNationalReader(callingCode, countries, callingCode === callingCodeOfNorthAmerica ? null : main);
  const dropped = droppedPrefixes[callingCode];
  if (dropped === undefined) return read;
  return (digits, start, end) => {
    const verdict = read(digits, start, end);
    if (typeof verdict === "number" || digits[start] !== dropped) return verdict;
    const without = read(digits, start + 1, end);
    return typeof without === "number" ? without : verdict;
  };
}

/** The default country: its numbers as they are dialled at home. */
export interface HomePlan {
  callingCode: number;
  /** Numbers as they are dialled at home, with the prefix for that or without. */
  readNational: NationalReader;
  /** Where the country's own prefix for calls abroad ends. */
  prefixAbroad: DigitPrefix;
  /** Digits that stand before a number at home, such as 0; empty where there are none. */
  nationalPrefix: string;
}

export function createHomePlan(country: CountryCode): HomePlan {
  const plan = planOf(country);
  const callingCode = Number(plan.callingCode());
  return {
    callingCode,
    readNational: createNationalReader(callingCode, countriesByCallingCode[callingCode] ?? [], plan),
    prefixAbroad: compileDigitPrefix(plan.IDDPrefix()),
    nationalPrefix: plan.nationalPrefix() || "",
  };
}

interface CompiledPlans {
  isMobile: DigitPattern;
  /** Numbers of any kind: landlines, services. */
  isNumber: DigitPattern;
  lengthMin: number;
  lengthMax: number;
}

const compiledPlans: (CompiledPlans | undefined)[] = [];

function compilePlans(callingCode: number, countries: readonly CountryCode[]): CompiledPlans {
  const found = compiledPlans[callingCode];
  if (found !== undefined) return found;
  const plans = countries.map(planOf);
  const lengths = plans.flatMap((plan) => plan.possibleLengths());
  const compiled = {
    isMobile: anyOf(plans.flatMap(mobilePatternOf)),
    isNumber: anyOf(plans.map((plan) => plan.nationalNumberPattern())),
    lengthMin: Math.min(...lengths),
    lengthMax: Math.max(...lengths),
  };
  compiledPlans[callingCode] = compiled;
  return compiled;
}

/** Where the metadata tells no types apart (Tristan da Cunha), every number may be mobile. */
function mobilePatternOf(plan: PlanMetadata): string[] {
  if (!plan.hasTypes()) return [plan.nationalNumberPattern()];
  const pattern = plan.type("MOBILE")?.pattern();
  return pattern ? [pattern] : [];
}

/** Without sources: none. */
function anyOf(sources: readonly string[]): DigitPattern {
  return sources.length === 0 ? () => false : compileDigitPattern(sources.join("|"));
}

/**
 * The digits behind the prefix for calls at home, until it is called again. Undefined: they have no
 * such prefix.
 */
type PrefixReader = (digits: Uint8Array, start: number, end: number) => DigitSpan | undefined;

interface DigitSpan {
  digits: Uint8Array;
  start: number;
  end: number;
}

/** `prefixes`: the plan whose prefix for calls at home is dropped; null: none is. */
function createNationalReader(callingCode: number, countries: readonly CountryCode[], prefixes: PlanMetadata | null): NationalReader {
  const { isMobile, isNumber, lengthMin, lengthMax } = compilePlans(callingCode, countries);
  const skipPrefix = createPrefixReader(prefixes);
  const e164 = (digits: Uint8Array, start: number, end: number): number | "msisdn_too_long" => {
    let msisdn = callingCode;
    for (let index = start; index < end; index++) msisdn = 10 * msisdn + (digits[index] as number);
    return msisdn < msisdnEnd ? msisdn : "msisdn_too_long";
  };
  return (digits, start, end) => {
    const bare = skipPrefix(digits, start, end);
    if (bare !== undefined && isMobile(bare.digits, bare.start, bare.end)) {
      // the prefix may be the number's own first digits: then the longer one is it
      const isOwn = isMobile(digits, start, end) && !isNumber(bare.digits, bare.start, bare.end);
      return isOwn ? e164(digits, start, end) : e164(bare.digits, bare.start, bare.end);
    }
    if (isMobile(digits, start, end)) return e164(digits, start, end);
    const length = bare === undefined ? end - start : bare.end - bare.start;
    if (length < lengthMin) return "msisdn_too_short";
    if (length > lengthMax) return "msisdn_too_long";
    const isOther = isNumber(digits, start, end) || (bare !== undefined && isNumber(bare.digits, bare.start, bare.end));
    return isOther ? "msisdn_not_mobile" : "msisdn_invalid";
  };
}

/**
 * Most prefixes are one digit; some are patterns with a carrier's code, and some put an area code
 * in front (Argentina, Brazil, the Caribbean).
 */
function createPrefixReader(plan: PlanMetadata | null): PrefixReader {
  const source = plan?.nationalPrefixForParsing() || plan?.nationalPrefix();
  if (plan === null || !source) return () => undefined;
  if (/^\d+$/.test(source)) {
    const prefix = Array.from(source, Number);
    const span: DigitSpan = { digits: new Uint8Array(0), start: 0, end: 0 };
    return (digits, start, end) => {
      if (end - start < prefix.length) return undefined;
      for (let index = 0; index < prefix.length; index++) if (digits[start + index] !== prefix[index]) return undefined;
      span.digits = digits;
      span.start = start + prefix.length;
      span.end = end;
      return span;
    };
  }
  const pattern = new RegExp(`^(?:${source})`);
  const rule = plan.nationalPrefixTransformRule() || null;
  const changed = new Uint8Array(prefixedDigitsMax);
  return (digits, start, end) => {
    let text = "";
    for (let index = start; index < end; index++) text += digits[index];
    const match = pattern.exec(text);
    if (match === null) return undefined;
    const last = match.length > 1 ? match[match.length - 1] : undefined;
    const bare = rule !== null && last ? text.replace(pattern, rule) : text.slice(match[0].length);
    if (bare === text) return undefined;
    for (let index = 0; index < bare.length; index++) changed[index] = bare.charCodeAt(index) - 0x30;
    return { digits: changed, start: 0, end: bare.length };
  };
}

/** Digits of a cell, and an area code of four more. */
const prefixedDigitsMax = 32;

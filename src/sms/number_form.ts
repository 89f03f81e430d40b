// The form of a cell: is it written as phone numbers are, and which digits are the number's? Dates,
// amounts, addresses and numbers with something behind them are digits too; what tells them apart
// is how they are grouped. Pure, also for the browser. Called by numbers.ts for every cell: one
// pass over its characters, no strings.
import { signOf, signOfCodePoint, signs } from "./number_signs.ts";

/** What a cell is when no digits of it can be a number. */
export type FormVerdict = "msisdn_missing" | "msisdn_letters" | "msisdn_too_long" | "msisdn_spreadsheet_number" | "msisdn_invalid";

/**
 * Digits of E.164 with the longest prefix for calls abroad in front (Australia has 14110011), and a
 * zero that is not dialled.
 */
const digitsMax = 26;
/** A cell longer than this is not a number, whatever its separators. */
const cellLengthMax = 64;

/** Signs between two groups of digits. */
const between = { space: 1, dash: 2, dot: 4, slash: 8, bracket: 16, comma: 32, quote: 64, lineBreak: 128, mark: 256 } as const;

/** A cell's digits and how they are grouped. One object is used again for each cell. */
export interface NumberForm {
  readonly digits: Uint8Array;
  count: number;
  hasPlus: boolean;
  /**
   * A zero in brackets that is not dialled from abroad, as in `+49 (0)151`, was left out: so it was
   * written for callers from abroad.
   */
  hasDroppedZero: boolean;
  /** Where each group begins in `digits`, and the signs before it. */
  readonly starts: Uint8Array;
  readonly before: Uint16Array;
  groups: number;
  /** Digits before the last opening bracket, and those up to its end; -1 without one. */
  bracketFrom: number;
  bracketTo: number;
  /** A dash stands directly before the first digit, as before a negative amount. */
  hasSign: boolean;
  /**
   * While it is read: signs since the last digit, whether a bracket is open, and whether a sign was
   * met that no number has.
   */
  pending: number;
  isInBrackets: boolean;
  isForeign: boolean;
}

export function createNumberForm(): NumberForm {
  return {
    digits: new Uint8Array(digitsMax),
    count: 0,
    hasPlus: false,
    hasDroppedZero: false,
    starts: new Uint8Array(digitsMax),
    before: new Uint16Array(digitsMax),
    groups: 0,
    bracketFrom: -1,
    bracketTo: -1,
    hasSign: false,
    pending: 0,
    isInBrackets: false,
    isForeign: false,
  };
}

function clear(form: NumberForm): void {
  form.count = 0;
  form.hasPlus = false;
  form.hasDroppedZero = false;
  form.groups = 0;
  form.bracketFrom = -1;
  form.bracketTo = -1;
  form.hasSign = false;
  form.pending = 0;
  form.isInBrackets = false;
  form.isForeign = false;
}

/**
 * Reads the cell into `form`; a verdict when it has a sign that no number has, null when its digits
 * are to be judged.
 */
export function readForm(form: NumberForm, text: string, start: number, end: number): FormVerdict | null {
  clear(form);
  if (end - start > cellLengthMax) return /\p{L}/u.test(text.slice(start, end)) ? "msisdn_letters" : "msisdn_too_long";
  let isTooLong = false;
  for (let index = start; index < end; index++) {
    const unit = text.charCodeAt(index);
    let sign = signOf(unit);
    if (sign === signs.unknown) sign = signOfCodePoint(text.codePointAt(index++) as number);
    if (sign < signs.space) {
      if (form.count === digitsMax) isTooLong = true;
      else {
        if (form.count === 0) form.hasSign = (form.pending & between.dash) !== 0 && signOf(text.charCodeAt(index - 1)) === signs.dash;
        takeDigit(form, sign - signs.digit);
      }
    } else if (sign === signs.letter) {
      if (form.count > 0 || form.hasPlus || !isTel(text, index, end)) return readLetters(form, text, start, end);
      index += 3;
    } else takeSign(form, sign);
  }
  if (form.count === 0) return form.isForeign ? "msisdn_invalid" : "msisdn_missing";
  if (form.isForeign || form.isInBrackets || (form.pending & between.comma) !== 0) return "msisdn_invalid";
  return isTooLong ? "msisdn_too_long" : null;
}

function takeDigit(form: NumberForm, digit: number): void {
  const { count, pending } = form;
  if (count === 0 || pending !== 0) {
    if (count > 0 && (pending & endsNumber) !== 0) form.isForeign = true;
    form.starts[form.groups] = count;
    form.before[form.groups++] = pending;
    form.pending = 0;
  }
  form.digits[count] = digit;
  form.count++;
}

/** Behind these no digit belongs to the same number. */
const endsNumber = between.quote | between.lineBreak | between.mark;

function takeSign(form: NumberForm, sign: number): void {
  switch (sign) {
    case signs.invisible:
      return;
    case signs.space:
      form.pending |= between.space;
      return;
    case signs.dash:
      form.pending |= between.dash;
      return;
    case signs.dot:
      // two dots are two signs: 12..5 is nothing
      if ((form.pending & between.dot) !== 0) form.isForeign = true;
      form.pending |= between.dot;
      return;
    case signs.slash:
      if ((form.pending & between.slash) !== 0) form.isForeign = true;
      form.pending |= between.slash;
      return;
    case signs.opening:
      if (form.isInBrackets) form.isForeign = true;
      form.isInBrackets = true;
      form.bracketFrom = form.count;
      form.pending |= between.bracket;
      return;
    case signs.closing:
      if (!form.isInBrackets) form.isForeign = true;
      form.isInBrackets = false;
      form.bracketTo = form.count;
      form.pending |= between.bracket;
      dropZero(form);
      return;
    case signs.plus:
      if (form.count > 0 || form.hasPlus) form.isForeign = true;
      form.hasPlus = true;
      return;
    case signs.quote:
      form.pending |= between.quote;
      return;
    case signs.mark:
      form.pending |= between.mark;
      return;
    case signs.comma:
      if (form.count === 0) form.isForeign = true;
      form.pending |= between.comma;
      return;
    case signs.lineBreak:
      form.pending |= between.lineBreak;
      return;
    case signs.equals:
      if (form.count > 0 || form.hasPlus || form.pending > between.space) form.isForeign = true;
      return;
    default:
      form.isForeign = true;
  }
}

/**
 * +49 (0)151, 49(0)151: the zero is dialled at home only. `(0)40` is how people at home write it.
 */
function dropZero(form: NumberForm): void {
  const { bracketFrom, count, digits } = form;
  if (bracketFrom <= 0 || count !== bracketFrom + 1 || digits[bracketFrom] !== 0) return;
  form.count--;
  if (form.starts[form.groups - 1] === form.count) form.groups--;
  form.hasDroppedZero = true;
}

function isTel(text: string, index: number, end: number): boolean {
  return index + 4 <= end && /^tel:$/i.test(text.slice(index, index + 4));
}

/**
 * 4.41E+11, 3,58e11: a spreadsheet kept three digits and threw the rest away. With as many digits
 * as it stands for none is lost.
 */
const scientificNumber = /^[\s'"=]*(\+?)(\d)(?:[.,](\d+))?e\+?(\d{1,2})[\s'"]*$/i;
const anyScientificNumber = /^[\s'"=]*[+-]?\d+(?:[.,]\d+)?e[+-]?\d+[\s'"]*$/i;

function readLetters(form: NumberForm, text: string, start: number, end: number): FormVerdict | null {
  if (form.count === 0) return "msisdn_letters";
  const cell = text.slice(start, end);
  if (!anyScientificNumber.test(cell)) return "msisdn_letters";
  const [, plus, first = "", rest = "", exponent] = scientificNumber.exec(cell) ?? [];
  if (rest.length < 6 || rest.length !== Number(exponent)) return "msisdn_spreadsheet_number";
  clear(form);
  for (const digit of first + rest) form.digits[form.count++] = Number(digit);
  form.hasPlus = plus === "+";
  form.starts[0] = 0;
  form.before[0] = 0;
  form.groups = 1;
  return null;
}

/**
 * What the grouping of the digits says. `number`: nothing against it. `foreign`: no number is
 * written so. `doubtful`: only where
 * the country writes this number in just these groups (a day and a month, or an amount: Andorra
 * writes `312 345`).
 * `suffix`: no number, if what stands before the last group is one already.
 */
export type FormKind = "number" | "foreign" | "doubtful" | "suffix";

/**
 * `usesNationalPrefix`: mobile numbers of the country have a prefix at home, so that one without it
 * and without plus is rare.
 */
export function judgeForm(form: NumberForm, usesNationalPrefix: boolean): FormKind {
  if (form.hasSign && form.digits[0] !== 0 && !form.hasPlus) return "foreign";
  if (form.groups === 1) return form.bracketFrom > 0 && form.bracketTo === form.count ? "foreign" : "number";
  const { bracketFrom, bracketTo } = form;
  // something in brackets behind a finished number
  if (bracketFrom > 8 || (bracketFrom > 0 && bracketTo === form.count)) return "foreign";
  let all = 0;
  for (let group = 1; group < form.groups; group++) all |= form.before[group] as number;
  if (isFloat(form, all)) {
    form.count = form.starts[1] as number;
    form.groups = 1;
    return "number";
  }
  if ((all & between.comma) !== 0) return "foreign";
  if ((all & between.slash) !== 0 && !hasAreaSlash(form)) return "foreign";
  if ((all & between.dot) !== 0) {
    const kind = judgeDots(form, all);
    if (kind !== "number") return kind;
  }
  if (!form.hasPlus) {
    const kind = judgeDate(form, all);
    if (kind !== "number") return kind;
    if (isAmount(form, all, usesNationalPrefix)) return "doubtful";
  }
  return isSuffixed(form, all) ? "suffix" : "number";
}

const groupLength = ({ starts, groups, count }: NumberForm, group: number): number =>
  (group + 1 === groups ? count : (starts[group + 1] as number)) - (starts[group] as number);

const groupValue = (form: NumberForm, group: number): number => {
  let value = 0;
  const start = form.starts[group] as number;
  for (let index = start; index < start + groupLength(form, group); index++) value = 10 * value + (form.digits[index] as number);
  return value;
};

/**
 * 358401234567.0 and 358401234567,00: a spreadsheet or data frame took the number for an amount; no
 * digit is lost.
 */
function isFloat(form: NumberForm, all: number): boolean {
  if (form.groups !== 2 || (all !== between.dot && all !== between.comma)) return false;
  return (form.starts[1] as number) >= 5 && groupLength(form, 1) <= 2 && groupValue(form, 1) === 0;
}

/**
 * 0171/1234567, +49/171/1234567: a slash stands behind an area code. Not 040 123456 / 7, 11/2026,
 * 2024/12345.
 */
function hasAreaSlash(form: NumberForm): boolean {
  let slashes = 0;
  let first = 0;
  let last = 0;
  for (let group = 1; group < form.groups; group++) {
    if (((form.before[group] as number) & between.slash) === 0) continue;
    if (slashes++ === 0) first = form.starts[group] as number;
    last = form.starts[group] as number;
  }
  const isWritten = form.hasPlus || form.digits[0] === 0;
  if (slashes > 2 || (slashes === 2 && !isWritten)) return false;
  if (form.count - last < 5 || first < 2) return false;
  return isWritten || first !== 4 || !isYear(groupValue(form, 0));
}

const isYear = (value: number): boolean => value >= 1900 && value <= 2100;

/**
 * One dot alone may be a decimal point, and four an address of the internet; 1.2.3 is a version.
 */
function judgeDots(form: NumberForm, all: number): FormKind {
  let dots = 0;
  let singles = 0;
  let isAddress = form.groups === 4 && all === between.dot;
  for (let group = 0; group < form.groups; group++) {
    if (((form.before[group] as number) & between.dot) !== 0) dots++;
    if (groupLength(form, group) === 1) singles++;
    if (groupValue(form, group) > 255 || (groupLength(form, group) > 1 && form.digits[form.starts[group] as number] === 0))
      isAddress = false;
  }
  if (form.hasPlus) return "number";
  if (isAddress || singles > 1) return "doubtful";
  if (dots !== 1 || ((form.before[0] as number) & between.dot) !== 0) return "number";
  const last = form.groups - 1;
  if (((form.before[last] as number) & between.dot) === 0) return "number";
  const decimals = groupLength(form, last);
  if (form.groups > 2) return decimals <= 2 ? "foreign" : "number";
  return form.digits[0] === 0 && groupLength(form, 0) >= 2 && decimals >= 5 ? "number" : "doubtful";
}

/**
 * Days, months and years in any order, with any sign between them; two years; with a time behind.
 */
function judgeDate(form: NumberForm, all: number): FormKind {
  const { groups } = form;
  const isSpaced = (all & ~between.space) === 0;
  if (groups === 2) return judgeTwoGroups(form, isSpaced);
  const [a, b, c] = [groupLength(form, 0), groupLength(form, 1), groupLength(form, 2)];
  const hasYearLast = a <= 2 && b <= 2 && c === 4 && isYear(groupValue(form, 2));
  const hasYearFirst = a === 4 && b <= 2 && c <= 2 && isYear(groupValue(form, 0));
  if (groups > 3) return (hasYearLast || hasYearFirst) && !isSpaced ? "foreign" : "number";
  if (hasYearLast || hasYearFirst) return isDayAndMonth(form) && !isSpaced ? "foreign" : "doubtful";
  if (isSpaced || a > 2 || b > 2) return "number";
  if (c === 4) return "doubtful";
  if (c > 2) return "number";
  return isDayAndMonth(form) && isRecentYear(groupValue(form, 2)) ? "foreign" : "doubtful";
}

function isDayAndMonth(form: NumberForm): boolean {
  const [a, b, c] = [groupValue(form, 0), groupValue(form, 1), groupValue(form, 2)];
  const fits = (day: number, month: number) => day >= 1 && day <= 31 && month >= 1 && month <= 12;
  return fits(a, b) || fits(b, a) || fits(c, b);
}

/**
 * Greenland and the Faroes write 22-12-34: the one thing that tells it from a date is a year in
 * which nobody alive was born.
 */
const isRecentYear = (value: number): boolean => value < 34 || value >= 50;

/** A month and a year, two years, a birthday with the end of a personal identity code behind it. */
function judgeTwoGroups(form: NumberForm, isSpaced: boolean): FormKind {
  const [a, b] = [groupLength(form, 0), groupLength(form, 1)];
  if (isSpaced) return "number";
  if (a === 4 && b === 4 && isYear(groupValue(form, 0)) && isYear(groupValue(form, 1))) return "foreign";
  if ((a <= 2 && b === 4 && isYear(groupValue(form, 1))) || (a === 4 && b <= 2 && isYear(groupValue(form, 0)))) return "doubtful";
  if (a !== 6 || (b !== 4 && b !== 5) || form.digits[0] === 0) return "number";
  const [first, month, last] = [
    Math.trunc(groupValue(form, 0) / 10_000),
    Math.trunc(groupValue(form, 0) / 100) % 100,
    groupValue(form, 0) % 100,
  ];
  const isBirthday = month >= 1 && month <= 12 && ((first >= 1 && first <= 31) || (last >= 1 && last <= 31));
  return isBirthday ? "doubtful" : "number";
}

/**
 * 450 000 and 1.250.000: thousands in threes. Nine digits and more are no amount that stands in a
 * list of people, and 612 345 678
 * is how half of the world writes a mobile number; without a prefix at home so is 21 234 567.
 */
function isAmount(form: NumberForm, all: number, usesNationalPrefix: boolean): boolean {
  if (form.digits[0] === 0 || (all & ~(between.space | between.dot | between.quote)) !== 0) return false;
  const first = groupLength(form, 0);
  if (first > 3) return false;
  for (let group = 1; group < form.groups; group++) if (groupLength(form, group) !== 3) return false;
  return form.count < 9 && (usesNationalPrefix || form.count < 7 || first < 2);
}

/**
 * 040-2234517-1, 0402234508 12: a short group behind what may be a number already. Written numbers
 * end in groups of two and more,
 * and have no short group behind one of seven.
 */
function isSuffixed(form: NumberForm, all: number): boolean {
  if ((all & between.slash) !== 0) return true;
  const last = groupLength(form, form.groups - 1);
  if (last === 1) return true;
  const previous = groupLength(form, form.groups - 2);
  return last <= 4 && (previous >= 9 || (previous >= 7 && form.groups > 2));
}

/** Digits before the last group, or before the last slash: what `suffix` asks about. */
export function digitsBeforeSuffix(form: NumberForm): number {
  for (let group = form.groups - 1; group > 0; group--) {
    if (((form.before[group] as number) & between.slash) !== 0) return form.starts[group] as number;
  }
  return form.starts[form.groups - 1] as number;
}

/** Whether the digits stand in groups of just these lengths. */
export function isGroupedAs(form: NumberForm, lengths: readonly number[]): boolean {
  return lengths.length === form.groups && lengths.every((length, group) => length === groupLength(form, group));
}

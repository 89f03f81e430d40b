// What a number in a sheet looks like: a date in one format, an amount in the next. Called by
// sheet_rows.ts. Dates become ISO text and amounts keep their sign, so that neither is ever taken
// for a phone number. A number is as exact as in the sheet, without exponent or thousands
// separators.
import type { CellFault } from "../rows.ts";

export type NumberFormat =
  | { kind: "number"; decimals: number | null; digits: number; prefix: string; suffix: string; isPercent: boolean }
  | { kind: "date"; hasDate: boolean; hasTime: boolean };

const general: NumberFormat = { kind: "number", decimals: null, digits: 0, prefix: "", suffix: "", isPercent: false };

/**
 * Formats that files name by number alone (ECMA-376 18.8.30); 27-36 and 50-58 are East Asian dates.
 */
const builtIn: Readonly<Record<number, string>> = {
  ...{ 1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 14: "yyyy-mm-dd", 15: "d-mmm-yy" },
  ...{ 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss", 22: "yyyy-mm-dd h:mm" },
  ...{ 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss", 47: "mm:ss.0", 49: "@" },
};

/** The format of a style; `code` is the workbook's own for ids from 164 up. */
export function numberFormat(id: number, code: string | undefined): NumberFormat {
  if (code === undefined && ((id >= 27 && id <= 36) || (id >= 50 && id <= 58))) return { kind: "date", hasDate: true, hasTime: false };
  return compileFormat(code ?? builtIn[id] ?? "General");
}

/** Reads a format code's first section, the one for positive numbers. */
export function compileFormat(code: string): NumberFormat {
  const section = firstSection(code);
  // a bracket with a condition, a colour or a locale; those of elapsed time stay
  const plain = section.replace(/\[(?!h+\]|m+\]|s+\])[^\]]*\]/gi, "");
  const marks = withoutLiterals(plain);
  if (/general|@/i.test(marks)) return general;
  if (/[ymdhs]/i.test(marks)) {
    const hasTime = /[hs]/i.test(marks);
    return { kind: "date", hasDate: /[yd]/i.test(marks) || !hasTime, hasTime };
  }
  return compileNumber(section, plain, marks);
}

function compileNumber(section: string, plain: string, marks: string): NumberFormat {
  if (/[e/?]/i.test(marks) || !/[0#]/.test(marks)) return general;
  const [whole = "", fraction] = marks.replace(/[^0#.]/g, "").split(".");
  // "(###) ###-####" and other shapes of one number: signs between its digits mean nothing to a
  // reader
  const isShape = /[0#][^0#.,]+[0#]/.test(plain) || /[<>=]/.test(section);
  const prefix = isShape ? "" : literalOf(/^[^0#.]*/.exec(plain)?.[0] ?? "");
  const suffix = isShape ? "" : literalOf(/[^0#.,]*$/.exec(plain)?.[0] ?? "");
  const currency = /\[\$([^\]-]+)/.exec(section)?.[1]?.trim() ?? "";
  return {
    kind: "number",
    decimals: fraction === undefined ? null : fraction.length,
    digits: /^0+$/.test(whole) ? whole.length : 0,
    prefix: prefix.trim(),
    suffix: [currency, suffix.replace("%", "").trim()].filter((part) => part !== "").join(" "),
    isPercent: marks.includes("%"),
  };
}

/** Up to the first `;` that is not a literal. */
function firstSection(code: string): string {
  return /^(?:"[^"]*"|\\.|\[[^\]]*\]|[^;])*/.exec(code)?.[0] ?? code;
}

/** Without quoted texts, escaped characters, spaces of a width and fillers. */
const withoutLiterals = (code: string) => code.replace(/"[^"]*"|\\.|_.|\*./g, "");

const literalOf = (code: string) => code.replace(/_.|\*./g, "").replace(/"([^"]*)"|\\(.)/g, "$1$2");

/** Days from the epoch of each system to 1970-01-01. */
const days1900 = 25_569;
const days1904 = 24_107;
const msPerDay = 86_400_000;
/** 9999-12-31. */
const serialMax = 2_958_465;

export interface Rendered {
  text: string;
  fault: CellFault | null;
}

/** A numeric cell as text. `raw` is the cell's content in the file. */
export function renderNumber(raw: string, format: NumberFormat, is1904: boolean): Rendered {
  const value = Number(raw);
  if (raw.trim() === "" || !Number.isFinite(value)) return { text: raw, fault: null };
  if (format.kind === "date") return { text: renderDate(value, format, is1904), fault: null };
  // a sheet keeps 15 digits and writes zeros for the rest
  const isCut = Math.abs(value) >= 1e15 && Number.isInteger(value);
  const { decimals, digits, prefix, suffix, isPercent } = format;
  const shown = isPercent ? value * 100 : value;
  const figure = decimals === null || Math.abs(shown) >= 1e15 ? plainDigits(shown) : shown.toFixed(Math.min(decimals, 20));
  const padded = figure.startsWith("-") ? figure : figure.replace(/^\d+/, (whole) => whole.padStart(digits, "0"));
  const text = `${prefix}${padded}${isPercent ? "%" : ""}${suffix === "" ? "" : ` ${suffix}`}`;
  return { text, fault: isCut ? "digits_lost" : null };
}

/** 15 significant digits, as a sheet shows them, never with an exponent. */
function plainDigits(value: number): string {
  if (Number.isInteger(value)) return BigInt(value).toString();
  const rounded = Number(value.toPrecision(15));
  const text = String(rounded);
  return text.includes("e") ? rounded.toFixed(20).replace(/0+$/, "") : text;
}

function renderDate(serial: number, { hasDate, hasTime }: { hasDate: boolean; hasTime: boolean }, is1904: boolean): string {
  // a sheet displays it as #####
  if (serial < 0 || serial > serialMax) return "#NUM!";
  if (!hasDate) return timeOf(serial);
  // 1900 was not a leap year, but sheets of the 1900 system have a 29 February
  const shift = is1904 ? -days1904 : serial < 60 ? 1 - days1900 : -days1900;
  const date = new Date(Math.round((serial + shift) * 86_400) * 1000).toISOString();
  const isMidnight = Math.round(serial * 86_400) % 86_400 === 0;
  return hasTime || !isMidnight ? date.slice(0, 19) : date.slice(0, 10);
}

/** Hours may be more than a day has. */
function timeOf(serial: number): string {
  const seconds = Math.round((serial * msPerDay) / 1000);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

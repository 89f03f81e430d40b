// One row of an upload -> the message that it becomes, or the reason why not. Called by
// import_campaign.ts.
import type { RejectReason } from "../../contracts/states.ts";
import type { Encoding } from "../../sms/encodings.ts";
import { countryOf } from "../../sms/number_country.ts";
import { createNumberReader } from "../../sms/numbers.ts";
import { measureText, septetsAlone, unitsAlone } from "../../sms/parts.ts";
import { isBlank, isEmptyValue, type Template } from "../../sms/template.ts";
import { boundsAt, type CellFault, faultOf, type Rows, valueAt } from "../rows.ts";
import type { Columns } from "./columns.ts";
import { createNumberSet } from "./number_set.ts";

/** A future message. */
export interface GoodRow {
  /** Digits of E.164. */
  msisdn: number;
  parts: number;
  /** Values of the text's placeholders in order; null if it has none. */
  fields: string[] | null;
}

export interface RowJudge {
  /** Judges a row; a good number is remembered, so that it is a duplicate the next time. */
  judge(rows: Rows, row: number): GoodRow | RejectReason;
  /** Good rows so far by the encoding of their filled text. */
  readonly encodings: Readonly<Record<Encoding, number>>;
  /**
   * For each placeholder, the rows so far whose value was empty: those with a number that can be
   * texted, whatever their verdict.
   */
  readonly emptyValues: readonly number[];
}

export interface RowJudgeOptions {
  template: Template;
  columns: Columns;
  country: string;
  partsMax: number;
  /**
   * Rows with an empty value for which the text has no default are sent nevertheless. Default
   * false: they are `value_empty`.
   */
  sendsEmptyValues?: boolean;
  /** What the carrier may be given. Default: every number. */
  destinations?: Destinations | null;
}

/** ISO 3166 letters; digits of E.164. null: no limit. */
export interface Destinations {
  countries: ReadonlySet<string> | null;
  phones: ReadonlySet<number> | null;
}

/**
 * A judge for one file. The checks in order: a cell that cannot be used, the number, what the
 * carrier may be given, a duplicate of an earlier good row, empty values, the filled text. Values
 * are inserted in NFC, without outer whitespace and with one \n for each line break (`valueAt`);
 * `#N/A` and the like (`isEmptyValue`) count as empty.
 */
export function createRowJudge(options: RowJudgeOptions): RowJudge {
  const { template, columns, partsMax, sendsEmptyValues = false, destinations = null } = options;
  const readNumber = createNumberReader(options.country);
  const seen = createNumberSet();
  const encodings = { gsm7: 0, ucs2: 0 };
  const emptyValues = template.placeholders.map(() => 0);
  const constant = template.placeholders.length === 0 ? measureText(template.fill([])) : null;
  return {
    encodings,
    emptyValues,
    judge(rows, row) {
      const fault = rows.faults.size === 0 ? null : faultOfUsed(rows, row, columns);
      if (fault !== null) return fault;
      const at = boundsAt(rows, row, columns.phone);
      const msisdn = readNumber(rows.text, rows.bounds[at], rows.bounds[at + 1]);
      if (typeof msisdn === "string") return msisdn;
      const refused = destinations === null ? null : refusalOf(msisdn, destinations);
      if (refused !== null) return refused;
      if (constant !== null) {
        if (!seen.add(msisdn)) return "duplicate";
        encodings[constant.encoding]++;
        return { msisdn, parts: constant.parts, fields: null };
      }
      if (seen.has(msisdn)) return "duplicate";
      const fields = columns.fields.map((index) => fieldOf(valueAt(rows, row, index)));
      for (let index = 0; index < fields.length; index++) if (fields[index] === "") (emptyValues[index] as number)++;
      if (!sendsEmptyValues && fields.some((value, index) => value === "" && template.needsValue[index])) return "value_empty";
      // too long whatever its characters: filling it would only take time (a cell of 32 kB,
      // hundreds of times per row)
      if (template.filledLength(fields) > partsMax * septetsAlone) return "text_too_many_parts";
      const size = sizeAlone(template, fields) ?? sizeFilled(template, fields);
      if (size.parts === 0) return "text_empty";
      if (size.parts > partsMax) return "text_too_many_parts";
      seen.add(msisdn);
      encodings[size.encoding]++;
      return { msisdn, parts: size.parts, fields };
    },
  };
}

/** Why the carrier may not be given this number; null: it may. */
export function refusalOf(msisdn: number, { countries, phones }: Destinations): RejectReason | null {
  if (countries !== null && !countries.has(countryOf(msisdn) ?? "")) return "destination_not_allowed";
  return phones !== null && !phones.has(msisdn) ? "not_a_test_phone" : null;
}

/**
 * As it is inserted into a text. In NFC, so that the same letters cost the same however they are
 * encoded.
 */
function fieldOf(value: string): string {
  if (value === "" || isEmptyValue(value)) return "";
  return /[\u0300-\uffff]/.test(value) ? value.normalize("NFC") : value;
}

/** A fault in the number's cell, or in one that fills the text. */
function faultOfUsed(rows: Rows, row: number, { phone, fields }: Columns): CellFault | null {
  for (const column of [phone, ...fields]) {
    const fault = faultOf(rows, row, column);
    if (fault !== null) return fault;
  }
  return null;
}

const onePartOfGsm7 = { encoding: "gsm7", parts: 1 } as const;
const onePartOfUcs2 = { encoding: "ucs2", parts: 1 } as const;

interface Size {
  encoding: Encoding;
  /** 0 if the text shows nothing to a reader. */
  parts: number;
}

/**
 * Most texts have one part: their septets are those of the template plus those of the values, so
 * nothing needs to be filled (decision 018). Null if there may be more parts, or none.
 */
function sizeAlone(template: Template, fields: readonly string[]): Size | null {
  if (!template.hasWords) return null;
  const septets = template.filledSeptets(fields);
  if (septets >= 0) return septets <= septetsAlone ? onePartOfGsm7 : null;
  return template.filledLength(fields) <= unitsAlone ? onePartOfUcs2 : null;
}

function sizeFilled(template: Template, fields: readonly string[]): Size {
  const text = template.fill(fields);
  const { encoding, parts } = measureText(text);
  return { encoding, parts: isBlank(text) ? 0 : parts };
}

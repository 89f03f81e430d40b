// The header of an upload: are its names usable, which column has the phone numbers, which fill the text.
// Called by import_campaign.ts for the first row of a file.
import { AppError } from "../../contracts/errors.ts";
import { columnKey, type Template } from "../../sms/template.ts";

/** A column's name at most: what a person would still read as a name. */
export const columnNameCharactersMax = 200;

/** Names that are no words for data but doors into JavaScript's objects. We do not use names as keys; whoever reads our JSON might. */
const forbiddenNames = new Set(["__proto__", "constructor", "prototype"]);

/** Headers of phone columns without blanks, signs and accents; the first that a file has is taken. */
const phoneNames = [
  ["msisdn", "mobile", "mobilenumber", "mobilephone", "mobilephonenumber", "cell", "cellphone", "cellnumber", "gsm", "gsmnumber"],
  ["matkapuhelin", "matkapuhelinnumero", "kannykka", "kannykkanumero", "mobil", "mobilnummer", "mobiltelefon", "handy", "handynummer"],
  ["phone", "phonenumber", "phoneno", "telephone", "telephonenumber", "tel", "puhelin", "puhelinnumero", "puhelinnro", "puh", "puhnro"],
  ["telefon", "telefonnummer", "telefono", "telefone", "celular", "movil", "portable", "telefonszam", "numertelefonu"],
  ["number", "numero", "nummer", "to", "recipient"],
].flat();

export interface Columns {
  /** Index of the phone numbers' column. */
  phone: number;
  /** Indexes of the columns of the template's placeholders, in their order. */
  fields: readonly number[];
}

/**
 * Finds the columns that the import needs.
 * @throws AppError csv_header_invalid, csv_header_doubled, csv_phone_column_missing (with the names found), text_column_missing, text_invalid.
 */
export function findColumns(header: readonly string[], options: { phoneColumn: string | null; template: Template; line: number }): Columns {
  const keys = header.map(columnKey);
  refuseBadNames(header, keys, options.line);
  const phone = findPhone(header, keys, options.phoneColumn);
  const { placeholders, literalNames } = options.template;
  const missing = placeholders.filter((name) => !keys.includes(name));
  if (missing.length > 0) {
    throw new AppError("text_column_missing", `The text uses ${quoteAll(missing)}; the file has ${quoteAll(header)}.`, {
      details: { missing, columns: [...header] },
    });
  }
  const doubled = literalNames.find((name) => keys.includes(name));
  if (doubled !== undefined) {
    throw new AppError(
      "text_invalid",
      `{{${doubled}}} would be sent as {${doubled}}; write {${doubled}} with single braces for the column.`,
    );
  }
  return { phone, fields: placeholders.map((name) => keys.indexOf(name)) };
}

function refuseBadNames(header: readonly string[], keys: readonly string[], line: number): void {
  const seen = new Map<string, number>();
  for (const [index, key] of keys.entries()) {
    const name = header[index] as string;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
    if (forbiddenNames.has(key) || name.length > columnNameCharactersMax || /[\u0000-\u0008\u000e-\u001f\u007f]/.test(name)) {
      const shown = name.slice(0, columnNameCharactersMax);
      throw new AppError("csv_header_invalid", `Column ${index + 1} cannot be named ${JSON.stringify(shown)}.`, {
        details: { line, column: index + 1, name: shown },
      });
    }
    // columns without a name (a trailing delimiter in the header) are never looked for, so they may be many
    if (key === "") continue;
    const first = seen.get(key);
    if (first !== undefined) {
      throw new AppError("csv_header_doubled", `Columns ${first} and ${index + 1} are both named ${JSON.stringify(name)}.`, {
        details: { line, name: key, columns: [String(first), String(index + 1)] },
      });
    }
    seen.set(key, index + 1);
  }
}

function findPhone(header: readonly string[], keys: readonly string[], phoneColumn: string | null): number {
  const names = keys.map(barePhoneName);
  const wanted = phoneColumn === null ? phoneNames.find((name) => names.includes(name)) : columnKey(phoneColumn);
  const index = wanted === undefined ? -1 : (phoneColumn === null ? names : keys).indexOf(wanted);
  if (index >= 0) return index;
  const says =
    phoneColumn === null
      ? `No column is named phone, mobile, msisdn, puhelin or alike; the file has ${quoteAll(header)}. Name one with phone_column.`
      : `No column is named ${JSON.stringify(phoneColumn)}; the file has ${quoteAll(header)}.`;
  throw new AppError("csv_phone_column_missing", says, { details: { columns: [...header] } });
}

/** "Mobile-phone no." and "mobilephoneno" are one name. */
function barePhoneName(key: string): string {
  return key
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[^\p{L}]/gu, "");
}

function quoteAll(names: readonly string[]): string {
  return names.map((name) => JSON.stringify(name)).join(", ");
}

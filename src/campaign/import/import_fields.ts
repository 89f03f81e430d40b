// The fields of POST /create and POST /quote beside the file: their names, limits and defaults.
// Called by salesapi before a row is read.
import { type Encoding, encodingNamed } from "../../contacts/encoding/encodings.ts";
import { isSender } from "../../contracts/carriers.ts";
import { AppError } from "../../contracts/errors.ts";
import { fileEncodings } from "../../contracts/states.ts";
import { isCountry } from "../../sms/numbers.ts";
import { measureText } from "../../sms/parts.ts";
import { compileTemplate, isBlank, type Template } from "../../sms/template.ts";
import type { ImportRequest } from "./import_campaign.ts";

export const importFieldNames = [
  "text",
  "name",
  "sender",
  "country",
  "deadline_s",
  "phone_column",
  "phone_column_number",
  "empty_values",
  "encoding",
  "sheet",
  "hidden_rows",
  "carrier",
] as const;
export type ImportFieldName = (typeof importFieldNames)[number];

/** The column bulksms.text holds so many characters. */
export const textCharactersMax = 2_000;
export const nameCharactersMax = 200;
/**
 * A week: the longest validity period that SMS has (3GPP TS 23.040 has 63 weeks, carriers keep 3 to
 * 7 days).
 */
const deadlineSMax = 604_800;
const senderDefault = "bulksms";

export interface ImportFieldSettings {
  defaultCountry: string;
  textPartsMax: number;
  deadlineS: number;
}

/** What the fields say by themselves; the carrier that they name is yet to be looked up. */
export interface ImportFields extends Omit<ImportRequest, "workspaceId" | "claim" | "pricing" | "carrier" | "destinations" | "isExample"> {
  /** null: the installation's default. */
  carrierName: string | null;
  /** Whether the sender was named, not only filled in. */
  isSenderNamed: boolean;
}

/**
 * What the fields ask for. Line breaks of the text become \n, as SMS has them (browsers send \r\n).
 * @throws AppError request_invalid, text_invalid, text_too_long, sender_invalid.
 */
export function readImportFields(
  fields: ReadonlyMap<ImportFieldName, string>,
  fileName: string,
  settings: ImportFieldSettings,
): ImportFields {
  for (const [name, value] of fields) refuseBrokenCharacters(name, value);
  return {
    template: readText(fields.get("text"), settings.textPartsMax),
    name: readName(fields.get("name"), fileName),
    sender: readSender(fields.get("sender")),
    country: readCountry(fields.get("country"), settings.defaultCountry),
    deadlineS: readDeadline(fields.get("deadline_s"), settings.deadlineS),
    phoneColumn: readPhoneColumn(fields.get("phone_column"), fields.get("phone_column_number")),
    sendsEmptyValues: readEmptyValues(fields.get("empty_values")),
    choices: {
      encoding: readEncoding(fields.get("encoding")),
      sheet: readSheetName(fields.get("sheet")),
      withHiddenRows: readHiddenRows(fields.get("hidden_rows")),
    },
    fileName: clean(fileName).slice(0, nameCharactersMax),
    carrierName: fields.get("carrier")?.trim() || null,
    isSenderNamed: fields.has("sender"),
  };
}

/**
 * The form's parser writes U+FFFD for bytes that are no UTF-8, as a terminal in Latin-1 sends them:
 * thousands would read question marks.
 */
function refuseBrokenCharacters(name: ImportFieldName, value: string): void {
  const at = value.indexOf("\ufffd");
  if (at === -1) return;
  const code = name === "text" ? "text_invalid" : "request_invalid";
  throw new AppError(code, `${name}: character ${at + 1} is not valid UTF-8, or is a replacement character (U+FFFD).`, {
    details: { at: at + 1 },
  });
}

function readText(field: string | undefined, partsMax: number): Template {
  if (field === undefined) throw new AppError("text_invalid", "The field text is missing: the words to send.");
  // the same letters cost the same however they are encoded
  const text = field.replace(/\r\n?/g, "\n").normalize("NFC");
  if (isBlank(text)) throw new AppError("text_invalid", "The text is empty: it has no character that a reader would see.");
  if (text.includes("\0")) throw new AppError("text_invalid", "The text contains a NUL character.");
  const length = [...text].length;
  if (length > textCharactersMax) throw textTooLong(`The text has ${length} characters; at most ${textCharactersMax} are sent.`);
  const compiled = compileTemplate(text);
  if ("problem" in compiled) {
    const { at, reason } = compiled.problem;
    throw new AppError("text_invalid", `Text, character ${at + 1}: ${reason}.`, { details: { at: at + 1 } });
  }
  const { template } = compiled;
  if (template.placeholders.length > 0) return template;
  const { parts, encoding } = measureText(template.fill([]));
  if (parts > partsMax) throw textTooLong(`The text takes ${parts} parts (${encoding}); at most ${partsMax} are sent.`);
  return template;
}

function textTooLong(reason: string): AppError {
  return new AppError("text_too_long", reason);
}

/** Without a name: that of the file. */
function readName(field: string | undefined, fileName: string): string {
  const name = clean(field ?? fileName.replace(/\.[a-z]{1,5}$/i, ""));
  if (field !== undefined && name === "") throw new AppError("request_invalid", "name: empty");
  if ([...name].length > nameCharactersMax) {
    if (field !== undefined) throw new AppError("request_invalid", `name: more than ${nameCharactersMax} characters`);
    return [...name].slice(0, nameCharactersMax).join("");
  }
  return name === "" ? "campaign" : name;
}

/** Control characters have no business in a name that is shown in terminals and tables. */
function clean(name: string): string {
  return name.replace(/\p{Cc}+/gu, " ").trim();
}

/**
 * A number of up to 15 digits, a plus allowed, or a name of up to 11 characters (3GPP TS 23.040,
 * 9.1.2.5): letters, digits and a few signs, not only digits.
 */
export function readSender(field: string | undefined): string {
  const sender = (field ?? senderDefault).trim();
  if (isSender(sender)) return sender;
  throw new AppError(
    "sender_invalid",
    "sender: up to 15 digits (with + if international), or up to 11 letters, digits, spaces and & . _ - + !",
  );
}

/** By its name, or by its number from 1 where it has none or shares it. */
function readPhoneColumn(name: string | undefined, number: string | undefined): ImportRequest["phoneColumn"] {
  const named = name?.trim() || null;
  if (number === undefined) return named === null ? null : { name: named };
  if (named !== null) throw new AppError("request_invalid", "phone_column and phone_column_number: give one of them");
  const asked = /^\d{1,6}$/.test(number.trim()) ? Number(number) : 0;
  if (asked >= 1) return { index: asked - 1 };
  throw new AppError("request_invalid", "phone_column_number: a column's place in the file, the first is 1");
}

function readEmptyValues(field: string | undefined): boolean {
  if (field === undefined || field === "reject") return false;
  if (field === "send") return true;
  throw new AppError("request_invalid", "empty_values: reject (the default) or send");
}

function readEncoding(field: string | undefined): Encoding | null {
  if (field === undefined) return null;
  const named = encodingNamed(field);
  if (named !== null) return named;
  throw new AppError("request_invalid", `encoding: one of ${fileEncodings.join(", ")}`);
}

/** Longer than any sheet's name can be. */
const sheetCharactersMax = 255;

function readSheetName(field: string | undefined): string | null {
  if (field === undefined) return null;
  if (field.trim() !== "" && field.length <= sheetCharactersMax) return field;
  throw new AppError("request_invalid", `sheet: a sheet's name, 1 to ${sheetCharactersMax} characters`);
}

function readHiddenRows(field: string | undefined): boolean {
  if (field === undefined || field === "skip") return false;
  if (field === "include") return true;
  throw new AppError("request_invalid", "hidden_rows: skip (the default) or include");
}

function readCountry(field: string | undefined, countryDefault: string): string {
  const country = (field ?? countryDefault).trim().toUpperCase();
  if (isCountry(country)) return country;
  throw new AppError("request_invalid", "country: a country's two letters (ISO 3166), such as FI");
}

function readDeadline(field: string | undefined, deadlineS: number): number {
  if (field === undefined) return deadlineS;
  const asked = /^\d{1,7}$/.test(field.trim()) ? Number(field) : 0;
  if (asked >= 1 && asked <= deadlineSMax) return asked;
  throw new AppError("request_invalid", `deadline_s: a whole number of seconds from 1 to ${deadlineSMax}`);
}

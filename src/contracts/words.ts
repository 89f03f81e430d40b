// What states and reasons are called for a person, the same wherever one reads them: the console's
// pages and the CSV exports.
import { carrierErrors } from "./receipts.ts";
import { type MessageStatus, type RejectReason, type ShownState, shownStateOf, unconfirmedCode } from "./states.ts";

export const messageWords: Readonly<Record<ShownState, string>> = {
  pending: "waiting to be sent",
  unknown: "in doubt: the carrier may have it",
  queued: "with the carrier",
  sent: "sent to the phone",
  failed: "failed before it was sent",
  undelivered: "sent, did not arrive",
  delivered: "arrived",
  expired: "no answer in time",
  canceled: "taken back, never sent",
  unconfirmed: "sent, unconfirmed: no receipt comes from there",
};

/** The name of a state in lists and sums. */
export const stateName = (state: ShownState): string => (state === unconfirmedCode ? "sent, unconfirmed" : state);

export const rejectWords: Readonly<Record<RejectReason, string>> = {
  msisdn_missing: "no number",
  msisdn_letters: "letters in the number",
  msisdn_too_short: "number too short",
  msisdn_too_long: "number too long",
  msisdn_spreadsheet_number: "number broken by a spreadsheet",
  msisdn_invalid: "no such number range",
  msisdn_not_mobile: "not a mobile number",
  destination_not_allowed: "a country that the carrier does not send to",
  not_a_test_phone: "not on the carrier's list of test phones",
  duplicate: "the same number again",
  value_empty: "a value of the text is empty",
  text_empty: "the filled text is empty",
  text_too_many_parts: "the filled text is too long",
  row_ragged: "more cells than the header has",
  quote_unclosed: "a quote is never closed",
  cell_too_long: "a cell is too long",
  formula_without_value: "a formula without a value",
  digits_lost: "the sheet lost digits of the number",
};

/**
 * What to do about a rejected row, a sentence for the column beside it. Without commas and
 * semicolons: it stands in CSV files of either kind.
 */
export const rejectFixes: Readonly<Record<RejectReason, string>> = {
  msisdn_missing: "Write the mobile number into its cell.",
  msisdn_letters: "Write the number with digits alone and put other words into another column.",
  msisdn_too_short: "Digits are missing: write the whole number with its country code.",
  msisdn_too_long: "There are too many digits: write one number alone.",
  msisdn_spreadsheet_number: "The spreadsheet has lost digits: format the column as text and write the number again.",
  msisdn_invalid: "No phone has this number: correct it or write it with + and its country code.",
  msisdn_not_mobile: "This is no mobile number: write the person's mobile number.",
  destination_not_allowed: "Send to this country through another carrier or let this one send there.",
  not_a_test_phone: "The carrier is only tested: put it live or add the phone to its test phones.",
  duplicate: "Nothing: an earlier row has the same number and is texted.",
  value_empty: "Fill the cell that the text uses or give it a default such as {name|friend}.",
  text_empty: "Nothing of the text is left with these cells: fill those that it uses.",
  text_too_many_parts: "The text is too long with these cells: shorten them.",
  row_ragged: "The row has more cells than the header. It stands whole in the first column: spread it over its columns.",
  quote_unclosed: "A quote is never closed. The line stands in the first column: remove the quote and spread it over its columns.",
  cell_too_long: "Shorten the cell that is too long.",
  formula_without_value: "Open the workbook and save it again so that its formulas have values.",
  digits_lost: "The spreadsheet has lost digits: format the column as text and write the number again.",
};

/** Added where a row was too long to be kept whole. */
export const rowCutWords = "The row was too long and some cells end with …: copy them from your file.";

/** In a report that is passed on, beside what the simulator made up. */
export const simulatedWords = "simulated: no phone was reached";

/** Why a message is where it is: what the carrier's error code means, else its state. */
export function messageReason(status: MessageStatus, errorCode: string | null): string {
  const shown = shownStateOf(status, errorCode);
  if (errorCode === null || shown !== status) return messageWords[shown];
  const known: Readonly<Record<string, { description: string }>> = carrierErrors;
  return Object.hasOwn(known, errorCode)
    ? (known[errorCode]?.description ?? "")
    : `${messageWords[status]} (${errorCode.replaceAll("_", " ")})`;
}

// The columns of an upload that are used: which one has the phone numbers, which fill the text. An
// unused column never stops a file. Called by import_campaign.ts and by the console's worker when
// the first rows of a file are known.
import { AppError, type ErrorDetails } from "../../contracts/errors.ts";
import { columnKey, findForeignPlaceholder, type Template } from "../../sms/template.ts";
import { type PhoneCandidate, type PhoneColumnVerdict, shownColumn } from "../columns/phone_column.ts";

export interface Columns {
  /** Index of the phone numbers' column. */
  phone: number;
  /** Indexes of the columns for the template's placeholders, in their order. */
  fields: readonly number[];
}

export type FoundColumns = Columns & {
  /** Why this phone column. */
  verdict: Extract<PhoneColumnVerdict, { kind: "column" }>;
};

/**
 * The caller's choice of the phone column: by its name, or by its index from 0 if it has none;
 * null: the cells decide.
 */
export type PhoneChoice = { name: string } | { index: number } | null;

export interface ColumnOptions {
  phone: PhoneChoice;
  template: Template;
  /** Line of the header. */
  line: number;
  /** Columns of a workbook that are hidden, and so are not in the header. */
  hidden?: readonly string[] | undefined;
  /** What the first rows say (`createColumnSample`); asked only when the caller has not chosen. */
  judge(): PhoneColumnVerdict;
}

/**
 * Finds the columns that the import needs.
 * @throws AppError csv_header_doubled (a name that is used stands twice), csv_header_missing,
 * csv_phone_column_missing, phone_column_ambiguous, text_column_missing, text_invalid.
 */
export function findColumns(header: readonly string[], options: ColumnOptions): FoundColumns {
  const { template, line, hidden = [] } = options;
  const keys = header.map(columnKey);
  const verdict =
    options.phone === null ? judgedColumn(header, options.judge(), hidden) : chosenColumn(header, keys, options.phone, options);
  refuseNumberAsName(verdict.column.name, line);
  const missing = template.placeholders.filter((name) => !keys.includes(name));
  if (missing.length > 0) {
    const meant = hidden.filter((name) => missing.includes(columnKey(name)));
    throw new AppError("text_column_missing", `The text uses ${listNames(missing)}; the file has ${listNames(header)}.${hintAt(meant)}`, {
      details: { missing, columns: shortNames(header) },
    });
  }
  const foreign = findForeignPlaceholder(template.text, keys);
  if (foreign !== null) {
    const { spelling, name } = foreign;
    throw new AppError("text_invalid", `Everybody would read ${cut(spelling)} as it stands; write {${name}} for the column.`, {
      details: { spelling: cut(spelling), column: name },
    });
  }
  return { phone: verdict.column.index, verdict, fields: template.placeholders.map((name) => onlyIndexOf(header, keys, name, line)) };
}

/** The first person of a list without a header would be its header, and never texted. */
function refuseNumberAsName(name: string, line: number): void {
  if (/\p{L}/u.test(name) || name.replace(/\P{Nd}/gu, "").length < numberDigitsMin) return;
  throw new AppError(
    "csv_header_missing",
    `The first row has a number (${cut(name)}) where the column's name should stand. Put a row with the names of the columns above it.`,
    { details: { line } },
  );
}

/** A year, a date or a version may stand in a column's name. */
const numberDigitsMin = 7;

/** @throws AppError csv_header_doubled: nobody can know which of the two is meant. */
function onlyIndexOf(header: readonly string[], keys: readonly string[], key: string, line: number): number {
  const first = keys.indexOf(key);
  const second = keys.indexOf(key, first + 1);
  if (second === -1) return first;
  const name = cut(header[first] as string);
  throw new AppError("csv_header_doubled", `Columns ${first + 1} and ${second + 1} are both named ${JSON.stringify(name)}; rename one.`, {
    details: { line, name: key.slice(0, shownCharactersMax), columns: [String(first + 1), String(second + 1)] },
  });
}

function chosenColumn(
  header: readonly string[],
  keys: readonly string[],
  choice: NonNullable<PhoneChoice>,
  { line, hidden = [] }: Pick<ColumnOptions, "line" | "hidden">,
): FoundColumns["verdict"] {
  const index = "index" in choice ? choice.index : keys.indexOf(columnKey(choice.name));
  const name = header[index];
  if (name === undefined) {
    const asked =
      "index" in choice ? `The file has no column ${choice.index + 1}` : `No column is named ${JSON.stringify(cut(choice.name))}`;
    const meant = "name" in choice ? hidden.filter((hiddenName) => columnKey(hiddenName) === columnKey(choice.name)) : [];
    throw new AppError("csv_phone_column_missing", `${asked}; it has ${listNames(header)}.${hintAt(meant)}`, {
      details: { columns: shortNames(header) },
    });
  }
  if ("name" in choice) onlyIndexOf(header, keys, columnKey(choice.name), line);
  const column: PhoneCandidate = { index, name, header: "unknown", filled: 0, numbers: 0 };
  const description = `The numbers are those of ${shownColumn(column)}, as asked.`;
  return { kind: "column", column, why: "named", description, candidates: [] };
}

function judgedColumn(header: readonly string[], verdict: PhoneColumnVerdict, hidden: readonly string[]): FoundColumns["verdict"] {
  if (verdict.kind === "column") return verdict;
  if (verdict.kind === "ambiguous")
    throw new AppError("phone_column_ambiguous", verdict.description, { details: countsOf(verdict.candidates.slice(0, 2)) });
  throw new AppError(
    "csv_phone_column_missing",
    `No column is named phone, mobile, puhelin or alike or has phone numbers; the file has ${listNames(header)}. Name one with phone_column.${hintAt(hidden)}`,
    { details: { columns: shortNames(header) } },
  );
}

/** What is hidden is not meant: nobody sees whom a hidden column would text. But it may explain. */
function hintAt(hidden: readonly string[]): string {
  if (hidden.length === 0) return "";
  const shown = hidden.slice(0, shownNamesMax).map((name) => shownColumn({ index: 0, name }));
  const which =
    shown.length === 1 ? `${shown[0]} is hidden in the workbook and was` : `${shown.join(", ")} are hidden in the workbook and were`;
  return ` ${which} left out: show what is meant, or take what is hidden with hidden_rows=include.`;
}

/** Names, places from 1 and counts of the columns between which the caller must choose. */
function countsOf(candidates: readonly PhoneCandidate[]): ErrorDetails {
  return {
    columns: candidates.map(({ name }) => cut(name)),
    column_numbers: candidates.map(({ index }) => String(index + 1)),
    counts: candidates.map(({ numbers }) => String(numbers)),
  };
}

/** A refusal has to fit a terminal's line. */
const shownCharactersMax = 40;
const shownNamesMax = 8;

function cut(name: string): string {
  const characters = [...name.slice(0, 2 * shownCharactersMax)];
  return characters.length > shownCharactersMax ? `${characters.slice(0, shownCharactersMax).join("")}…` : name;
}

function shortNames(names: readonly string[]): string[] {
  return names.slice(0, shownNamesMax).map(cut);
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, shownNamesMax).map((name, index) => shownColumn({ index, name }));
  return names.length > shownNamesMax ? `${shown.join(", ")} and ${names.length - shownNamesMax} more` : shown.join(", ");
}

// Which column of a list has the phone numbers of the people to text: judged by its cells as well
// as its name, with the reason. It never guesses between two. Pure, also for the browser: the
// import, the console and the command line use the same judge.
//
//   const census = createColumnCensus(header, { country });
//   for the first rows: census.add((column) => cell)      until census.isFull
//   census.verdict()
import { createNumberReader, type ReadNumber } from "../../sms/numbers.ts";
import { type HeaderKind, meaningOf } from "./phone_headers.ts";

/** The number of rows that are judged, from the first on. */
export const sampleRowsMax = 1_000;
/**
 * And their characters, plus one per cell: rows of long cells fill a sample sooner. Because whole
 * rows are counted, the same file gives the same verdict however it arrives.
 */
export const sampleCharactersMax = 1_000_000;

/** What is known about a column that may have the numbers. */
export interface PhoneCandidate {
  /** From 0. */
  index: number;
  /** As in the file; empty for a column without a name. */
  name: string;
  header: HeaderKind;
  /** Non-empty cells among the judged rows. */
  filled: number;
  /** Cells with a number that can be texted. */
  numbers: number;
}

/**
 * Why a column was taken. `named`: the caller chose it. `only_numbers`: it is the only column of
 * phone numbers. `mobile_header`: its name says mobile, and it is filled wherever the others are.
 * `first_numbers`: the others of that name are additional ones (`Mobile 2`) and it is filled
 * wherever they are. `header`: no cell has a number that can be texted, so its name alone decided.
 * `cells`: its name says nothing, but its cells are phone numbers.
 */
export type PhoneColumnReason = "named" | "only_numbers" | "mobile_header" | "first_numbers" | "header" | "cells";

export type PhoneColumnVerdict =
  | { kind: "column"; column: PhoneCandidate; why: PhoneColumnReason; description: string; candidates: readonly PhoneCandidate[] }
  | { kind: "ambiguous"; description: string; candidates: readonly PhoneCandidate[] }
  | { kind: "none"; description: string; candidates: readonly PhoneCandidate[] };

/** Counts the cells of the first rows, column by column. */
export interface ColumnCensus {
  /** No more rows are needed. */
  readonly isFull: boolean;
  /** The next row's cells. Does nothing when it is full. */
  add(cellOf: (column: number) => string): void;
  verdict(): PhoneColumnVerdict;
}

interface Column extends PhoneCandidate {
  isSecondary: boolean;
  /**
   * Numbers with a prefix: a plus, a calling code or a leading zero. Ids and amounts have none.
   */
  prefixed: number;
  /** Numbers without a prefix that are shorter than mobile numbers usually are. */
  short: number;
  /** Each number was slightly larger than the previous one: an id. */
  isCounting: boolean;
  last: number | null;
  /** Rows with a number, as bits of a sample. */
  rows: Set<number>;
}

/** A column that has a name or a cell. Others are ignored: some exports have thousands of them. */
export function createColumnCensus(header: readonly string[], options: { country: string }): ColumnCensus {
  const read = createNumberReader(options.country);
  const columns = header.map((name, index): Column => {
    const { kind, isSecondary } = meaningOf(name);
    const counts = { filled: 0, numbers: 0, prefixed: 0, short: 0, isCounting: true, last: null, rows: new Set<number>() };
    return { index, name, header: kind, isSecondary, ...counts };
  });
  let rows = 0;
  let characters = 0;
  return {
    get isFull() {
      return rows >= sampleRowsMax || characters >= sampleCharactersMax;
    },
    add(cellOf) {
      if (rows >= sampleRowsMax || characters >= sampleCharactersMax) return;
      for (const column of columns) {
        // another person's column is never used, whatever is in it
        if (column.header === "other_person") continue;
        const cell = cellOf(column.index);
        characters += cell.length + 1;
        countCell(column, cell, read, rows);
      }
      rows++;
    },
    verdict: () => judge(columns),
  };
}

/** For rows in memory. */
export function judgePhoneColumn(
  header: readonly string[],
  rows: Iterable<readonly string[]>,
  options: { country: string },
): PhoneColumnVerdict {
  const census = createColumnCensus(header, options);
  for (const row of rows) {
    if (census.isFull) break;
    census.add((column) => row[column] ?? "");
  }
  return census.verdict();
}

/** The minimum digits of numbers without a prefix where the cells alone decide. */
const barelyANumberDigits = 9;
/** Ids are assigned in sequence: steps up to this size are counting. */
const countingStepMax = 10;

function countCell(column: Column, cell: string, read: ReadNumber, row: number): void {
  const verdict = read(cell);
  if (verdict === "msisdn_missing") return;
  column.filled++;
  if (typeof verdict === "string") return;
  column.numbers++;
  column.rows.add(row);
  if (isPrefixed(cell, verdict)) column.prefixed++;
  else if (cell.replace(/\D/g, "").length < barelyANumberDigits) column.short++;
  if (column.last !== null && !(verdict > column.last && verdict - column.last <= countingStepMax)) column.isCounting = false;
  column.last = verdict;
}

/** With a leading plus or zero, or with its whole calling code. */
function isPrefixed(cell: string, msisdn: number): boolean {
  const bare = cell.normalize("NFKC").replace(/^[^\p{Nd}+]+/u, "");
  return /^[+0٠۰०০]/u.test(bare) || bare.replace(/\P{Nd}/gu, "").length >= String(msisdn).length;
}

function judge(columns: readonly Column[]): PhoneColumnVerdict {
  const named = columns.filter(({ header }) => header === "mobile" || header === "phone");
  const holders = named.filter(({ numbers }) => numbers > 0);
  const byCells = columns.filter((column) => column.header === "unknown" && looksLikePhones(column, false));
  const weak = columns.filter((column) => column.header === "weak" && looksLikePhones(column, true));
  const candidates = [...named, ...byCells, ...weak].map(candidateOf);
  if (holders.length === 1) return taken(holders[0] as Column, "only_numbers", candidates);
  if (holders.length > 1) return chooseHolder(holders, candidates);
  // no name of a phone column has numbers below it: cells that are phone numbers say more than a
  // name
  const found = byCells.length > 0 ? [...byCells, ...weak.filter(hasPrefixes)] : weak;
  if (found.length === 1) return taken(found[0] as Column, "cells", candidates);
  if (found.length > 1) return ambiguous(found, candidates);
  return chooseByName(named, candidates);
}

/**
 * Whether most cells are phone numbers, not ids or amounts that happen to fit the country's plan.
 */
function looksLikePhones({ filled, numbers, prefixed, short, isCounting }: Column, isWeak: boolean): boolean {
  if (numbers === 0 || 2 * numbers <= filled) return false;
  if (hasPrefixes({ prefixed, filled })) return true;
  // without prefixes: by their length alone, and only where nearly all are numbers
  return isWeak && 10 * numbers >= 9 * filled && short === 0 && !(isCounting && numbers > 2);
}

/** Written as phone numbers are, which ids and amounts are not. */
const hasPrefixes = ({ prefixed, filled }: Pick<Column, "prefixed" | "filled">): boolean => 2 * prefixed > filled;

/** Several columns with the name of a phone column have numbers. */
function chooseHolder(holders: readonly Column[], candidates: readonly PhoneCandidate[]): PhoneColumnVerdict {
  const mobiles = holders.filter(({ header }) => header === "mobile");
  const [first] = mobiles.filter(({ isSecondary }) => !isSecondary);
  const hasOne = mobiles.filter(({ isSecondary }) => !isSecondary).length === 1;
  if (first !== undefined && hasOne && holders.every(({ rows }) => [...rows].every((row) => first.rows.has(row)))) {
    return taken(first, mobiles.length === holders.length ? "first_numbers" : "mobile_header", candidates);
  }
  const [only] = mobiles;
  if (only !== undefined && mobiles.length === 1 && holders.every(({ rows }) => [...rows].every((row) => only.rows.has(row)))) {
    return taken(only, "mobile_header", candidates);
  }
  return ambiguous(holders, candidates);
}

/**
 * No cell anywhere has a number that can be texted: the rows will be rejected, each with its
 * reason.
 */
function chooseByName(named: readonly Column[], candidates: readonly PhoneCandidate[]): PhoneColumnVerdict {
  const best = [...named].sort((a, b) => rankOf(a) - rankOf(b) || a.index - b.index);
  const [first] = best;
  if (first !== undefined) return taken(first, "header", candidates);
  return { kind: "none", description: "No column has phone numbers that can be texted.", candidates };
}

const rankOf = ({ header, isSecondary, filled }: Column): number =>
  (filled > 0 ? 0 : 4) + (header === "mobile" ? 0 : 2) + (isSecondary ? 1 : 0);

function candidateOf({ index, name, header, filled, numbers }: Column): PhoneCandidate {
  return { index, name, header, filled, numbers };
}

/**
 * `"Mobile"`, or `column 3` for one without a name. Shortened, so that a refusal fits a terminal's
 * line.
 */
export function shownColumn({ index, name }: Pick<PhoneCandidate, "index" | "name">): string {
  const bare = name.replace(/[\p{Default_Ignorable_Code_Point}\p{Cc}]/gu, "").trim();
  if (bare === "") return `column ${index + 1}`;
  const characters = [...bare];
  return JSON.stringify(characters.length > shownCharactersMax ? `${characters.slice(0, shownCharactersMax).join("")}…` : bare);
}

const shownCharactersMax = 40;

const shownCount = (count: number): string => count.toLocaleString("en-US");

function taken(column: Column, why: PhoneColumnReason, candidates: readonly PhoneCandidate[]): PhoneColumnVerdict {
  return { kind: "column", column: candidateOf(column), why, description: describe(column, why), candidates };
}

function describe(column: PhoneCandidate, why: PhoneColumnReason): string {
  const name = shownColumn(column);
  const counts =
    column.numbers === 1 && column.filled === 1
      ? "its first cell is a number that can be texted"
      : `${shownCount(column.numbers)} of its first ${shownCount(column.filled)} cells are numbers that can be texted`;
  switch (why) {
    case "named":
      return `The numbers are those of ${name}, as asked.`;
    case "only_numbers":
      return `The numbers are those of ${name}, the only phone column with numbers (${counts}).`;
    case "mobile_header":
      return `The numbers are those of ${name}: it is the mobile one, and filled wherever another phone column is.`;
    case "first_numbers":
      return `The numbers are those of ${name}: it comes before the additional ones, and is filled wherever they are.`;
    case "header":
      return `The numbers are those of ${name}, by its name alone: none of its first cells can be texted.`;
    case "cells":
      return `The numbers are those of ${name}, by its cells: ${counts}.`;
  }
}

/** The columns that somebody must choose between come first. */
function ambiguous(between: readonly Column[], candidates: readonly PhoneCandidate[]): PhoneColumnVerdict {
  const [first, second] = [...between].sort((a, b) => b.numbers - a.numbers || a.index - b.index) as [Column, Column];
  const others = candidates.filter(({ index }) => index !== first.index && index !== second.index);
  const counts = [first, second].map((column) => `${shownColumn(column)} has ${shownCount(column.numbers)}`).join(" and ");
  return {
    kind: "ambiguous",
    description: `Two columns hold phone numbers: ${counts} of the first rows. Name the one to text with phone_column.`,
    candidates: [candidateOf(first), candidateOf(second), ...others],
  };
}

// What the worker is asked and what it answers about a chosen file.
import type { PriceListAnswer } from "../../contracts/prices.ts";
import type { FileAnswer, QuoteAnswer } from "../../contracts/quote.ts";
import type { FileEncoding, RejectReason } from "../../contracts/states.ts";

/** What was chosen about a file; null: determined from the file. */
export interface FileChoices {
  /** Index of the numbers' column: names may be equal, or missing. */
  phoneColumn: number | null;
  encoding: FileEncoding | null;
  sheet: string | null;
  withHiddenRows: boolean;
  sendsEmptyValues: boolean;
}

export const noChoices: FileChoices = { phoneColumn: null, encoding: null, sheet: null, withHiddenRows: false, sendsEmptyValues: false };

export interface JudgeRequest extends FileChoices {
  /** An answer to an older request is thrown away. */
  id: number;
  file: File;
  text: string;
  country: string;
  partsMax: number;
  priceList: PriceListAnswer;
  /** Where the carrier sends to, ISO 3166 letters; null: every number. */
  countries: readonly string[] | null;
}

export interface RejectedLine {
  line: number;
  value: string;
}

/** What is not guessed: one of these must be chosen before the file can be judged. */
export type Question =
  | { kind: "column"; choices: readonly { index: number; name: string; numbers: number }[] }
  | { kind: "encoding"; line: number | null; choices: readonly { encoding: FileEncoding; reading: string | null }[] }
  | { kind: "sheet"; choices: readonly { name: string; numbers: number }[] };

/** Characters that make texts more expensive, and by how much. */
export interface Costly {
  characters: QuoteAnswer["costly_characters"]["cells"]["characters"];
  /** Parts that would be saved if they were replaced as suggested, and milli-credits at most. */
  extraParts: number;
  extraMilli: number;
}

export interface Judgement {
  id: number;
  /** How it was read; null until known. */
  file: FileAnswer | null;
  header: readonly string[];
  /** Index of the numbers' column; null: not known. */
  phone: number | null;
  /** Why this column, in a sentence. */
  phoneReason: string | null;
  /** What must be chosen first. */
  question: Question | null;
  /** The first rows, unchanged. */
  firstRows: readonly (readonly string[])[];
  /** The first good rows: the cells that fill the text. */
  goodRows: readonly (readonly string[])[];
  contacts: number;
  parts: number;
  /** Milli-credits, by the newest price list. */
  costMilli: number;
  /** Most contacts first; null: numbers of no single country. */
  countries: readonly { country: string | null; contacts: number; parts: number }[];
  ucs2: number;
  rejects: Readonly<Partial<Record<RejectReason, { count: number; lines: readonly RejectedLine[] }>>>;
  /** Columns of the text that are empty in some rows that could otherwise be texted. */
  emptyValues: QuoteAnswer["empty_values"];
  /** Of the cells only; the text's own are shown below the text. */
  costlyCells: Costly;
  bytesRead: number;
  bytes: number;
  isDone: boolean;
  /** Why the file cannot be read, or its columns do not fit; the code of contracts/errors.ts. */
  problem: { code: string; description: string; line: number | null } | null;
}

export const isProblemOfText = (problem: Judgement["problem"]): boolean =>
  problem?.code === "text_column_missing" || problem?.code === "text_invalid";

// The page's requests to salesapi about a judged file, what a quote changes of the page's figures,
// and the refusal of a run that would be more than was shown, or through another carrier.

import type { CarrierAnswer } from "../../contracts/carriers.ts";
import type { QuoteAnswer } from "../../contracts/quote.ts";
import { type RejectReason, rejectReasons } from "../../contracts/states.ts";
import { Problem } from "../api/api.ts";
import { carrierWords, milliOf, showCount, showCredits, showPeople } from "../look/words.ts";
import type { FileChoices, Judgement } from "./judgement.ts";

export interface Asked {
  /** Its name. */
  carrier: string;
  text: string;
  sender: string;
  country: string;
  choices: FileChoices;
}

/** What the page showed: `expect` of POST /run. */
export interface Agreed {
  contacts: number;
  parts: number;
  cost_max: string;
}

/**
 * The form of POST /create. The column is named by its position: names may be equal, or missing.
 */
export function formOf(file: File, { phone }: Pick<Judgement, "phone">, { carrier, text, sender, country, choices }: Asked) {
  const fields: Record<string, string> = {
    carrier,
    text,
    sender,
    country,
    ...(phone === null ? {} : { phone_column_number: String(phone + 1) }),
    ...(choices.encoding === null ? {} : { encoding: choices.encoding }),
    ...(choices.sheet === null ? {} : { sheet: choices.sheet }),
    ...(choices.withHiddenRows ? { hidden_rows: "include" } : {}),
    ...(choices.sendsEmptyValues ? { empty_values: "send" } : {}),
  };
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", file);
  return { form, fields };
}

/** In the page's words; null for any other error. */
export function quoteChange(error: unknown, agreed: Agreed): Problem | null {
  if (!(error instanceof Problem) || error.code !== "quote_changed") return null;
  const { contacts, parts, cost } = error.facts;
  const now = figures(Number(contacts), Number(parts), String(cost));
  return new Problem(error.status, {
    code: error.code,
    title: "Nobody was texted: it would be more than this page showed",
    detail: `You were shown ${figures(agreed.contacts, agreed.parts, agreed.cost_max)}; now it is ${now}. Nothing was charged. Choose the file again to see the new figures.`,
  });
}

/**
 * A campaign keeps the carrier that it was created with: one that is not the carrier of the page's
 * button must not run. null: it is the same.
 */
export function carrierChange(created: CarrierAnswer | undefined, shown: CarrierAnswer): Problem | null {
  if (created !== undefined && created.name === shown.name && created.simulated === shown.simulated) return null;
  const now = created === undefined ? "it is not known" : `it is ${carrierWords(created)}`;
  return new Problem(409, {
    code: "carrier_changed",
    title: "Nobody was texted: the carrier is not what this page showed",
    detail: `You were shown ${carrierWords(shown)}; now ${now}. Nothing was charged. Reload the page to choose again.`,
  });
}

/** The page's figures as salesapi judged the file; what the file is made of stays. */
export function quotedJudgement(judgement: Judgement, quote: QuoteAnswer): Judgement {
  const { cells } = quote.costly_characters;
  return {
    ...judgement,
    contacts: quote.contacts,
    parts: quote.parts,
    costMilli: Number(milliOf(quote.cost)),
    countries: quote.countries.map(({ country, contacts, parts }) => ({ country, contacts, parts })),
    rejects: Object.fromEntries(Object.entries(quote.rejects).map(([reason, { count, first }]) => [reason, { count, lines: first }])),
    emptyValues: quote.empty_values,
    costlyCells: { characters: cells.characters, extraParts: cells.extra_parts, extraMilli: Number(milliOf(cells.extra_cost)) },
  };
}

/** The same when salesapi found nobody to text; null for any other error. */
export function nobodyJudgement(judgement: Judgement, error: unknown): Judgement | null {
  if (!(error instanceof Problem) || error.code !== "csv_no_valid_rows") return null;
  const given = Array.isArray(error.facts.rejects) ? error.facts.rejects.map(String) : [];
  const counts = given.map((words) => words.split(": ")).filter(([reason]) => rejectReasons.includes(reason as RejectReason));
  return {
    ...judgement,
    ...{ contacts: 0, parts: 0, costMilli: 0, countries: [], goodRows: [] },
    rejects: Object.fromEntries(
      counts.map(([reason, count]) => [reason, { count: Number(count), lines: judgement.rejects[reason as RejectReason]?.lines ?? [] }]),
    ),
  };
}

const figures = (contacts: number, parts: number, cost: string): string =>
  `${showPeople(contacts)}, ${showCount(parts)} parts and ${showCredits(cost)} credits at most`;

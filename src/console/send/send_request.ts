// The page's requests to salesapi about a judged file, and the refusal of a run that would be more
// than was shown.
import { Problem } from "../api/api.ts";
import { showCount, showCredits, showPeople } from "../look/words.ts";
import type { FileChoices, Judgement } from "./judgement.ts";

interface Asked {
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
export function formOf(file: File, { phone }: Pick<Judgement, "phone">, { text, sender, country, choices }: Asked) {
  const fields: Record<string, string> = {
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

const figures = (contacts: number, parts: number, cost: string): string =>
  `${showPeople(contacts)}, ${showCount(parts)} parts and ${showCredits(cost)} credits at most`;

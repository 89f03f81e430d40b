// What the answers of POST /create and POST /quote say alike. Called by import_campaign.ts and
// quote.ts.
import type { FoundColumns } from "../../contacts/csv/columns.ts";
import type { CreateAnswer } from "../../contracts/http.ts";
import type { QuoteAnswer } from "../../contracts/quote.ts";
import { type Encoding, findCostlyCharacters } from "../../sms/encodings.ts";
import type { Template } from "../../sms/template.ts";

export function phoneColumnOf({ verdict }: FoundColumns): QuoteAnswer["phone_column"] {
  const { column, why, description } = verdict;
  return { name: column.name, number: column.index + 1, why, description };
}

export function encodingOf({ gsm7, ucs2 }: Readonly<Record<Encoding, number>>): CreateAnswer["encoding"] {
  if (gsm7 > 0 && ucs2 > 0) return "mixed";
  return ucs2 > 0 ? "ucs2" : "gsm7";
}

/** The words of a text alone, with its defaults where the cells would be. */
export function emptyFilled(template: Template): string {
  return template.fill(template.placeholders.map(() => ""));
}

export function costlyCharactersOf(text: string): CreateAnswer["costly_characters"] {
  return findCostlyCharacters(text).map(({ codePoint, ...found }) => ({ ...found, code_point: codePoint }));
}

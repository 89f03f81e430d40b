// Which characters of the cells that fill a text make it more expensive, and what those of the text
// and of the cells cost in parts. Called by the quote and the console for each row that would be
// sent. Pure.
import { costlyCharactersShownMax, type QuoteAnswer } from "../contracts/quote.ts";
import { countSeptets, findCostlyCharacters, replaceCostlyCharacters } from "../sms/encodings.ts";
import { measureText } from "../sms/parts.ts";
import type { Template } from "../sms/template.ts";

type Characters = QuoteAnswer["costly_characters"]["cells"]["characters"];

/**
 * Parts that would be saved by replacing what forces UCS-2 or counts as two: in the text alone, in
 * the values alone, in both.
 */
export interface ExtraParts {
  text: number;
  values: number;
  both: number;
}

export interface CostlyCells {
  /** A row that would be sent: its values (null: the text uses none) and its parts. */
  add(fields: readonly string[] | null, parts: number): void;
  /** Those of the values: first those that force UCS-2, each by how often it occurs. */
  characters(): Characters;
  extraParts(): ExtraParts;
}

/**
 * The number of distinct characters that are counted; a file in another script may have thousands.
 */
const charactersCountedMax = 2_000;

export function createCostlyCells(template: Template): CostlyCells {
  const plain = template.withWords(replaceCostlyCharacters);
  const found = new Map<string, Characters[number]>();
  const extra: ExtraParts = { text: 0, values: 0, both: 0 };
  const addExtra = (fields: readonly string[], parts: number) => {
    const plainFields = fields.map(replaceCostlyCharacters);
    const saved = (filled: string) => Math.max(0, parts - measureText(filled).parts);
    extra.text += saved(plain.fill(fields));
    extra.values += saved(template.fill(plainFields));
    extra.both += saved(plain.fill(plainFields));
  };
  return {
    add(fields, parts) {
      for (const value of fields ?? []) if (countSeptets(value) !== value.length) countCharacters(found, value);
      // there is nothing to save below one part
      if (parts > 1) addExtra(fields ?? [], parts);
    },
    characters() {
      const rank = ({ effect }: Characters[number]) => (effect === "forces_ucs2" ? 0 : 1);
      const sorted = [...found.values()].sort((one, other) => rank(one) - rank(other) || other.count - one.count);
      return sorted.slice(0, costlyCharactersShownMax);
    },
    extraParts: () => ({ ...extra }),
  };
}

function countCharacters(found: Map<string, Characters[number]>, value: string): void {
  for (const { codePoint, ...described } of findCostlyCharacters(value)) {
    const known = found.get(described.character);
    if (known !== undefined) known.count += described.count;
    else if (found.size < charactersCountedMax) found.set(described.character, { ...described, code_point: codePoint });
  }
}

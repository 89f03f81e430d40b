// Characters of the cells that make texts dearer - a curly apostrophe in a name, a no-break space from a
// web page - counted over all texts, with the parts that they cost. Pure.
import { type CostlyCharacter, encodingOf, findCostlyCharacters, rewriteAsGsm7 } from "../../sms/encodings.ts";
import { countParts } from "../../sms/parts.ts";
import type { Template } from "../../sms/template.ts";
import type { Costly } from "./judgement.ts";

/** Different ones that are named. */
const charactersMax = 50;

export interface CostlyValues {
  /** The values of a row that is texted, and the parts of its text. */
  take(values: readonly string[], parts: number): void;
  found(): Costly;
}

export function createCostlyValues(template: Template): CostlyValues {
  const characters = new Map<string, CostlyCharacter>();
  let extraParts = 0;
  return {
    take(values, parts) {
      const costly = values.filter((value) => encodingOf(value) === "ucs2");
      if (costly.length === 0) return;
      for (const found of findCostlyCharacters(costly.join(""))) {
        if (found.effect !== "forces_ucs2") continue;
        const known = characters.get(found.character);
        if (known !== undefined) known.count += found.count;
        else if (characters.size < charactersMax) characters.set(found.character, found);
      }
      const rewritten = values.map((value) => rewriteAsGsm7(value) ?? value);
      extraParts += Math.max(0, parts - countParts(template.fill(rewritten)));
    },
    found: () => ({ characters: [...characters.values()].sort((a, b) => b.count - a.count), extraParts }),
  };
}

// A text with `{column}` in it: compiled once, filled for each contact. Pure, also for the browser.
// Called by the import (what columns does it need, how many parts is each) and by the dispatch (the words that are sent).
//
//   {name}    the cell of the column `name`; case, outer and repeated spaces do not matter
//   {{  }}    a literal brace; a single `}` that closes nothing is itself
//   {  {}     an opening brace that is never closed, or names nothing, is refused: better than 5,000 people reading "Hello {name"
// A value is put in as it is: braces inside it are never filled again.
import { countSeptets } from "./encodings.ts";

/** A column's name at most; longer is surely a brace forgotten. */
const nameLengthMax = 100;

export interface Template {
  /** The text as it was written. */
  text: string;
  /** Names (by `columnKey`) of the columns that it needs, each once, in order of first use. */
  placeholders: readonly string[];
  /** Names that stand in doubled braces, as `{{name}}`: sent as `{name}`, so probably a mistake when a column has that name. */
  literalNames: readonly string[];
  /** It has more than blanks of its own, so that no values can make it empty. */
  hasWords: boolean;
  /** The text with the values of `placeholders`, in that order. Throws RangeError when their number differs. */
  fill(values: readonly string[]): string;
  /** Septets of `fill(values)` in GSM-7, without making it; -1 when it needs UCS-2. */
  filledSeptets(values: readonly string[]): number;
  /** Length of `fill(values)` in UTF-16 units, without making it: a text may name a column of long cells hundreds of times. */
  filledLength(values: readonly string[]): number;
}

export type TemplateResult = { template: Template } | { problem: { at: number; says: string } };

/** The spelling under which a column's name is compared: `" First  Name"` and `"first name"` are one column. */
export function columnKey(name: string): string {
  return name.normalize("NFC").trim().replace(/\s+/g, " ").toLowerCase();
}

/** Compiles a text, or says where and why it cannot be. `at` is the index of the brace in UTF-16 units. */
export function compileTemplate(text: string): TemplateResult {
  const literals: string[] = [""];
  const slots: number[] = [];
  const placeholders: string[] = [];
  const addLiteral = (words: string) => {
    literals[literals.length - 1] += words;
  };
  for (let at = 0; at < text.length; ) {
    const brace = nextBrace(text, at);
    addLiteral(text.slice(at, brace));
    if (brace === text.length) break;
    const character = text.charAt(brace);
    const isDoubled = text.charAt(brace + 1) === character;
    if (isDoubled || character === "}") {
      addLiteral(character);
      at = brace + (isDoubled ? 2 : 1);
      continue;
    }
    const end = text.indexOf("}", brace);
    const name = end === -1 ? "" : columnKey(text.slice(brace + 1, end));
    const problem = problemOf(end, name);
    if (problem !== null) return { problem: { at: brace, says: problem } };
    if (!placeholders.includes(name)) placeholders.push(name);
    slots.push(placeholders.indexOf(name));
    literals.push("");
    at = end + 1;
  }
  return { template: createTemplate(text, literals, slots, placeholders) };
}

function nextBrace(text: string, from: number): number {
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x7b || code === 0x7d) return index;
  }
  return text.length;
}

function problemOf(end: number, name: string): string | null {
  if (end === -1) return "an opening brace is never closed; write {{ for a brace itself";
  if (name === "") return "braces without a column's name between them; write {{ and }} for braces themselves";
  if (name.includes("{")) return "an opening brace inside a placeholder; write {{ for a brace itself";
  return name.length > nameLengthMax ? `a placeholder longer than ${nameLengthMax} characters; write {{ for a brace itself` : null;
}

function createTemplate(text: string, literals: readonly string[], slots: readonly number[], placeholders: readonly string[]): Template {
  const literalNames = [...text.matchAll(/\{\{([^{}]+)\}\}/g)].map((match) => columnKey(match[1] as string));
  const fill = (values: readonly string[]): string => {
    if (values.length !== placeholders.length) throw new RangeError("one value for each placeholder");
    let filled = literals[0] as string;
    for (let index = 0; index < slots.length; index++) filled += (values[slots[index] as number] as string) + literals[index + 1];
    return filled;
  };
  const literalLength = literals.reduce((sum, words) => sum + words.length, 0);
  const uses = placeholders.map((_, index) => slots.filter((slot) => slot === index).length);
  const filledLength = (values: readonly string[]): number =>
    uses.reduce((sum, count, index) => sum + count * (values[index] as string).length, literalLength);
  const literalSeptets = countSeptets(literals.join(""));
  const filledSeptets = (values: readonly string[]): number => {
    let septets = literalSeptets;
    for (let index = 0; index < values.length && septets >= 0; index++) {
      const own = countSeptets(values[index] as string);
      septets = own < 0 ? -1 : septets + (uses[index] as number) * own;
    }
    return septets;
  };
  const hasWords = literals.some((words) => words.trim() !== "");
  return { text, placeholders, literalNames, hasWords, fill, filledSeptets, filledLength };
}

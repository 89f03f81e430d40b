// A text with `{column}` in it: compiled once, filled for each contact. Pure, also for the browser.
// Called by the import (what columns does it need, how many parts is each) and by the dispatch (the
// words that are sent).
//
//   {name}         the cell of the column `name`; case, outer and repeated spaces, invisible
// characters do not matter
//   {name|friend}  the same, or `friend` where the cell is empty; `{name|}`: nothing there
//   {{  }}         a literal brace; a single `}` that closes nothing is itself: `{{{name}}}` is a
// brace, the cell and a brace
//   {  {}          an opening brace that is never closed, or names nothing, is refused: better than
// 5,000 people reading "Hello {name"
// A value is put in as it is: braces inside it are never filled again.
import { countSeptets } from "./encodings.ts";

/** A column's name at most; longer is surely a brace forgotten. */
const nameLengthMax = 100;

export interface Template {
  /** The text as it was written. */
  text: string;
  /** Names (by `columnKey`) of the columns that it needs, each once, in order of first use. */
  placeholders: readonly string[];
  /**
   * For each of `placeholders`, whether it stands somewhere without a default: then an empty value
   * leaves a gap in the text.
   */
  needsValue: readonly boolean[];
  /** It has visible characters of its own, so that no values can make it empty. */
  hasWords: boolean;
  /**
   * The text with the values of `placeholders`, in that order; an empty one gives way to the
   * default. Throws RangeError when their number differs.
   */
  fill(values: readonly string[]): string;
  /** Septets of `fill(values)` in GSM-7, without making it; -1 when it needs UCS-2. */
  filledSeptets(values: readonly string[]): number;
  /**
   * Length of `fill(values)` in UTF-16 units, without making it: a text may name a column of long
   * cells hundreds of times.
   */
  filledLength(values: readonly string[]): number;
  /** The same with its own words changed, defaults too; its placeholders stay. */
  withWords(change: (words: string) => string): Template;
}

export type TemplateResult = { template: Template } | { problem: { at: number; reason: string } };

const invisibles = /\p{Default_Ignorable_Code_Point}/gu;

/**
 * The spelling under which a column's name is compared: `" First  Name"` and `"first name"` are one
 * column.
 */
export function columnKey(name: string): string {
  return name.normalize("NFC").replace(invisibles, "").trim().replace(/\s+/g, " ").toLowerCase();
}

/** Whether a reader sees nothing of it: whitespace, zero-width characters and fillers alone. */
export function isBlank(text: string): boolean {
  return !/[^\s\p{Default_Ignorable_Code_Point}\p{Cc}\u2800]/u.test(text);
}

/**
 * A formula's error in any language of Excel, LibreOffice and Google Sheets: `#REF!`, `#WERT!`,
 * `#¿NOMBRE?`, `#JAKO/0!`, `Err:502`.
 */
const formulaError = /^#[¡¿]?[\p{Lu}\p{M}\d_/ ]+[!?]$|^Err:\d{3}$/u;
/**
 * Those without a sign at the end, a column too narrow for its number, and what databases and data
 * frames write for nothing.
 */
const nothingWords = new Set(
  "#N/A #N/D #NV #I/T #N/B #Н/Д #N/DISP #NENÍ_K_DISPOZICI #GETTING_DATA #N/A N/A N/A n/a NULL null (null) [null] NaN nan NaT <NA> None undefined \\N".split(
    " ",
  ),
);

/**
 * Whether a cell is nothing that a reader should see: empty, `#N/A` and other errors of formulas,
 * `NULL`. "Null" and "Nan" are names.
 */
export function isEmptyValue(value: string): boolean {
  // none of these begins so, and most values do
  if (/^[A-DF-MO-Za-mo-tv-z0-9]/.test(value)) return false;
  if (value.length > nothingLengthMax) return isBlank(value);
  if (isBlank(value)) return true;
  const bare = value.trim();
  return nothingWords.has(bare) || bare === "#N/A N/A" || /^#+$/.test(bare) || formulaError.test(bare.normalize("NFC"));
}

const nothingLengthMax = 40;

/**
 * Compiles a text, or says where and why it cannot be. `at` is the index of the brace in UTF-16
 * units.
 */
export function compileTemplate(text: string): TemplateResult {
  const literals: string[] = [""];
  const slots: Slot[] = [];
  const placeholders: string[] = [];
  const addLiteral = (words: string) => {
    literals[literals.length - 1] += words;
  };
  for (let at = 0; at < text.length; ) {
    const brace = nextBrace(text, at);
    addLiteral(text.slice(at, brace));
    if (brace === text.length) break;
    const character = text.charAt(brace);
    const isDuplicate = text.charAt(brace + 1) === character;
    if (isDuplicate || character === "}") {
      addLiteral(character);
      at = brace + (isDuplicate ? 2 : 1);
      continue;
    }
    const end = text.indexOf("}", brace);
    const inside = end === -1 ? "" : text.slice(brace + 1, end);
    const bar = inside.indexOf("|");
    const name = columnKey(bar === -1 ? inside : inside.slice(0, bar));
    const problem = problemOf(end, name, inside);
    if (problem !== null) return { problem: { at: brace, reason: problem } };
    if (!placeholders.includes(name)) placeholders.push(name);
    slots.push({ value: placeholders.indexOf(name), otherwise: bar === -1 ? null : inside.slice(bar + 1).trim() });
    literals.push("");
    at = end + 1;
  }
  return { template: createTemplate(text, literals, slots, placeholders) };
}

/**
 * A place for a value, by its index in `placeholders`; `otherwise` where that is empty, null
 * without a default.
 */
interface Slot {
  value: number;
  otherwise: string | null;
}

function nextBrace(text: string, from: number): number {
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 0x7b || code === 0x7d) return index;
  }
  return text.length;
}

function problemOf(end: number, name: string, inside: string): string | null {
  if (end === -1) return "an opening brace is never closed; write {{ for a brace itself";
  if (name === "") return "braces without a column's name between them; write {{ and }} for braces themselves";
  if (inside.includes("{")) return "an opening brace inside a placeholder; write {{ for a brace itself";
  return name.length > nameLengthMax ? `a placeholder longer than ${nameLengthMax} characters; write {{ for a brace itself` : null;
}

function createTemplate(text: string, literals: readonly string[], slots: readonly Slot[], placeholders: readonly string[]): Template {
  const fill = (values: readonly string[]): string => {
    if (values.length !== placeholders.length) throw new RangeError("one value for each placeholder");
    let filled = literals[0] as string;
    for (let index = 0; index < slots.length; index++) {
      const { value, otherwise } = slots[index] as Slot;
      filled += ((values[value] as string) || (otherwise ?? "")) + literals[index + 1];
    }
    return filled;
  };
  const slotsOf = placeholders.map((_, index) => slots.filter(({ value }) => value === index));
  const uses = slotsOf.map(({ length }) => length);
  const defaults = slotsOf.map((own) => own.map(({ otherwise }) => otherwise ?? "").join(""));
  const defaultSeptets = defaults.map(countSeptets);
  const literalLength = literals.reduce((sum, words) => sum + words.length, 0);
  const filledLength = (values: readonly string[]): number =>
    uses.reduce((sum, count, index) => {
      const { length } = values[index] as string;
      return sum + (length === 0 ? (defaults[index] as string).length : count * length);
    }, literalLength);
  const literalSeptets = countSeptets(literals.join(""));
  const filledSeptets = (values: readonly string[]): number => {
    let septets = literalSeptets;
    for (let index = 0; index < values.length && septets >= 0; index++) {
      const value = values[index] as string;
      const own = value === "" ? (defaultSeptets[index] as number) : countSeptets(value);
      septets = own < 0 ? -1 : septets + (value === "" ? own : (uses[index] as number) * own);
    }
    return septets;
  };
  const needsValue = slotsOf.map((own) => own.some(({ otherwise }) => otherwise === null));
  const hasWords = literals.some((words) => !isBlank(words));
  const withWords = (change: (words: string) => string) =>
    createTemplate(
      text,
      literals.map(change),
      slots.map(({ value, otherwise }) => ({ value, otherwise: otherwise === null ? null : change(otherwise) })),
      placeholders,
    );
  return { text, placeholders, needsValue, hasWords, fill, filledSeptets, filledLength, withWords };
}

/**
 * Placeholders as other systems write them, each with its spelling and its name; looked for at
 * every place of a text.
 */
const foreignSpellings: readonly RegExp[] = [
  // {{{name}}} is a brace, the value and a brace
  /(?<!\{)(?=(\{\{([^{}|]+)(?:\|[^{}]*)?\}\}))/g,
  /(?=(\$\{([^{}|]+)\}))/g,
  /(?=(\(\(([^()]+)\)\)))/g,
  /(?=(\[\[([^[\]]+)\]\]))/g,
  /(?=(\[([^[\]]+)\]))/g,
  /(?=(<%=?([^<>%]+)%>))/g,
  /(?=(<<([^<>]+)>>))/g,
  /(?=(<([^<>]+)>))/g,
  /(?=(«([^«»]+)»))/g,
  /(?=(\*\|([^|*]+)\|\*))/g,
  /(?=(%([^%\n]{1,100})%))/g,
  /(?=(#([^#\n]{1,100})#))/g,
  /(?=(__([^_\n]{1,100})__))/g,
  /(?=(@([^@\n]{1,100})@))/g,
  /(?=(:([^:\n]{1,100}):))/g,
  /(?=(~([^~\n]{1,100})~))/g,
  /(?=(\|([^|\n]{1,100})\|))/g,
  /(?=(\$([\p{L}_][\p{L}\p{N}_]{0,99})(?![\p{L}\p{N}_])))/gu,
];

const looseKey = (name: string): string => columnKey(name).replace(/[_\s.-]+/g, " ");

/**
 * A placeholder that people would read as it stands, because this is not how it is written here,
 * where the file has such a column:
 * `{{name}}`, `((name))`, `[name]`, `<name>`, `%name%`, `${name}`, `$name`, `__name__`, `:name:`,
 * `name}`. `keys`: the file's
 * columns by `columnKey`. Null: none.
 */
export function findForeignPlaceholder(text: string, keys: readonly string[]): { spelling: string; name: string } | null {
  const columns = new Map(keys.filter((key) => key !== "").map((key) => [looseKey(key), key]));
  for (const pattern of foreignSpellings) {
    for (const [, spelling, inside] of text.matchAll(pattern)) {
      const name = columns.get(looseKey(inside as string));
      if (name !== undefined) return { spelling: spelling as string, name };
    }
  }
  return findLostBrace(text, columns);
}

/** `name}`: its opening brace was lost. */
function findLostBrace(text: string, columns: ReadonlyMap<string, string>): { spelling: string; name: string } | null {
  for (const { index, 0: before } of text.matchAll(/[^{}]*\}/g)) {
    if (text.charAt(index - 1) === "{") continue;
    const words = before.slice(0, -1);
    let lost: { spelling: string; name: string } | null = null;
    // the longest name wins: "first name}" is not "name}"
    for (let from = words.length - 1; from >= 0 && words.length - from <= nameLengthMax; from--) {
      if (from > 0 && /[\p{L}\p{N}_]/u.test(words.charAt(from - 1))) continue;
      const name = columns.get(looseKey(words.slice(from)));
      if (name !== undefined) lost = { spelling: `${words.slice(from).trim()}}`, name };
    }
    if (lost !== null) return lost;
  }
  return null;
}

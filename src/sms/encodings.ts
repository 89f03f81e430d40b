// The two encodings of an SMS and what each character costs in them. Source: 3GPP TS 23.038,
// sections 6.2.1 and 6.2.1.1. Pure, also for the browser. Called by parts.ts and by whoever
// explains a price.

export type Encoding = "gsm7" | "ucs2";

/**
 * GSM 7-bit default alphabet: one septet each. Its 0x1B is the escape to the extension table and no
 * character.
 */
export const defaultAlphabet =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";

/** Extension table: an escape and a septet, so two each. */
const extensionTable = "\f^{}\\[~]|€";

/** One above the highest code of either table (the euro sign): above it everything needs UCS-2. */
const tableSize = 0x20ad;

/** Septets of a UTF-16 unit by its code: 1, 2, or 0 for what GSM-7 lacks. */
const septetTable = buildSeptetTable();

function buildSeptetTable(): Uint8Array {
  const table = new Uint8Array(tableSize);
  for (const character of defaultAlphabet) table[character.charCodeAt(0)] = 1;
  for (const character of extensionTable) table[character.charCodeAt(0)] = 2;
  return table;
}

/** Septets of a UTF-16 unit in GSM-7: 1, 2 (extension table), or 0 when only UCS-2 has it. */
export function septetsOf(charCode: number): 0 | 1 | 2 {
  return (charCode < tableSize ? septetTable[charCode] : 0) as 0 | 1 | 2;
}

/** Septets of a whole text, or -1 when it needs UCS-2. */
export function countSeptets(text: string): number {
  let septets = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    const cost = code < tableSize ? (septetTable[code] as number) : 0;
    if (cost === 0) return -1;
    septets += cost;
  }
  return septets;
}

export function encodingOf(text: string): Encoding {
  return countSeptets(text) === -1 ? "ucs2" : "gsm7";
}

/** A character that makes a text more expensive than it looks. */
export interface CostlyCharacter {
  character: string;
  /** "U+2019" */
  codePoint: string;
  /**
   * `forces_ucs2`: the whole text has 70 characters per part instead of 160. `costs_two`: this
   * character counts as two.
   */
  effect: "forces_ucs2" | "costs_two";
  count: number;
  /**
   * What GSM-7 has instead, at one septet per character; "" if it can simply be dropped; null if
   * nothing is similar, or (the euro sign) only something longer.
   */
  suggestion: string | null;
}

/**
 * The characters of a text that cost money: first those that force UCS-2, each in order of its
 * first appearance.
 */
export function findCostlyCharacters(text: string): CostlyCharacter[] {
  const found = new Map<string, CostlyCharacter>();
  for (const character of text) {
    const cost = character.length === 1 ? septetsOf(character.charCodeAt(0)) : 0;
    if (cost === 1) continue;
    const known = found.get(character);
    if (known !== undefined) known.count++;
    else found.set(character, describe(character, cost === 2 ? "costs_two" : "forces_ucs2"));
  }
  const all = [...found.values()];
  return [...all.filter(({ effect }) => effect === "forces_ucs2"), ...all.filter(({ effect }) => effect === "costs_two")];
}

function describe(character: string, effect: CostlyCharacter["effect"]): CostlyCharacter {
  const codePoint = `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;
  return { character, codePoint, effect, count: 1, suggestion: suggestionFor(character) };
}

/**
 * The same text in GSM-7 if every character that forces UCS-2 has a substitute; null if one has
 * none. Characters that merely cost two stay.
 */
export function rewriteAsGsm7(text: string): string | null {
  let rewritten = "";
  for (const character of text.normalize("NFC")) {
    const isGsm7 = character.length === 1 && septetsOf(character.charCodeAt(0)) > 0;
    const replacement = isGsm7 ? character : suggestionFor(character);
    if (replacement === null) return null;
    rewritten += replacement;
  }
  return rewritten;
}

/**
 * A text in NFC with every character that forces UCS-2 or counts as two replaced where GSM-7 has
 * something alike; the others stay.
 */
export function replaceCostlyCharacters(text: string): string {
  if (countSeptets(text) === text.length) return text;
  let replaced = "";
  for (const character of text.normalize("NFC")) {
    const isCheap = character.length === 1 && septetsOf(character.charCodeAt(0)) === 1;
    replaced += isCheap ? character : (suggestionFor(character) ?? character);
  }
  return replaced;
}

/**
 * What word processors and phones put in for what people typed. Keys: the characters; value: one
 * septet each.
 */
const lookalikes: readonly (readonly [string, string])[] = [
  ["‘’‚‛′`´ʼ", "'"],
  ["“”„‟″«»", '"'],
  ["‐‑‒–—―−", "-"],
  ["…", "..."],
  ["•·‣", "-"],
  ["\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t", " "],
  ["\u2028\u2029\f", "\n"],
  ["\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""],
  ["‹", "<"],
  ["›", ">"],
  ["[{", "("],
  ["]}", ")"],
  ["\\|", "/"],
  ["×", "x"],
  ["÷", "/"],
  ["™", "(TM)"],
  ["©", "(C)"],
  ["®", "(R)"],
  ["°", "o"],
  ["œ", "oe"],
  ["Œ", "OE"],
  ["~", "-"],
  // letters whose stroke or dot is no accent to Unicode
  ["ł", "l"],
  ["Ł", "L"],
  ["đð", "d"],
  ["ĐÐ", "D"],
  ["ı", "i"],
];

const suggestions = buildSuggestions();

function buildSuggestions(): Map<string, string> {
  const map = new Map<string, string>();
  for (const [characters, replacement] of lookalikes) for (const character of characters) map.set(character, replacement);
  return map;
}

/**
 * Curly quotes, dashes and such by table; letters by taking their accents away (š -> s), a lone
 * accent away altogether.
 */
function suggestionFor(character: string): string | null {
  const listed = suggestions.get(character);
  if (listed !== undefined) return listed;
  const bare = character.normalize("NFKD").replace(/\p{M}/gu, "");
  if (bare === character) return null;
  for (let index = 0; index < bare.length; index++) if (septetsOf(bare.charCodeAt(index)) !== 1) return null;
  return bare;
}

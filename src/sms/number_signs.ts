// What each character is to a phone number: a digit, a sign between digits, nothing, or the end of
// it.
// Pure, also for the browser. Called by number_form.ts, for every character of every number: hence
// a table that fills as characters come by.

/** Digits are 1 to 10: their value and 1. */
export const signs = {
  unknown: 0,
  digit: 1,
  space: 11,
  dash: 12,
  dot: 13,
  slash: 14,
  opening: 15,
  closing: 16,
  plus: 17,
  /** Shows nothing: left out, wherever it stands. */
  invisible: 18,
  /** An apostrophe or quote, as spreadsheets put around a number to keep its zero. */
  quote: 19,
  /**
   * A footnote's: a raised or circled digit, an asterisk. It belongs to the cell and not to the
   * number.
   */
  mark: 20,
  comma: 21,
  equals: 22,
  lineBreak: 23,
  letter: 24,
  /** Anything else: no phone number has it. */
  foreign: 25,
} as const;

const charactersOf: readonly (readonly [number, string])[] = [
  [signs.plus, "+＋﹢⁺₊"],
  // dots that stand in the middle of the line separate; those on the line may be decimal points
  [signs.dot, ".．。｡․"],
  [signs.dash, "-_·•‧∙・･⁃−˗~〜～∼⁓ー－ｰ﹣﹘¯ـ➖"],
  [signs.slash, "/\\／＼⁄∕"],
  [signs.opening, "([{（［｛⟨〈《「【〔"],
  [signs.closing, ")]}）］｝⟩〉》」】〕"],
  [signs.quote, "'\"‘’‚‛“”„‟′″`´ʹʼˈ＇＂«»‹›"],
  [signs.mark, "*†‡§¶＊¹²³⁰"],
  [signs.comma, ",，、﹐"],
  [signs.equals, "=＝"],
  [signs.lineBreak, "\n\r\u2028\u2029\v\f\u0085"],
  [signs.space, "\t\u2800"],
];

/**
 * First and last code point of marks: superscripts, subscripts, digits in circles, in brackets and
 * with full stops.
 */
const markRanges = [
  [0x2074, 0x2079],
  [0x2080, 0x2089],
  [0x2460, 0x249b],
  [0x24ea, 0x24ff],
  [0x2776, 0x2793],
  [0x3251, 0x325f],
  [0x32b1, 0x32bf],
  [0x1f100, 0x1f10c],
] as const;

/**
 * The zero of each script's digits; the other nine follow it. Unicode 16: every character of the
 * category Nd.
 */
export const zeros: readonly number[] = [
  0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090,
  0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0,
  0xff10, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da,
  0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50, 0x11da0, 0x11de0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0,
  0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/** Of UTF-16 units; a pair of them is not kept. */
const table = new Uint8Array(0x10000);

/**
 * What the character of this UTF-16 unit is. A half of a pair is `unknown`: ask `signOfCodePoint`.
 */
export function signOf(unit: number): number {
  const sign = table[unit] as number;
  if (sign !== signs.unknown) return sign;
  if (unit >= 0xd800 && unit <= 0xdfff) return signs.unknown;
  table[unit] = signOfCodePoint(unit);
  return table[unit];
}

export function signOfCodePoint(codePoint: number): number {
  const digit = zeros.findLast((zero) => zero <= codePoint);
  if (digit !== undefined && codePoint - digit < 10) return signs.digit + codePoint - digit;
  const character = String.fromCodePoint(codePoint);
  const listed = charactersOf.find(([, characters]) => characters.includes(character));
  if (listed !== undefined) return listed[0];
  if (markRanges.some(([first, last]) => codePoint >= first && codePoint <= last)) return signs.mark;
  if (/\p{Default_Ignorable_Code_Point}|\p{Cc}/u.test(character)) return signs.invisible;
  if (/\s/u.test(character)) return signs.space;
  if (/\p{Pd}/u.test(character)) return signs.dash;
  return /\p{L}/u.test(character) ? signs.letter : signs.foreign;
}

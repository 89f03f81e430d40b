// Text that others wrote - names of files, columns and campaigns, cells, refusals - as a terminal
// can show it: nothing in it moves the cursor, reverses a line or hides, and it is cut to a width.
// Pure.

/**
 * Controls, bidirectional marks, zero-width characters, fillers: what is invisible, or changes how
 * the rest is displayed.
 */
const unseen = /[\p{Cc}\p{Cf}\p{Cs}\p{Default_Ignorable_Code_Point}\u2028\u2029]/u;
const unseenAll = new RegExp(unseen, "gu");
const spaces = /[\t\n\r\v\f\u0085\u2028\u2029]+/g;

/** Characters that a terminal draws two columns wide: East Asian Wide and Fullwidth, and emoji. */
const wide =
  /[\u1100-\u115f\u231a\u231b\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1b000}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const mark = /^[\p{M}\p{Default_Ignorable_Code_Point}\p{Cc}]+$/u;
const printableAscii = /^[\x20-\x7e]*$/;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * Columns that a text takes in a terminal, which draws each character as a person sees it (a
 * grapheme).
 */
export function displayWidth(text: string): number {
  if (printableAscii.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text)) width += widthOf(segment);
  return width;
}

function widthOf(grapheme: string): number {
  if (mark.test(grapheme)) return 0;
  return wide.test(grapheme) || grapheme.includes("\ufe0f") ? 2 : 1;
}

/** The text, or as much of it as fits `columns` with "…" after it. No character is cut in half. */
export function cutToWidth(text: string, columns: number): string {
  if (text.length * 2 <= columns || displayWidth(text) <= columns) return text;
  let kept = "";
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += widthOf(segment);
    if (width > columns - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A name in a table or a sentence: on one line, without invisible characters, cut to `columns`. */
export function shownName(name: string, columns = Number.POSITIVE_INFINITY): string {
  const plain = name.replace(spaces, " ").replace(unseenAll, "").trim();
  return cutToWidth(plain, columns);
}

/** A cell whose invisible characters may be what is wrong with it: each is written as `U+200B`. */
export function shownValue(value: string, columns = Number.POSITIVE_INFINITY): string {
  return cutToWidth(
    value.replace(unseenAll, (character) => codePointOf(character)),
    columns,
  );
}

/** Several lines that somebody else wrote, each as it can be shown. Tabs become spaces. */
export function shownLines(text: string): string {
  return text
    .split(/\r\n|\n|\r/)
    .map((line) => line.replace(/\t/g, "  ").replace(unseenAll, (character) => codePointOf(character)))
    .join("\n");
}

export function codePointOf(character: string): string {
  return `U+${(character.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, "0")}`;
}

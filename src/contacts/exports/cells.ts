// Cells of our CSV exports, so that a spreadsheet shows each as it stands, and we read back exactly
// what it was (docs/decisions/040).
//
//   0401234567   -> ="0401234567"   what a spreadsheet would turn into a number or a date
//   =HYPERLINK() -> '=HYPERLINK()   what it would run as a formula
//
// The first form is read back in every file (rows.ts), for spreadsheets and many exports write it.
// The apostrophe is only taken off in files that we wrote (own_columns.ts): elsewhere people begin
// words with one.

/** Names of the delimiters that our reader looks for, any of which makes a cell one in quotes. */
const quotedFor = /[",;\t|\r\n]/;
/** Digits with what stands in numbers, dates, times and amounts; see `isReadAsValue`. */
const numberLike = /^[\d\s+\-.,:/()'%eE€$£¥\u2212\u2013\u2019]*$/;
/** Words that become values, and dates with the name of a month (`MAR1`, `3 May 2026`). */
const valueWord = /^\s*(?:true|false)\s*$/i;
const dateWord = /^[\d\s.,/-]*(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[\d\s.,/-]*$/i;
/** Integers that a spreadsheet keeps as they are. */
const plainInteger = /^(?:0|[1-9]\d{0,9})$/;
/** A text within a formula has at most so many characters (Excel). */
const formulaTextMax = 255;
/** What is run as a formula, however many apostrophes and spaces stand before it. */
const formulaLike = /^['\s]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;
const textFormula = /^="((?:[^"]|"")*)"$/;

/** One line, RFC 4180, ended by \r\n. Numbers and null (an empty cell) stand as they are. */
export function csvLine(cells: readonly (string | number | null)[], separator: string): string {
  return `${cells.map(csvCell).join(separator)}\r\n`;
}

function csvCell(cell: string | number | null): string {
  if (cell === null) return "";
  if (typeof cell === "number") return String(cell);
  const shown = spreadsheetCell(cell);
  return quotedFor.test(shown) ? `"${shown.replaceAll('"', '""')}"` : shown;
}

/** What makes a spreadsheet show the text as it stands. Undone by `originalCell`. */
function spreadsheetCell(text: string): string {
  if (isReadAsValue(text)) return `="${text}"`;
  return formulaLike.test(text) ? `'${text}` : text;
}

function isReadAsValue(text: string): boolean {
  if (text.length > formulaTextMax || /^'|[\r\n]/.test(text)) return false;
  if (!/\d/.test(text)) return valueWord.test(text);
  return !plainInteger.test(text) && (numberLike.test(text) || dateWord.test(text));
}

/** A cell of a file that we wrote, as it was before. */
export function originalCell(cell: string): string {
  if (cell.startsWith("'") && formulaLike.test(cell.slice(1))) return cell.slice(1);
  return textOfFormula(cell);
}

/**
 * `="0401234567"` is the text 0401234567, as a spreadsheet shows it; so what is read is never such
 * a formula again. Any other cell is itself.
 */
export function textOfFormula(cell: string): string {
  let text = cell;
  while (text.startsWith('="')) {
    const inner = textFormula.exec(text)?.[1];
    if (inner === undefined) break;
    text = inner.replaceAll('""', '"');
  }
  return text;
}

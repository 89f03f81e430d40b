// What stands between the cells of a CSV export. Excel splits a file that is double-clicked by the
// list separator of its Windows region alone, a comma or, where numbers have a decimal comma, a
// semicolon (docs/decisions/040).

export type Separator = "," | ";";

/**
 * As in the file that was sent: the spreadsheet that wrote it opens it. For other delimiters and
 * for workbooks (null) as is usual in the country.
 */
export function separatorFor(delimiter: string | null, country: string): Separator {
  if (delimiter === "," || delimiter === ";") return delimiter;
  return hasDecimalComma(country) ? ";" : ",";
}

/** By the language that most people of the country speak (CLDR). */
function hasDecimalComma(country: string): boolean {
  const { language, region } = new Intl.Locale(`und-${country}`).maximize();
  const parts = new Intl.NumberFormat(`${language}-${region}`).formatToParts(1.5);
  return parts.some(({ type, value }) => type === "decimal" && value !== ".");
}

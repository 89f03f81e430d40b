// HTML that cannot be injected into: a template tag that escapes every value except markup. Used by
// all of lab/measure/report.

/** Text that is markup already. Made by `html` and `raw` alone. */
export interface Markup {
  readonly markup: string;
}

type Value = string | number | Markup | readonly Value[] | null;

/** Values are escaped; markup, lists of it and null (nothing) are inserted as they are. */
export function html(parts: TemplateStringsArray, ...values: Value[]): Markup {
  return { markup: parts.reduce((text, part, index) => text + part + (index < values.length ? textOf(values[index] as Value) : ""), "") };
}

/** Only for text from our own source (the style sheet). */
export function raw(markup: string): Markup {
  return { markup };
}

function textOf(value: Value): string {
  if (value === null) return "";
  if (typeof value === "string" || typeof value === "number") return escapeHtml(String(value));
  return "markup" in value ? value.markup : value.map(textOf).join("");
}

const entities: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => entities[letter] ?? "");
}

// The verdict on a file before anything moves, as `bulksms send` shows it: who would be texted, who
// not and why, and what it costs. Pure except for the terminal's width.
import type { CarrierAnswer } from "../contracts/carriers.ts";
import type { FileAnswer, QuoteAnswer } from "../contracts/quote.ts";
import { columnName } from "./send_choices.ts";
import { describeCarrier } from "./shown_carrier.ts";
import { codePointOf, cutToWidth, displayWidth, shownName, shownValue } from "./shown_text.ts";
import { renderReasons } from "./status.ts";
import { formatCount, formatCreditText, type Terminal } from "./terminal.ts";

const labelColumns = 15;
/** Lines listed per reason. */
const linesShown = 3;
const valueColumns = 24;
const countriesShown = 8;
const charactersShown = 8;
const hiddenColumnsShown = 5;
const encodingNames: Readonly<Record<string, string>> = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16",
  "utf-16be": "UTF-16",
  "windows-1252": "Windows-1252",
  "iso-8859-15": "ISO-8859-15",
};

/** `file   5,000 rows → 4,810 contacts · 190 rejected (duplicate 97, ...)` */
export function headlineOf(
  terminal: Terminal,
  shown: string,
  { contacts, rejected, rejects }: { contacts: number; rejected: number; rejects: Readonly<Record<string, number>> },
): string {
  const counts = `${countOf(contacts + rejected, "row")} → ${countOf(contacts, "contact")} · ${formatCount(rejected)} rejected`;
  // where a person watches, the rare reasons give way to the width of the line
  const room = terminal.isLive ? terminal.columns() - displayWidth(shown) - counts.length - 8 : Number.POSITIVE_INFINITY;
  return `${terminal.bold(shown)}   ${counts}${renderReasons(rejects, room)}`;
}

/** All of a quote, line by line. */
export function renderQuote(terminal: Terminal, shown: string, quote: QuoteAnswer): string[] {
  const counts = Object.fromEntries(Object.entries(quote.rejects).map(([reason, { count }]) => [reason, count]));
  const facts: [label: string, text: string][] = [
    ["numbers", describeColumn(quote.phone_column)],
    ["file", describeFile(quote.file)],
    ...rejectFacts(quote),
    ...quote.empty_values.map((empty): [string, string] => ["empty values", describeEmpty(empty)]),
    ["countries", describeCountries(quote.countries)],
    ["carrier", describeCarrier(quote.carrier)],
    ...costlyFacts(quote),
    ...quote.samples.slice(0, 1).map(({ line, text }): [string, string] => ["reads", `line ${formatCount(line)}: ${shownName(text)}`]),
  ];
  const told = facts.filter(([, text]) => text !== "");
  return [
    headlineOf(terminal, shown, { ...quote, rejects: counts }),
    "",
    // consecutive facts with the same label show it once
    ...told.flatMap(([label, text], index) => labelled(terminal, told[index - 1]?.[0] === label ? "" : label, text)),
    "",
    `${countOf(quote.parts, "part")}, cost at most ${formatCreditText(quote.cost)} credits`,
  ];
}

/** The label in its column, the text beside it; wrapped between words where a person watches. */
function labelled(terminal: Terminal, label: string, text: string): string[] {
  const room = terminal.isLive ? Math.max(20, terminal.columns() - labelColumns - 3) : Number.POSITIVE_INFINITY;
  return wrap(text, room).map((line, index) => `${terminal.dim((index === 0 ? label : "").padEnd(labelColumns))}${line}`);
}

export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (displayWidth(longer) > columns && line !== "") {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line].map((whole) => cutToWidth(whole, columns));
}

function describeColumn({ name, number, description }: QuoteAnswer["phone_column"]): string {
  return `column ${number}${shownName(name) === "" ? "" : `, ${columnName(name, number)}`}. ${shownName(description)}`;
}

export function describeFile({ kind, encoding, encoding_reason, sheet, sheets, hidden_rows, hidden_columns }: FileAnswer): string {
  if (kind === "csv") {
    const reason = encoding_reason === null ? "" : `. ${shownName(encoding_reason)}`;
    return encoding === null ? "CSV" : `CSV in ${encodingNames[encoding] ?? encoding}${reason}`;
  }
  const which = sheet === null ? "" : `, sheet ${JSON.stringify(shownName(sheet, 48))}${sheets.length > 1 ? ` of ${sheets.length}` : ""}`;
  const hidden = [
    ...(hidden_rows === 0 ? [] : [countOf(hidden_rows, "hidden row")]),
    ...(hidden_columns.length === 0 ? [] : [hiddenColumns(hidden_columns)]),
  ].join(" and ");
  return `workbook${which}${hidden === "" ? "" : `. ${hidden} left out (--hidden-rows include takes them)`}`;
}

function hiddenColumns(names: readonly string[]): string {
  const shown = names.slice(0, hiddenColumnsShown).map((name) => JSON.stringify(shownName(name, 48)));
  const rest = names.length > shown.length ? ` and ${names.length - shown.length} more` : "";
  return `hidden ${names.length === 1 ? "column" : "columns"} ${shown.join(", ")}${rest}`;
}

function rejectFacts({ rejects }: QuoteAnswer): [string, string][] {
  return Object.entries(rejects)
    .filter(([, { count }]) => count > 0)
    .sort(([, a], [, b]) => b.count - a.count)
    .map(([reason, { count, first }]) => {
      const lines = first.slice(0, linesShown).map(({ line, value }) => {
        const shown = shownValue(value.replace(/\s+/g, " ").trim(), valueColumns);
        return `line ${formatCount(line)} ${shown === "" ? "(empty)" : shown}`;
      });
      const rest = count > lines.length && lines.length > 0 ? ", ..." : "";
      return ["rejected", `${formatCount(count)} ${reasonWords(reason)}${lines.length === 0 ? "" : ` (${lines.join(", ")}${rest})`}`];
    });
}

const reasons: Readonly<Record<string, string>> = { msisdn_not_mobile: "landline, cannot receive texts" };

const reasonWords = (reason: string): string => reasons[reason] ?? reason.replace(/^msisdn_/, "").replaceAll("_", " ");

function describeEmpty({ column, rows, treated_as }: QuoteAnswer["empty_values"][number]): string {
  const where = `{${shownName(column, 48)}} is empty in ${countOf(rows, "row")}`;
  if (treated_as === "default") return `${where}: the text's default is used`;
  if (treated_as === "sent_empty") return `${where}: sent with nothing in its place`;
  return `${where}: rejected; give it a default, {${shownName(column, 48)}|...}, or send them with --empty-values send`;
}

function describeCountries(countries: QuoteAnswer["countries"]): string {
  const shown = countries.slice(0, countriesShown).map(({ country, contacts }) => `${country ?? "other"} ${formatCount(contacts)}`);
  const rest = countries.length - shown.length;
  return rest > 0 ? `${shown.join(" · ")} · ${rest} more` : shown.join(" · ");
}

function costlyFacts({ costly_characters: { text, cells } }: QuoteAnswer): [string, string][] {
  const facts = [
    ["text", text],
    ["cells", cells],
  ] as const;
  return facts
    .filter(([, { characters }]) => characters.length > 0)
    .map(([where, { characters, extra_parts, extra_cost }]) => {
      const shown = characters.slice(0, charactersShown).map(describeCharacter);
      const rest = characters.length > shown.length ? `, and ${characters.length - shown.length} more` : "";
      const extra = extra_parts === 0 ? "" : `: ${countOf(extra_parts, "part")} more, ${formatCreditText(extra_cost)} credits`;
      return ["costly", `in the ${where}${extra}. ${shown.join(", ")}${rest}`];
    });
}

function describeCharacter({
  character,
  code_point,
  count,
  suggestion,
}: QuoteAnswer["costly_characters"]["text"]["characters"][number]): string {
  const seen = shownName(character);
  const what = seen === "" ? codePointOf(character) : `${seen} (${shownName(code_point)})`;
  const instead = suggestion === null ? "" : suggestion === "" ? " → nothing" : ` → ${shownName(suggestion) || "space"}`;
  return `${what}${count > 1 ? ` × ${formatCount(count)}` : ""}${instead}`;
}

/** 1 row, 2 rows. */
export function countOf(count: number, word: string): string {
  return `${formatCount(count)} ${count === 1 ? word : `${word}s`}`;
}

/** `4,810 people through telia for at most 494.2 credits`; the simulator is not named. */
export function describeOffer({ contacts, cost, carrier }: { contacts: number; cost: string; carrier?: CarrierAnswer }): string {
  const through = carrier === undefined || carrier.simulated ? "" : ` through ${shownName(carrier.name)}`;
  return `${formatCount(contacts)} ${contacts === 1 ? "person" : "people"}${through} for at most ${formatCreditText(cost)} credits`;
}

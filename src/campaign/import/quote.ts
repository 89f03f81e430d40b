// What a file and a text would become, without anything being made of them: POST /quote. The same
// rows through the same judge as the import's, into a sink that counts.
import { type CostlyCells, createCostlyCells } from "../../contacts/costly_cells.ts";
import type { GoodRow } from "../../contacts/csv/row_verdicts.ts";
import type { OpenedFile } from "../../contacts/open_file.ts";
import { formatCredits } from "../../contracts/credits.ts";
import { costlyCharactersShownMax, type QuoteAnswer, rejectLinesShownMax, samplesShownMax } from "../../contracts/quote.ts";
import { countryOf } from "../../sms/number_country.ts";
import type { Template } from "../../sms/template.ts";
import { carrierAnswerOf } from "./chosen_carrier.ts";
import type { Reject } from "./copy_rows.ts";
import { costlyCharactersOf, emptyFilled, encodingOf, phoneColumnOf } from "./figures.ts";
import type { ImportRequest } from "./import_campaign.ts";
import { type JudgedRows, type JudgeLimits, judgeRows, type RowSink } from "./judge_rows.ts";

export type QuoteRequest = Omit<ImportRequest, "workspaceId" | "claim">;

/** A reject's cell is shown up to here. */
const valueCharactersMax = 100;

interface Counted {
  countries: Map<string | null, { contacts: number; parts: number; costMilli: number }>;
  costMilli: number;
  rejects: QuoteAnswer["rejects"];
  samples: QuoteAnswer["samples"];
  costly: CostlyCells;
}

/**
 * Judges a file as the import does, and counts.
 * @throws AppError what `importCampaign` throws for the same file and fields.
 */
export async function quoteFile(request: QuoteRequest, limits: JudgeLimits, open: () => Promise<OpenedFile>): Promise<QuoteAnswer> {
  const opened = await open();
  try {
    const counted: Counted = { countries: new Map(), costMilli: 0, rejects: {}, samples: [], costly: createCostlyCells(request.template) };
    const judged = await judgeRows(opened.source, request, limits, sinkOf(counted, request));
    if (judged === null) throw new Error("a sink that is never full was asked to stop");
    return answerOf(request, judged, counted, opened.answer());
  } finally {
    await opened.close();
  }
}

function sinkOf(counted: Counted, { template, pricing }: QuoteRequest): RowSink {
  return {
    good(row, line) {
      countRow(counted, row, pricing.costOf(row.msisdn, row.parts));
      if (counted.samples.length === samplesShownMax) return;
      counted.samples.push({ line, text: template.fill(row.fields ?? []), parts: row.parts });
    },
    reject: (reject) => countReject(counted.rejects, reject),
    keepsCells: false,
    isFull: false,
    send: async () => true,
  };
}

function countRow(counted: Counted, { msisdn, parts, fields }: GoodRow, costMilli: number): void {
  const { countries, costly } = counted;
  counted.costMilli += costMilli;
  const country = countryOf(msisdn);
  const known = countries.get(country);
  if (known === undefined) countries.set(country, { contacts: 1, parts, costMilli });
  else {
    known.contacts++;
    known.parts += parts;
    known.costMilli += costMilli;
  }
  costly.add(fields, parts);
}

function countReject(rejects: QuoteAnswer["rejects"], { line, reason, value }: Reject): void {
  const known = rejects[reason] ?? { count: 0, first: [] };
  rejects[reason] = known;
  known.count++;
  if (known.first.length < rejectLinesShownMax) known.first.push({ line, value: [...value].slice(0, valueCharactersMax).join("") });
}

function answerOf(request: QuoteRequest, judged: JudgedRows, counted: Counted, file: QuoteAnswer["file"]): QuoteAnswer {
  const { counts, judge, columns } = judged;
  const { pricing } = request;
  return {
    file,
    phone_column: phoneColumnOf(columns),
    rows: counts.rows,
    contacts: counts.contacts,
    rejected: counts.rejected,
    rejects: counted.rejects,
    landlines: counts.rejects.msisdn_not_mobile ?? 0,
    duplicates: counts.rejects.duplicate ?? 0,
    empty_values: emptyValuesOf(request, judged),
    countries: [...counted.countries]
      .sort(([, one], [, other]) => other.contacts - one.contacts)
      .map(([country, { contacts, parts, costMilli }]) => ({ country, contacts, parts, cost: credits(costMilli) })),
    costly_characters: costlyOf(request.template, counted.costly, (parts) => credits(pricing.costAtMost(parts))),
    samples: counted.samples,
    parts: counts.parts,
    price: credits(pricing.partMilli),
    cost: credits(counted.costMilli),
    carrier: carrierAnswerOf(request.carrier),
    encoding: encodingOf(judge.encodings),
    sender: request.sender,
    country: request.country,
    deadline_s: request.deadlineS,
  };
}

const credits = (milli: number): string => formatCredits(BigInt(milli));

function emptyValuesOf({ template, sendsEmptyValues }: QuoteRequest, { judge }: JudgedRows): QuoteAnswer["empty_values"] {
  const withoutDefault = sendsEmptyValues ? "sent_empty" : "rejected";
  return template.placeholders
    .map((column, index) => ({
      column,
      rows: judge.emptyValues[index] as number,
      treated_as: template.needsValue[index] ? withoutDefault : ("default" as const),
    }))
    .filter(({ rows }) => rows > 0) as QuoteAnswer["empty_values"];
}

function costlyOf(template: Template, cells: CostlyCells, costOf: (parts: number) => string): QuoteAnswer["costly_characters"] {
  const { text, values, both } = cells.extraParts();
  const shown = costlyCharactersOf(emptyFilled(template)).slice(0, costlyCharactersShownMax);
  return {
    text: { characters: shown, extra_parts: text, extra_cost: costOf(text) },
    cells: { characters: cells.characters(), extra_parts: values, extra_cost: costOf(values) },
    extra_parts: both,
    extra_cost: costOf(both),
  };
}

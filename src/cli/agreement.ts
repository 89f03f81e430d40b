// Consent before people are texted: a person who was asked, `--yes`, or a limit that the cost stays
// within. Nothing is created before that. Used by `bulksms send`.

import type { CarrierAnswer } from "../contracts/carriers.ts";
import { formatCredits, parseCredits } from "../contracts/credits.ts";
import type { QuoteAnswer, RunExpectation } from "../contracts/quote.ts";
import { Failure, wrongUse } from "./failure.ts";
import type { Questions } from "./questions.ts";
import { countOf, describeOffer } from "./quote_view.ts";
import { exitCodes } from "./report_error.ts";
import { formatCreditText } from "./terminal.ts";

export interface AgreementOptions {
  yes?: boolean;
  maxCost?: string;
  dryRun?: boolean;
}

/**
 * Amounts of credits as people write them: a comma is a decimal point in half of Europe, and is
 * never read as one here.
 */
export function parseMaxCost(text: string): bigint {
  const milli = parseCredits(text.trim());
  if (milli !== null && milli >= 0n) return milli;
  throw wrongUse(
    `--max-cost ${text} is not an amount`,
    "it must be credits, with a decimal point and at most three decimals",
    "for example --max-cost 500",
  );
}

/**
 * Before anything is read, somebody must be there to ask, or have agreed by an option.
 * @param before what to do first
 * @throws Failure with exit code 2
 */
export function requireAgreement(
  { yes, maxCost, dryRun }: AgreementOptions,
  questions: Questions | null,
  before = "check first with --dry-run; then ",
): void {
  if (maxCost !== undefined) parseMaxCost(maxCost);
  if (questions !== null || yes === true || maxCost !== undefined || dryRun === true) return;
  throw wrongUse(
    "nobody can be asked here, so nothing was sent",
    "this is not a terminal (or standard input is the file), and texting people costs credits",
    `${before}add --max-cost N (credits) or --yes`,
  );
}

/**
 * Refuses when nobody can be texted or the cost is above `--max-cost`; otherwise asks, where
 * consent was not given by an option.
 * @returns false when a person says no @throws Failure
 */
export async function isAgreed(quote: QuoteAnswer, options: AgreementOptions, questions: Questions | null): Promise<boolean> {
  if (quote.contacts === 0) {
    throw new Failure(
      exitCodes.failed,
      "nobody in this file can be texted",
      `all of its ${countOf(quote.rows, "row")} would be rejected, for the reasons above`,
      "fix the numbers, or name another column with --phone-column; nothing was created",
    );
  }
  if (options.maxCost !== undefined) {
    const maxMilli = parseMaxCost(options.maxCost);
    if ((parseCredits(quote.cost) ?? 0n) <= maxMilli) return true;
    throw new Failure(
      exitCodes.failed,
      "not sent: it costs more than --max-cost allows",
      `${describeOffer(quote)}; --max-cost is ${formatCreditText(formatCredits(maxMilli))}`,
      `nothing was created; shorten the text or the list, or allow --max-cost ${quote.cost}`,
    );
  }
  if (options.yes === true || questions === null) return options.yes === true;
  return questions.confirm(`Text ${describeOffer(quote)}?`);
}

/** What a run is held to: exactly what was shown. */
export function expectationOf({
  contacts,
  parts,
  cost,
  carrier,
}: Pick<QuoteAnswer, "contacts" | "parts" | "cost"> & { carrier?: CarrierAnswer | undefined }): RunExpectation {
  return { contacts, parts, cost_max: cost, ...(carrier === undefined ? {} : { carrier }) };
}

/**
 * The refusal of a run that would text more people or cost more than was agreed; null for any other
 * error.
 */
export function quoteChanged(error: unknown, agreed: Pick<QuoteAnswer, "contacts" | "parts" | "cost">): Failure | null {
  if (!(error instanceof Failure) || error.problem.code !== "quote_changed") return null;
  const { contacts, parts, cost } = error.problem;
  const now = { contacts: numberOf(contacts), parts: numberOf(parts), cost: typeof cost === "string" ? cost : "?" };
  return new Failure(
    exitCodes.failed,
    "not sent: it would be more than was agreed",
    `${figuresOf(agreed)} were agreed; now it is ${figuresOf(now)}`,
    "nobody was texted and nothing was charged; send it again to see the new figures and decide",
    error.problem,
  );
}

const numberOf = (value: unknown): number => (typeof value === "number" ? value : 0);

function figuresOf({ contacts, parts, cost }: { contacts: number; parts: number; cost: string }): string {
  return `${describeOffer({ contacts, cost })} (${countOf(parts, "part")})`;
}

// The numbers of a single text through the judge of files: what a file would reject is rejected
// here, for the same reason. Called by POST /messages.
import { createRowJudge, type Destinations } from "../../contacts/csv/row_verdicts.ts";
import type { Rows } from "../../contacts/rows.ts";
import { AppError } from "../../contracts/errors.ts";
import type { RejectReason } from "../../contracts/states.ts";
import type { Template } from "../../sms/template.ts";

export interface Recipient {
  /** Digits of E.164. */
  msisdn: number;
  parts: number;
}

export interface RecipientTerms {
  /** ISO 3166 alpha-2. */
  country: string;
  /** Without placeholders. */
  template: Template;
  partsMax: number;
  /** What the carrier may be given; null: every number. */
  destinations: Destinations | null;
}

/** A rejected number is shown up to here: enough to recognise it. */
const shownCharactersMax = 40;

/**
 * All of them, in their order, or none: a caller of a few numbers can mend them all at once.
 * @throws AppError recipients_rejected (details.reason when there is one reason,
 * details.rejected: each number and its reason)
 */
export function judgeRecipients(numbers: readonly string[], terms: RecipientTerms): Recipient[] {
  const { template, country, partsMax, destinations } = terms;
  const judge = createRowJudge({ template, country, partsMax, destinations, columns: { phone: 0, fields: [] } });
  const rows = rowsOf(numbers);
  const recipients: Recipient[] = [];
  const rejected: { number: string; reason: RejectReason }[] = [];
  for (const [row, number] of numbers.entries()) {
    const verdict = judge.judge(rows, row);
    if (typeof verdict === "string") rejected.push({ number, reason: verdict });
    else recipients.push({ msisdn: verdict.msisdn, parts: verdict.parts });
  }
  if (rejected.length > 0) throw refusalOf(rejected, numbers.length);
  return recipients;
}

/** One column of cells, each on a line of its own. */
function rowsOf(cells: readonly string[]): Rows {
  const bounds = new Int32Array(2 + 2 * cells.length);
  const starts = new Int32Array(cells.length + 1);
  const lines = new Int32Array(cells.length);
  let end = 0;
  for (const [row, cell] of cells.entries()) {
    starts[row] = 2 + 2 * row;
    bounds[2 + 2 * row] = end;
    end += cell.length;
    bounds[3 + 2 * row] = end;
    lines[row] = row + 1;
  }
  starts[cells.length] = bounds.length;
  return { count: cells.length, width: 1, text: cells.join(""), bounds, starts, lines, rejected: [], faults: new Map() };
}

function refusalOf(rejected: readonly { number: string; reason: RejectReason }[], numbers: number): AppError {
  const shown = rejected.map(({ number, reason }) => `${[...number].slice(0, shownCharactersMax).join("")}: ${reason}`);
  const reasons = new Set(rejected.map(({ reason }) => reason));
  const [only] = reasons;
  const what = numbers === 1 ? "The number cannot be texted" : `${rejected.length} of the ${numbers} numbers cannot be texted`;
  return new AppError("recipients_rejected", `${what} (${[...reasons].join(", ")}). Nobody was texted.`, {
    details: { ...(reasons.size === 1 ? { reason: only as string } : {}), rejected: shown },
  });
}

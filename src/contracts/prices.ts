// What a message costs: its parts by the price list of the moment of its import. The only place
// where parts are multiplied by a price; all other code, statements and laws sum amounts. Used by
// quote, import and re-pricing (campaign), and by the console's bill.
import { z } from "zod";
import { formatCredits, parseCredits } from "./credits.ts";

/** A destination is an E.164 prefix without the plus; this one fits every number. */
export const everyDestination = "*";
export const destinationPattern = /^(?:\*|[1-9][0-9]{0,14})$/;

export interface Price {
  destination: string;
  /** Milli-credits of one part. */
  partMilli: number;
}

/** A version is never changed: a new list has the next version. */
export interface PriceList {
  version: number;
  prices: readonly Price[];
}

/** The table `price` allows as much: 1,000 credits a part. */
export const partMilliMax = 1_000_000;

/** GET /prices, and the answer of POST /prices (webapi). */
export const priceListAnswer = z.object({
  version: z.number().int().positive().describe("grows with every new list"),
  prices: z.array(z.object({ destination: z.string().describe("`*`: every destination"), part: z.string().describe("credits per part") })),
});
export type PriceListAnswer = z.infer<typeof priceListAnswer>;

/** `price` in the answers about a campaign. */
export const partPrice = z.string().describe("credits per part; the highest, where destinations have prices of their own");

/** As it crosses HTTP. */
export function answerOfList({ version, prices }: PriceList): PriceListAnswer {
  return { version, prices: prices.map(({ destination, partMilli }) => ({ destination, part: formatCredits(BigInt(partMilli)) })) };
}

/** From an answer, whose amounts webapi has written. */
export function listOfAnswer({ version, prices }: PriceListAnswer): PriceList {
  return { version, prices: prices.map(({ destination, part }) => ({ destination, partMilli: Number(parseCredits(part)) })) };
}

/** Parts by a price, in milli-credits. */
const costOfParts = (parts: number, partMilli: number): number => parts * partMilli;

/**
 * Whether parts that cost so much all cost this price: so its product with them may be shown.
 * Amounts are decimal strings of credits.
 */
export function isProduct(parts: number, price: string, cost: string): boolean {
  const [partMilli, costMilli] = [parseCredits(price), parseCredits(cost)];
  return partMilli !== null && costMilli !== null && BigInt(costOfParts(parts, Number(partMilli))) === costMilli;
}

/** What is asked of a list, worked out once: this runs for every row of a file. */
export interface Pricing {
  version: number;
  /** Milli-credits. @throws if the list has no price for this number */
  costOf(msisdn: number, parts: number): number;
  /** Milli-credits that these parts cost at most, wherever they go. */
  costAtMost(parts: number): number;
  /** Digits of a number that decide at most; 0: one price for all. */
  prefixMax: number;
  /** The highest price of a part, in milli-credits; the price, when there is one for all. */
  partMilli: number;
}

/** The longest prefix that fits a number decides. */
export function pricingOf({ version, prices }: PriceList): Pricing {
  const byPrefix = new Map(prices.map(({ destination, partMilli }) => [destination, partMilli]));
  const everywhere = byPrefix.get(everyDestination);
  const partMilli = Math.max(...byPrefix.values());
  const lengths = [...byPrefix.keys()].filter((prefix) => prefix !== everyDestination).map((prefix) => prefix.length);
  const longestFirst = [...new Set(lengths)].sort((one, other) => other - one);

  function priceOf(msisdn: number): number {
    const digits = longestFirst.length === 0 ? "" : String(msisdn);
    for (const length of longestFirst) {
      const found = byPrefix.get(digits.slice(0, length));
      if (found !== undefined) return found;
    }
    if (everywhere === undefined) throw new Error(`price list ${version} has no price for this destination`);
    return everywhere;
  }

  return {
    version,
    costOf: (msisdn, parts) => costOfParts(parts, priceOf(msisdn)),
    costAtMost: (parts) => costOfParts(parts, partMilli),
    prefixMax: longestFirst[0] ?? 0,
    partMilli,
  };
}

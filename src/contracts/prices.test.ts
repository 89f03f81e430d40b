import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerOfList, destinationPattern, everyDestination, isProduct, listOfAnswer, pricingOf } from "./prices.ts";

const everywhere = (partMilli: number) => ({ destination: everyDestination, partMilli });

describe("a price list", () => {
  test("with one price costs parts times that price, wherever they go", () => {
    const pricing = pricingOf({ version: 3, prices: [everywhere(100)] });
    expect(pricing.costOf(358_401_234_567, 3)).toBe(300);
    expect(pricing.costOf(1, 255)).toBe(25_500);
    expect(pricing.costAtMost(7)).toBe(700);
    expect(pricing).toMatchObject({ version: 3, partMilli: 100 });
  });

  test("takes the price of the longest prefix that fits", () => {
    const prices = [
      everywhere(100),
      { destination: "1", partMilli: 20 },
      { destination: "358", partMilli: 50 },
      { destination: "35818", partMilli: 900 },
    ];
    const pricing = pricingOf({ version: 1, prices });
    expect(pricing.costOf(358_401_234_567, 1)).toBe(50);
    expect(pricing.costOf(358_181_234_567, 1)).toBe(900);
    expect(pricing.costOf(12_025_550_143, 2)).toBe(40);
    expect(pricing.costOf(46_701_234_567, 2)).toBe(200);
    expect(pricing.costAtMost(2)).toBe(1_800);
  });

  test("refuses a number that it has no price for", () => {
    const pricing = pricingOf({ version: 4, prices: [{ destination: "358", partMilli: 50 }] });
    expect(() => pricing.costOf(46_701_234_567, 1)).toThrow("price list 4 has no price");
  });

  test("never costs more than at most, and what prefixes say does not depend on their order", () => {
    const destination = fc.integer({ min: 1, max: 99_999 }).map(String);
    const rows = fc.uniqueArray(fc.record({ destination, partMilli: fc.integer({ min: 1, max: 1_000_000 }) }), {
      selector: (row) => row.destination,
      maxLength: 20,
    });
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1_000_000, max: 999_999_999_999_999 }),
        fc.integer({ min: 1, max: 255 }),
        (some, other, msisdn, parts) => {
          const prices = [...some, everywhere(other)];
          const pricing = pricingOf({ version: 1, prices });
          const fits = prices.filter((price) => price.destination === everyDestination || String(msisdn).startsWith(price.destination));
          const longest = fits.reduce((best, price) =>
            price.destination === everyDestination ||
            (best.destination !== everyDestination && best.destination.length > price.destination.length)
              ? best
              : price,
          );
          expect(pricing.costOf(msisdn, parts)).toBe(parts * longest.partMilli);
          expect(pricing.costOf(msisdn, parts)).toBe(pricingOf({ version: 1, prices: prices.toReversed() }).costOf(msisdn, parts));
          expect(pricing.costOf(msisdn, parts)).toBeLessThanOrEqual(pricing.costAtMost(parts));
        },
      ),
    );
  });
});

test("a destination is an E.164 prefix, or every destination", () => {
  for (const good of ["*", "1", "358", "35840", "999999999999999"]) expect(good, good).toMatch(destinationPattern);
  for (const bad of ["", "+358", "0", "0358", "358*", "FI", " 358", "1234567890123456", "**"])
    expect(bad, bad).not.toMatch(destinationPattern);
});

test("a list is the same after it has crossed HTTP", () => {
  const list = { version: 7, prices: [everywhere(1), { destination: "358", partMilli: 1_000_000 }, { destination: "46", partMilli: 999 }] };
  expect(listOfAnswer(answerOfList(list))).toEqual(list);
});

test("parts times a price may be shown only where that is what they cost", () => {
  expect(isProduct(4_817, "0.1", "481.7")).toBe(true);
  expect(isProduct(2, "0.12", "0.16")).toBe(false);
  expect(isProduct(0, "0.1", "0.0")).toBe(true);
  expect(isProduct(1, "much", "0.1")).toBe(false);
});

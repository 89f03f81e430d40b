// The price list that a fresh installation has: every destination, 0.1 credit a part.
import { everyDestination, type PriceList, type Pricing, pricingOf } from "../src/contracts/prices.ts";

export const firstPartMilli = 100;
export const firstPriceList: PriceList = { version: 1, prices: [{ destination: everyDestination, partMilli: firstPartMilli }] };
export const firstPricing: Pricing = pricingOf(firstPriceList);

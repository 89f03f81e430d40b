// GET and POST /prices: the price list.
import { z } from "zod";
import { requireInstallation } from "../../accounts/authenticator.ts";
import { formatCredits, parseCredits } from "../../contracts/credits.ts";
import { AppError } from "../../contracts/errors.ts";
import { answerOfList, destinationPattern, everyDestination, type Price, partMilliMax, priceListAnswer } from "../../contracts/prices.ts";
import { publishPriceList, readPriceList } from "../../credit/prices.ts";
import { answerInTime } from "../../platform/answer_in_time.ts";
import type { HttpServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import type { Sql } from "../../platform/postgres.ts";
import type { Callers } from "./callers.ts";

/** A list has as many rows at most; the world has some 250 calling codes. */
const pricesMax = 1_000;

const newList = z.strictObject({
  prices: z
    .array(
      z.strictObject({
        destination: z.string().regex(destinationPattern).describe("digits that a number begins with, or `*` for every destination"),
        part: z.string().max(20).describe("credits a part, a decimal string"),
      }),
    )
    .min(1)
    .max(pricesMax),
});

export function addPriceRoutes(app: HttpServer, { sql, callers, log }: { sql: Sql; callers: Callers; log: Log }): void {
  app.get(
    "/prices",
    {
      onRequest: callers.require("read"),
      schema: { tags: ["prices"], summary: "The price list", response: { 200: priceListAnswer } },
    },
    async (_, reply) => answerOfList(await answerInTime(reply.elapsedTime, readPriceList(sql))),
  );
  app.post(
    "/prices",
    {
      onRequest: callers.require("admin"),
      schema: {
        tags: ["prices"],
        summary: "Make a new price list (scope admin, key of the installation)",
        description:
          "Holds for files that are read from now on. A campaign that was priced before is refused with `price_changed` when it is run, until its caller accepts the new list. The same list again changes nothing.",
        body: newList,
        response: { 201: priceListAnswer },
      },
    },
    async (request, reply) => {
      requireInstallation(callers.of(request));
      const list = await answerInTime(reply.elapsedTime, publishPriceList(sql, pricesOf(request.body)));
      log.info({ event: "price_list.made", version: list.version });
      return reply.status(201).send(answerOfList(list));
    },
  );
}

/** @throws AppError amount_invalid, request_invalid */
function pricesOf({ prices }: z.infer<typeof newList>): Price[] {
  const destinations = new Set(prices.map(({ destination }) => destination));
  if (destinations.size < prices.length) throw new AppError("request_invalid", "prices: a destination has two prices.");
  if (!destinations.has(everyDestination))
    throw new AppError("request_invalid", `prices: the destination "${everyDestination}" is missing; every number needs a price.`);
  return prices.map(({ destination, part }) => {
    const milli = parseCredits(part);
    if (milli === null || milli < 1n || milli > partMilliMax)
      throw new AppError("amount_invalid", `part: "${part}" is not an amount of 0.001 to ${formatCredits(BigInt(partMilliMax))} credits.`);
    return { destination, partMilli: Number(milli) };
  });
}

// The price list in ds: read by rpc and webapi, made by webapi. Append only: nobody may update or
// delete a row.
import type { Price, PriceList } from "../contracts/prices.ts";
import type { AnySql, Sql } from "../platform/postgres.ts";
import { inTransaction } from "../platform/postgres.ts";

/** The newest list. The first one is made by the migration, so there always is one. */
export async function readPriceList(sql: AnySql): Promise<PriceList> {
  const rows = await sql<(Price & { version: number })[]>`
    select list_version as version, destination, part_milli as "partMilli" from price
    where list_version = (select max(list_version) from price) order by destination`;
  const version = rows[0]?.version;
  if (version === undefined) throw new Error("ds has no price list");
  return { version, prices: rows.map(({ destination, partMilli }) => ({ destination, partMilli })) };
}

/** Key of the advisory lock: any number that nobody else in ds uses. */
const publishLock = 7_263_002;

/**
 * Makes the next list. Two at once make two lists, one after the other. A list equal to the newest
 * one changes nothing, so that a repeat re-prices nobody.
 */
export async function publishPriceList(sql: Sql, prices: readonly Price[]): Promise<PriceList> {
  return inTransaction(sql, async (transaction) => {
    await transaction`select pg_advisory_xact_lock(${publishLock})`;
    const newest = await readPriceList(transaction);
    if (isSame(newest.prices, prices)) return newest;
    await transaction`
      insert into price ${transaction(prices.map(({ destination, partMilli }) => ({ list_version: newest.version + 1, destination, part_milli: partMilli })))}`;
    return readPriceList(transaction);
  });
}

function isSame(one: readonly Price[], other: readonly Price[]): boolean {
  const priceOf = new Map(one.map(({ destination, partMilli }) => [destination, partMilli]));
  return one.length === other.length && other.every(({ destination, partMilli }) => priceOf.get(destination) === partMilli);
}

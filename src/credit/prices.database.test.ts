// The price list in real Postgres: append only, one version after another.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../testing/engines.ts";
import { everyDestination } from "../contracts/prices.ts";
import { closePostgres, openPostgres, type Sql } from "../platform/postgres.ts";
import { publishPriceList, readPriceList } from "./prices.ts";

const first = { version: 1, prices: [{ destination: everyDestination, partMilli: 100 }] };
const two = [
  { destination: everyDestination, partMilli: 90 },
  { destination: "358", partMilli: 45 },
];

let database: TestDatabase;
let owner: Sql;
let webapi: Sql;
beforeAll(async () => {
  database = await createTestDatabase("ds");
  owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 1 });
  webapi = openPostgres(database.urls.webapi as string, { applicationName: "webapi", connections: 6 });
});
beforeEach(() => owner`delete from price where list_version > 1`);
afterAll(async () => {
  await Promise.all([closePostgres(webapi), closePostgres(owner)]);
  await database.drop();
});

test("a fresh database has one price for every destination", async () => {
  expect(await readPriceList(webapi)).toEqual(first);
});

test("a new list gets the next version; the lists before it stay", async () => {
  expect(await publishPriceList(webapi, two)).toEqual({ version: 2, prices: two });
  expect(await readPriceList(webapi)).toEqual({ version: 2, prices: two });
  const [kept] = await owner`select part_milli from price where list_version = 1`;
  expect(kept).toEqual({ part_milli: 100 });
});

test("the same list again, in any order, is no new one", async () => {
  await publishPriceList(webapi, two);
  expect((await publishPriceList(webapi, two.toReversed())).version).toBe(2);
});

test("lists that are made at once get versions of their own", async () => {
  const made = await Promise.all(
    [1, 2, 3, 4, 5].map((partMilli) => publishPriceList(webapi, [{ destination: everyDestination, partMilli }])),
  );
  expect(made.map(({ version }) => version).toSorted()).toEqual([2, 3, 4, 5, 6]);
  const rows = await owner`select list_version from price where list_version > 1`;
  expect(rows.length).toBe(5);
});

test("no role changes or deletes a price", async () => {
  await expect(webapi`update price set part_milli = 1`).rejects.toThrow("permission denied");
  await expect(webapi`delete from price`).rejects.toThrow("permission denied");
});

test("the table takes no price of nothing, none above 1,000 credits, and no destination but digits or *", async () => {
  const insert = (destination: string, partMilli: number) => owner`insert into price values (9, ${destination}, ${partMilli})`;
  for (const [destination, partMilli] of [
    ["*", 0],
    ["*", 1_000_001],
    ["+358", 100],
    ["0358", 100],
    ["FI", 100],
  ] as const)
    await expect(insert(destination, partMilli), `${destination} ${partMilli}`).rejects.toThrow("check constraint");
});

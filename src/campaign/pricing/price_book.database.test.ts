// What salesapi knows of the price list while rpc answers, is silent, and after a restart.
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { firstPriceList } from "../../../testing/prices.ts";
import { openSalesRows, type SalesRows } from "../../../testing/sales_rows.ts";
import { AppError } from "../../contracts/errors.ts";
import { everyDestination, type PriceList } from "../../contracts/prices.ts";
import { createLog } from "../../platform/log.ts";
import { openPriceBook } from "./price_book.ts";

const log = createLog("test", { level: "error", format: "json" });
const second: PriceList = { version: 2, prices: [{ destination: everyDestination, partMilli: 150 }] };

let sales: SalesRows;
let asked = 0;
let answers: PriceList | null = firstPriceList;
beforeAll(async () => {
  sales = await openSalesRows("salesapi");
});
beforeEach(async () => {
  await sales.owner`delete from known_price_list where version > 1`;
  asked = 0;
  answers = firstPriceList;
});
afterAll(() => sales.close());

const open = () =>
  openPriceBook({
    sql: sales.sql,
    log,
    credit: {
      getPriceList: async () => {
        asked++;
        if (answers === null) throw new AppError("service_unavailable", "rpc does not answer.");
        return { version: answers.version, prices: [...answers.prices] };
      },
    },
  });

test("is asked once for all who wait, and not again while it is fresh", async () => {
  const book = open();
  const known = await Promise.all([book.current(), book.current(), book.current(0)]);
  expect(known.map(({ version }) => version)).toEqual([1, 1, 1]);
  expect(asked).toBe(1);
  await book.current();
  expect(asked).toBe(1);
  await book.current(0);
  expect(asked).toBe(2);
});

test("a new list is known with the next question", async () => {
  const book = open();
  await book.current();
  answers = second;
  expect(await book.current(0)).toMatchObject({ version: 2, partMilli: 150 });
});

test("while rpc is silent the last known list holds, also for a salesapi that has just started", async () => {
  const book = open();
  answers = second;
  await book.current();
  answers = null;
  expect((await book.current(0)).version).toBe(2);
  expect((await open().current()).version).toBe(2);
});

test("without any answer ever, a fresh installation has its first list", async () => {
  answers = null;
  expect(await open().current()).toMatchObject({ version: 1, partMilli: 100 });
});

test("a list that is older than the known one, from an rpc with a stale snapshot, changes nothing", async () => {
  const book = open();
  answers = second;
  await book.current();
  answers = firstPriceList;
  expect((await book.current(0)).version).toBe(2);
});

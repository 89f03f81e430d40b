// The cutter on a real server: what it cuts has happened, and the product's transaction finds that
// out by itself.
import { afterAll, beforeAll, expect, test } from "vitest";
import { closePostgres, inTransaction, isConnectionError, openPostgres, type Sql } from "../../src/platform/postgres.ts";
import { createEmptyDatabase } from "../engines.ts";
import { type CommitCutter, openCommitCutter } from "./commit_cutter.ts";

let cutter: CommitCutter;
let through: Sql;
let direct: Sql;
let drop: () => Promise<void>;
/** Commits to cut, by their number. */
let toCut: number[] = [];
let commits = 0;

beforeAll(async () => {
  const database = await createEmptyDatabase();
  drop = database.drop;
  direct = openPostgres(database.ownerUrl, { applicationName: "test", connections: 1 });
  await direct`create table mark (id int primary key, hits int not null default 1)`;
  const url = new URL(database.ownerUrl);
  cutter = await openCommitCutter({ host: url.hostname, port: Number(url.port) }, () => toCut.includes(++commits));
  url.port = String(cutter.port);
  through = openPostgres(url.href, { applicationName: "test", connections: 1 });
});
afterAll(async () => {
  await Promise.all([closePostgres(through), closePostgres(direct)]);
  await cutter.close();
  await drop();
});

test("a statement whose commit is cut has happened, though its sender sees a broken connection", async () => {
  toCut = [1];
  const refused = through`insert into mark (id) values (1)`.then(
    () => null,
    (error: unknown) => error,
  );
  expect(isConnectionError(await refused)).toBe(true);
  expect(await direct`select id from mark`).toEqual([{ id: 1 }]);
  expect(cutter.cuts()).toBe(1);
});

test("a transaction whose commit is cut is run again, and its key keeps it to one effect", async () => {
  [commits, toCut] = [0, [1]];
  let runs = 0;
  await inTransaction(through, async (transaction) => {
    runs += 1;
    await transaction`select 1`;
    await transaction`insert into mark (id) values (2) on conflict (id) do nothing`;
  });
  expect(runs).toBe(2);
  expect(await direct`select id, hits from mark where id = 2`).toEqual([{ id: 2, hits: 1 }]);
});

test("reads, and writes that changed nothing, are never cut", async () => {
  [commits, toCut] = [0, [1]];
  await through`select 1`;
  await through`update mark set hits = 2 where id = 999`;
  expect(commits).toBe(0);
});

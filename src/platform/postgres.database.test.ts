import { finished } from "node:stream/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTestDatabase } from "../../testing/engines.ts";
import { closePostgres, inTransaction, isConnectionError, isDataError, openPostgres, type Sql } from "./postgres.ts";

let database: Awaited<ReturnType<typeof createTestDatabase>>;
let sql: Sql;

beforeAll(async () => {
  database = await createTestDatabase("ds");
  sql = openPostgres(database.ownerUrl, { applicationName: "test", connections: 4 });
  await sql`create table counter (id int primary key, value bigint not null check (value < 100))`;
});
afterAll(async () => {
  await closePostgres(sql);
  await database.drop();
});

test("a transaction whose connection is cut is run again as a whole, once in effect", async () => {
  await sql`insert into counter values (1, 0)`;
  let attempts = 0;
  await inTransaction(sql, async (transaction) => {
    attempts++;
    await transaction`update counter set value = value + 1 where id = 1`;
    const [mine] = await transaction`select pg_backend_pid() as pid`;
    if (attempts === 1) await sql`select pg_terminate_backend(${mine?.pid})`;
    await transaction`select 1`;
  });
  expect(attempts).toBe(2);
  expect(await sql`select value from counter where id = 1`).toEqual([{ value: 1n }]);
});

test("a transaction that lost its connection while it waited for something else runs nothing on the connection's next one", async () => {
  const single = openPostgres(database.ownerUrl, { applicationName: "single", connections: 1 });
  let goOn = () => {};
  const gate = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  let late: Promise<unknown> = Promise.resolve();
  const lost = single.begin(async (transaction) => {
    const [mine] = await transaction`select pg_backend_pid() as pid`;
    await sql`select pg_terminate_backend(${mine?.pid})`;
    await gate;
    late = transaction`insert into counter values (90, 0)`.catch((error) => error);
    await late;
  });
  await expect(lost).rejects.toSatisfy(isConnectionError);
  await inTransaction(single, async (transaction) => {
    await transaction`insert into counter values (91, 0)`;
    goOn();
    await gate;
    await expect(late).resolves.toSatisfy(isConnectionError);
  });
  expect(await sql`select id from counter where id in (90, 91)`).toEqual([{ id: 91 }]);
  await single.end();
});

test("a copy whose connection is cut is refused, and its connection serves again", async () => {
  const single = openPostgres(database.ownerUrl, { applicationName: "single", connections: 1 });
  const copy = (isCut: boolean) =>
    single.begin(async (transaction) => {
      const [mine] = await transaction`select pg_backend_pid() as pid`;
      const stream = await transaction`copy counter (id, value) from stdin`.writable();
      const copied = finished(stream);
      copied.catch(() => {}); // it may fail before it is awaited
      stream.write("92\t0\n");
      if (isCut) await sql`select pg_terminate_backend(${mine?.pid})`;
      stream.end();
      await copied;
    });
  await expect(copy(true)).rejects.toSatisfy(isConnectionError);
  await copy(false);
  // rejected after its last byte: the row is there
  await expect(copy(false)).rejects.toSatisfy(isDataError);
  expect(await sql`select id from counter where id = 92`).toEqual([{ id: 92 }]);
  await single.end();
});

test("however connections are cut under load, every statement ends, and so does the pool", async () => {
  const pool = openPostgres(database.ownerUrl, { applicationName: "cut", connections: 4 });
  await sql`insert into counter values (93, 0)`;
  let isOver = false;
  let refused = 0;
  const lane = async (): Promise<void> => {
    while (!isOver) {
      await pool`update counter set value = 1 where id = 93`.catch(() => {
        refused += 1;
      });
    }
  };
  const lanes = Array.from({ length: 8 }, lane);
  for (let cut = 0; cut < 60; cut++) {
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut'`;
  }
  isOver = true;
  await Promise.all(lanes);
  expect(refused).toBeGreaterThan(0);
  await pool.end();
});

test("two transactions that deadlock both end", async () => {
  await sql`insert into counter values (2, 0), (3, 0)`;
  const add = async (first: number, second: number) =>
    inTransaction(sql, async (transaction) => {
      await transaction`update counter set value = value + 1 where id = ${first}`;
      await transaction`update counter set value = value + 1 where id = ${second}`;
    });
  await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 === 0 ? add(2, 3) : add(3, 2))));
  expect(await sql`select value from counter where id in (2, 3)`).toEqual([{ value: 8n }, { value: 8n }]);
});

test("refused data is not tried again, and nothing of its transaction stays", async () => {
  let attempts = 0;
  const failing = inTransaction(sql, async (transaction) => {
    attempts++;
    await transaction`insert into counter values (4, 0)`;
    await transaction`update counter set value = 1000 where id = 4`;
  });
  await expect(failing).rejects.toSatisfy(isDataError);
  expect(attempts).toBe(1);
  expect(await sql`select 1 from counter where id = 4`).toEqual([]);
});

test("a server that does not answer is service_unavailable with a time to retry", async () => {
  const away = openPostgres("postgres://webapi:x@127.0.0.1:1/ds", { applicationName: "test", connections: 1 });
  await expect(inTransaction(away, (transaction) => transaction`select 1`, { triesMax: 2 })).rejects.toMatchObject({
    code: "service_unavailable",
    retryAfterS: 2,
  });
  await expect(away`select 1`).rejects.toSatisfy(isConnectionError);
  await away.end();
});

test("amounts come back as bigint, exact above 2^53", async () => {
  expect(await sql`select 9007199254740993::bigint as amount`).toEqual([{ amount: 9007199254740993n }]);
});

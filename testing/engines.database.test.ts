// Claims about the migrations and the roles, on the databases that every test gets.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { migrateDatabase, migrationVersions } from "../src/local/migrate.ts";
import { openPostgres, type Sql } from "../src/platform/postgres.ts";
import { openRedis } from "../src/platform/redis.ts";
import { createEmptyDatabase, createTestDatabase, migrationsFolder, roleUrlsOf, type TestDatabase, testRedis } from "./engines.ts";

describe("the databases of the tests", () => {
  let ds: TestDatabase;
  let salesdb: TestDatabase;
  const opened: Sql[] = [];
  const open = (url: string | undefined): Sql => {
    const sql = openPostgres(url ?? "", { applicationName: "engines.test", connections: 1 });
    opened.push(sql);
    return sql;
  };

  beforeAll(async () => {
    [ds, salesdb] = await Promise.all([createTestDatabase("ds"), createTestDatabase("salesdb")]);
  });
  afterAll(async () => {
    await Promise.all(opened.map((sql) => sql.end({ timeout: 1 })));
    await Promise.all([ds.drop(), salesdb.drop()]);
  });

  test("each role logs in to its own database with its limits", async () => {
    for (const [role, url] of [...Object.entries(ds.urls), ...Object.entries(salesdb.urls)]) {
      const [row] = await open(url)`select current_user as role, current_setting('lock_timeout') as lock,
        current_setting('statement_timeout') as statement, current_setting('transaction_timeout') as transaction,
        current_setting('idle_in_transaction_session_timeout') as idle`;
      expect(row?.role).toBe(role);
      expect(row?.idle).toBe(role === "check" ? "1min" : "5s");
      expect(row?.lock).not.toBe("0");
      // a reader's longest is one statement, a writer's a whole transaction
      expect(role === "check" ? row?.statement : row?.transaction).not.toBe("0");
    }
  });

  test("a role of one database cannot connect to the other", async () => {
    const foreign = new URL(ds.ownerUrl);
    for (const role of ["salesapi", "sales_worker"]) {
      foreign.username = role;
      await expect(open(foreign.href)`select 1`).rejects.toMatchObject({ code: "42501" });
    }
  });

  test("nobody but the owner can change or delete what the ledger says", async () => {
    for (const url of Object.values(ds.urls)) {
      const sql = open(url);
      await expect(sql`update credit_ledger set amount = 1`).rejects.toMatchObject({ code: /42501|25006/ });
      await expect(sql`delete from credit_ledger`).rejects.toMatchObject({ code: /42501|25006/ });
      await expect(sql`truncate credit_ledger`).rejects.toMatchObject({ code: /42501|25006/ });
    }
  });

  test("no role can create tables, and the audit's role cannot write at all", async () => {
    for (const url of Object.values(ds.urls))
      await expect(open(url)`create table mine (a int)`).rejects.toMatchObject({ code: /42501|25006/ });
    await expect(open(salesdb.urls.check)`update bulksms set name = 'x'`).rejects.toMatchObject({ code: "25006" });
  });
});

test("migrations run twice at once change the database once, and a third time nothing", async () => {
  const { ownerUrl, drop } = await createEmptyDatabase();
  const options = { ownerUrl, roleUrls: roleUrlsOf("ds", ownerUrl), folder: migrationsFolder("ds") };
  const newest = migrationVersions(options.folder).at(-1);
  const results = await Promise.all([migrateDatabase(options), migrateDatabase(options)]);
  expect(results.map(({ version }) => version)).toEqual([newest, newest]);
  expect(await migrateDatabase(options)).toEqual({ versionBefore: results[0]?.version, version: results[0]?.version });
  await drop();
});

test("a schema newer than the code is refused, and stays as it is", async () => {
  const { ownerUrl, drop } = await createEmptyDatabase();
  const options = { ownerUrl, roleUrls: roleUrlsOf("ds", ownerUrl), folder: migrationsFolder("ds") };
  await migrateDatabase(options);
  const sql = openPostgres(ownerUrl, { applicationName: "engines.test", connections: 1 });
  await sql`insert into schemaversion (version, name, md5, run_at) values (999, 'later', '', now())`;
  await expect(migrateDatabase(options)).rejects.toMatchObject({ message: expect.stringContaining("schema version 999") });
  await sql.end();
  await drop();
});

test("a database that the owner's URL names is created when it is missing", async () => {
  const { ownerUrl, drop } = await createEmptyDatabase();
  await drop();
  const result = await migrateDatabase({ ownerUrl, roleUrls: roleUrlsOf("salesdb", ownerUrl), folder: migrationsFolder("salesdb") });
  expect(result.versionBefore).toBe(0);
  await drop();
});

test("a role's URL with another user is refused before anything changes", async () => {
  const { ownerUrl, drop } = await createEmptyDatabase();
  await expect(migrateDatabase({ ownerUrl, roleUrls: { webapi: ownerUrl }, folder: migrationsFolder("ds") })).rejects.toMatchObject({
    message: "the URL of role webapi does not fit",
    why: 'its user is "postgres"',
  });
  await drop();
});

test("two tests share one Redis under different namespaces", async () => {
  const [one, two] = await Promise.all([testRedis(), testRedis()]);
  expect(one.namespace).not.toBe(two.namespace);
  const redis = openRedis(one.url, { connectionName: "engines.test", isBlocking: true });
  expect(await redis.ping()).toBe("PONG");
  redis.disconnect();
});

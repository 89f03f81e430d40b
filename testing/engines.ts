// Real engines for tests: one Postgres server and one Redis for the whole run of vitest, a fresh
// database a test file. `setup` is vitest's globalSetup of the project database; the tests call
// createTestDatabase and testRedis.
import { randomUUID } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type DatabaseName, databaseNames, databaseRoles } from "../src/contracts/processes.ts";
import { startPostgresServer } from "../src/local/engines/postgres_server.ts";
import { startRedisServer } from "../src/local/engines/redis_server.ts";
import { migrateDatabase, openToRoles } from "../src/local/migrate.ts";
import { openPostgres } from "../src/platform/postgres.ts";
import { refuseInPure } from "./projects.ts";

/** Where the engines of this run are; given to every test file by vitest's provide/inject. */
export interface TestEngines {
  /** Of the superuser; its path is the name of the database that it names. */
  postgresUrl: string;
  redisUrl: string;
}

declare module "vitest" {
  export interface ProvidedContext {
    engines: TestEngines;
  }
}

const password = "only-for-tests";
const templateOf = (kind: DatabaseName) => `template_${kind}`;

/**
 * vitest's globalSetup: engines up, both databases migrated once as templates. Returns the
 * teardown.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-test-"));
  // under root Postgres runs as nobody, who must be let in; else its files would go to a lasting
  // place
  chmodSync(folder, 0o711);
  const [postgres, redis] = await Promise.all([
    startPostgresServer({
      folder: join(folder, "postgres"),
      mark: randomUUID(),
      preferredPort: 0,
      password,
      databases: databaseNames.map(templateOf),
      // these databases live for minutes: nothing of them need survive a power cut
      settings: ["fsync=off", "full_page_writes=off", "max_connections=400"],
    }),
    startRedisServer({ folder: join(folder, "redis"), preferredPort: 0, isDurable: false }),
  ]);
  for (const kind of databaseNames) {
    const ownerUrl = postgres.url(templateOf(kind));
    await migrateDatabase({ ownerUrl, roleUrls: roleUrlsOf(kind, ownerUrl), folder: migrationsFolder(kind) });
  }
  project.provide("engines", { postgresUrl: postgres.url("postgres"), redisUrl: redis.url("0") });
  return async () => {
    await Promise.all([postgres.stop(), redis.stop()]);
    rmSync(folder, { recursive: true, force: true });
  };
}

export interface TestDatabase {
  ownerUrl: string;
  /** By login role: webapi, rpc, check, ... */
  urls: Record<string, string>;
  drop(): Promise<void>;
}

/** A fresh migrated database, copied from the template in some 50 ms. Drop it in afterAll. */
export async function createTestDatabase(kind: DatabaseName): Promise<TestDatabase> {
  const { postgresUrl } = await testEngines();
  const database = `${kind}_${randomUUID().replaceAll("-", "")}`;
  const ownerUrl = urlWith(postgresUrl, { database });
  const urls = roleUrlsOf(kind, ownerUrl);
  await asOwner(postgresUrl, async (sql) => {
    await sql`create database ${sql(database)} template ${sql(templateOf(kind))}`;
  });
  await asOwner(ownerUrl, (sql) => openToRoles(sql, database, Object.keys(urls)));
  return {
    ownerUrl,
    urls,
    drop: () =>
      asOwner(postgresUrl, async (sql) => {
        await sql`drop database if exists ${sql(database)} with (force)`;
      }),
  };
}

/** The common test Redis with a namespace of one's own. */
export async function testRedis(): Promise<{ url: string; namespace: string }> {
  const { redisUrl } = await testEngines();
  return { url: redisUrl, namespace: `test_${randomUUID().slice(0, 8)}` };
}

/** An empty database without any schema (for tests of the migrations themselves). */
export async function createEmptyDatabase(): Promise<{ ownerUrl: string; drop(): Promise<void> }> {
  const { postgresUrl } = await testEngines();
  const database = `empty_${randomUUID().replaceAll("-", "")}`;
  await asOwner(postgresUrl, async (sql) => {
    await sql`create database ${sql(database)}`;
  });
  const drop = () =>
    asOwner(postgresUrl, async (sql) => {
      await sql`drop database if exists ${sql(database)} with (force)`;
    });
  return { ownerUrl: urlWith(postgresUrl, { database }), drop };
}

export function migrationsFolder(kind: DatabaseName): string {
  const domain = { ds: "credit", salesdb: "campaign" }[kind];
  return join(import.meta.dirname, "..", "src", domain, "migrations");
}

export function roleUrlsOf(kind: DatabaseName, ownerUrl: string): Record<string, string> {
  return Object.fromEntries(Object.keys(databaseRoles[kind]).map((role) => [role, urlWith(ownerUrl, { user: role })]));
}

/** Imported only inside a test: vitest/node and vitest must not meet in the global set-up. */
async function testEngines(): Promise<TestEngines> {
  refuseInPure("the test engines", "database");
  const { inject } = await import("vitest");
  const engines = inject("engines") as TestEngines | undefined;
  if (engines === undefined) throw new Error("the test engines run for *.database.test.ts alone: rename the file");
  return engines;
}

async function asOwner(url: string, work: (sql: ReturnType<typeof openPostgres>) => Promise<void>): Promise<void> {
  const sql = openPostgres(url, { applicationName: "bulksms test", connections: 1 });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function urlWith(url: string, parts: { database?: string; user?: string }): string {
  const changed = new URL(url);
  if (parts.database !== undefined) changed.pathname = `/${parts.database}`;
  if (parts.user !== undefined) changed.username = parts.user;
  return changed.href;
}

// Brings one database to the schema of this version, under a lock, by its owner's URL; creates the
// login roles with their limits. Called by `bulksms migrate`, the supervisor and the tests. Knows
// nothing about the contents of the tables.
import { readdirSync } from "node:fs";
import Postgrator from "postgrator";
import { ConfigError } from "../platform/config.ts";
import { isConnectionError, isForeignServer, openPostgres, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { spreadBackoffMs } from "../platform/time/backoff.ts";
import { sleep } from "../platform/time/sleep.ts";
import { EngineError } from "./engines/engine_error.ts";

/**
 * Key of the advisory lock held by migrations; any number that nobody else uses ("bulksms" on a
 * phone keypad).
 */
const migrationLock = 2_855_767;

/**
 * Default limits of a role's sessions: a frozen process must not block others for long. The last
 * one covers a session that waits for its client between preparing a statement and executing it: it
 * is neither idle nor running a statement, so nothing else would ever end it. Our transactions take
 * milliseconds; this limit also ends a runaway statement.
 */
const limitsOfWriters = { lock_timeout: "5s", idle_in_transaction_session_timeout: "5s", transaction_timeout: "10s" };
/**
 * The audit reads whole tables in one snapshot and compares between its reads, but may hold no lock
 * that others wait for.
 */
const limitsOfReaders = {
  lock_timeout: "1s",
  statement_timeout: "120s",
  idle_in_transaction_session_timeout: "60s",
  default_transaction_read_only: "on",
};
/** The only role that just reads. */
const readerRole = "check";

export interface MigrateOptions {
  ownerUrl: string;
  /** Role -> the URL it logs in with: the user is the role, and the password becomes the role's. */
  roleUrls: Readonly<Record<string, string>>;
  /** Folder of the `NNN.do.name.sql` files. */
  folder: string;
  /** What the files read with current_setting: a name with a dot in it, and its value. */
  parameters?: Readonly<Record<string, string>>;
  /** Called before the first file, with the schema's version: may refuse. */
  onVersion?: (versionBefore: number) => void;
}

export interface MigrateResult {
  versionBefore: number;
  version: number;
}

/**
 * Each file in a transaction of its own, together with its entry in `schemaversion`: Postgres
 * refuses to use a value in the transaction that added it to an enum. A migration that fails or
 * dies has applied the files before; the next one goes on. A concurrent migration waits for each
 * file, and then finds it applied.
 * @throws EngineError if the database is newer than this version or does not answer, or if a URL
 * does not fit its role
 */
export async function migrateDatabase(options: MigrateOptions): Promise<MigrateResult> {
  const versions = migrationVersions(options.folder);
  const newest = versions.at(-1) ?? 0;
  const roles = rolesOf(options.roleUrls);
  await createDatabaseWhenMissing(options.ownerUrl);
  const sql = openPostgres(options.ownerUrl, { applicationName: "bulksms migrate", connections: 1 });
  try {
    const [row] = await sql<{ database: string }[]>`select current_database() as database`;
    const database = row?.database ?? "";
    const versionBefore = await locked(sql, async (transaction) => {
      const version = await readSchemaVersion(transaction);
      if (version > newest) throw newerSchema(database, version, newest);
      options.onVersion?.(version);
      await createRoles(transaction, roles);
      return version;
    });
    for (const version of versions) await locked(sql, (transaction) => applyFile(transaction, version, options));
    await openToRoles(sql, database, Object.keys(options.roleUrls));
    return { versionBefore, version: newest };
  } catch (error) {
    if (error instanceof EngineError || error instanceof ConfigError) throw error;
    throw new EngineError(
      `the database at ${withoutPassword(options.ownerUrl)} could not be migrated`,
      (error as Error).message || (error as { code?: string }).code || String(error),
      "check that it runs, and that the URL's user owns it and may create roles",
      error,
      isConnectionError(error) ? "noAnswer" : isForeignServer(error) ? "wrongUse" : "failed",
    );
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** 0 means no schema yet. */
export async function readSchemaVersion(sql: Sql | TransactionSql): Promise<number> {
  const [table] = await sql<{ found: boolean }[]>`select to_regclass('public.schemaversion') is not null as found`;
  if (table?.found !== true) return 0;
  const [row] = await sql<{ version: number }[]>`select max(version)::int as version from schemaversion`;
  return row?.version ?? 0;
}

/** The versions of the migration files, ascending. */
export function migrationVersions(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => /^(\d+)\.do\..*\.sql$/.exec(name)?.[1])
    .filter((version) => version !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Grants rights and limits that belong to one database (a copy by TEMPLATE has none of them). Safe
 * to repeat.
 */
export async function openToRoles(sql: Sql, database: string, roles: readonly string[]): Promise<void> {
  const name = quoteName(database);
  const statements = [`revoke connect on database ${name} from public`, "revoke create on schema public from public"];
  for (const role of roles) {
    statements.push(`grant connect on database ${name} to ${quoteName(role)}`);
    const limits = role === readerRole ? limitsOfReaders : limitsOfWriters;
    for (const [limit, value] of Object.entries(limits)) {
      statements.push(`alter role ${quoteName(role)} in database ${name} set ${limit} = '${value}'`);
    }
  }
  await repeatOnRace(() => sql.unsafe(statements.join(";\n")).simple());
}

/** Creates missing roles and sets their passwords. Roles belong to the whole server. */
async function createRoles(transaction: TransactionSql, roles: readonly { role: string; password: string }[]): Promise<void> {
  for (const { role, password } of roles) {
    const [found] = await transaction`select 1 from pg_roles where rolname = ${role}`;
    const verb = found === undefined ? "create" : "alter";
    await transaction.unsafe(
      `${verb} role ${quoteName(role)} with login nosuperuser nocreatedb nocreaterole noreplication password ${quoteText(password)}`,
    );
  }
}

async function locked<T>(sql: Sql, work: (transaction: TransactionSql) => Promise<T>): Promise<T> {
  return (await sql.begin(async (transaction) => {
    await transaction`select pg_advisory_xact_lock(${migrationLock})`;
    return work(transaction);
  })) as T;
}

/** The file of this version, unless it is applied. */
async function applyFile(transaction: TransactionSql, version: number, { folder, parameters = {} }: MigrateOptions): Promise<void> {
  if ((await readSchemaVersion(transaction)) >= version) return;
  for (const [name, value] of Object.entries(parameters)) await transaction`select set_config(${name}, ${value}, true)`;
  const postgrator = new Postgrator({
    driver: "pg",
    migrationPattern: `${folder.replaceAll("\\", "/").replace(/[[\]{}()*?!]/g, "\\$&")}/*.sql`,
    schemaTable: "schemaversion",
    currentSchema: "public",
    newline: "LF",
    // the simple protocol: a file contains several statements
    execQuery: async (query) => ({ rows: (await transaction.unsafe(query).simple()) as unknown as unknown[] }),
    execSqlScript: async (script) => {
      await transaction.unsafe(script).simple();
    },
  });
  await postgrator.migrate(String(version));
}

/**
 * A server that users run themselves may not have a database of that name yet, and its owner may be
 * allowed to create it.
 */
async function createDatabaseWhenMissing(ownerUrl: string): Promise<void> {
  const sql = openPostgres(ownerUrl, { applicationName: "bulksms migrate", connections: 1 });
  try {
    await sql`select 1`;
  } catch (error) {
    // 3D000: no such database; the migration itself reports any other error
    if ((error as { code?: string }).code !== "3D000") return;
    const url = new URL(ownerUrl);
    const database = decodeURIComponent(url.pathname.slice(1));
    url.pathname = "/postgres";
    const server = openPostgres(url.href, { applicationName: "bulksms migrate", connections: 1 });
    await server`create database ${server(database)}`.catch(() => {});
    await server.end({ timeout: 1 });
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function rolesOf(roleUrls: Readonly<Record<string, string>>): { role: string; password: string }[] {
  return Object.entries(roleUrls).map(([role, address]) => {
    const url = new URL(address);
    const user = decodeURIComponent(url.username);
    const password = decodeURIComponent(url.password);
    if (user === role && password !== "") return { role, password };
    throw new EngineError(
      `the URL of role ${role} does not fit`,
      user === role ? "it has no password" : `its user is "${user}"`,
      `give it the user ${role} and a password: ${url.protocol}//${role}:PASSWORD@${url.host}${url.pathname}`,
      undefined,
      "wrongUse",
    );
  });
}

function newerSchema(database: string, version: number, newest: number): EngineError {
  return new EngineError(
    `database ${database} has schema version ${version}`,
    `this bulksms knows versions up to ${newest}`,
    "run the newer bulksms that made it, or another database",
  );
}

const raceTriesMax = 10;
const raceBackoff = { firstMs: 20, maxMs: 200 };

/**
 * Two migrations of two databases on one server may touch the same role's rows: XX000 "tuple
 * concurrently updated", 23505 on creation.
 */
async function repeatOnRace(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await work();
      return;
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (attempt >= raceTriesMax || (code !== "XX000" && code !== "23505")) throw error;
      await sleep(spreadBackoffMs(raceBackoff, attempt));
    }
  }
}

export function withoutPassword(url: string): string {
  try {
    const parsed = new URL(url);
    return `${parsed.hostname}:${parsed.port || "5432"}${parsed.pathname}`;
  } catch {
    return "an unreadable URL";
  }
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function quoteText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

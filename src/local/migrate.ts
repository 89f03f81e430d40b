// Brings one database to the schema of this version, under a lock, by its owner's URL; makes the
// login roles with their limits. Called by `bulksms migrate`, the supervisor and the tests. Knows
// nothing of what the tables hold.
import { readdirSync } from "node:fs";
import Postgrator from "postgrator";
import { isConnectionError, isForeignServer, openPostgres, type Sql, type TransactionSql } from "../platform/postgres.ts";
import { EngineError } from "./engines/engine_error.ts";

/**
 * Key of the advisory lock that migrations hold; any number that nobody else uses ("bulksms" on a
 * phone's keys).
 */
const migrationLock = 2_855_767;

/**
 * Limits that a role's sessions begin with, for a frozen process must not hold others for long. The
 * last one is for a session that waits for its client between the preparation of a statement and
 * its execution: that is neither idle nor a running statement, so nothing else would ever end it.
 * Our transactions take milliseconds; it also ends a statement that runs away.
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
/** The one role that only reads. */
const readerRole = "check";

export interface MigrateOptions {
  ownerUrl: string;
  /**
   * Role -> the URL with which it logs in: its user is the role, its password becomes the role's.
   */
  roleUrls: Readonly<Record<string, string>>;
  /** Of `NNN.do.name.sql` files. */
  folder: string;
}

export interface MigrateResult {
  versionBefore: number;
  version: number;
}

/**
 * All or nothing, in one transaction; a second one at the same time waits and then finds nothing to
 * do.
 * @throws EngineError when the database is newer than this version, does not answer, or a URL does
 * not fit its role
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
    const result = await sql.begin(async (transaction) => {
      await transaction`select pg_advisory_xact_lock(${migrationLock})`;
      const versionBefore = await readSchemaVersion(transaction);
      if (versionBefore > newest) throw newerSchema(database, versionBefore, newest);
      await createRoles(transaction, roles);
      await applyFiles(transaction, options.folder);
      return { versionBefore, version: newest };
    });
    await openToRoles(sql, database, Object.keys(options.roleUrls));
    return result;
  } catch (error) {
    if (error instanceof EngineError) throw error;
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

/** 0: no schema yet. */
export async function readSchemaVersion(sql: Sql | TransactionSql): Promise<number> {
  const [table] = await sql<{ found: boolean }[]>`select to_regclass('public.schemaversion') is not null as found`;
  if (table?.found !== true) return 0;
  const [row] = await sql<{ version: number }[]>`select max(version)::int as version from schemaversion`;
  return row?.version ?? 0;
}

/** Versions of the migration files, ascending. */
export function migrationVersions(folder: string): number[] {
  return readdirSync(folder)
    .map((name) => /^(\d+)\.do\..*\.sql$/.exec(name)?.[1])
    .filter((version) => version !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

/**
 * Rights and limits that belong to one database (a copy by TEMPLATE has none of them). Safe to
 * repeat.
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

/**
 * Creates the role when it is missing, and gives it its password. Roles belong to the whole server.
 */
async function createRoles(transaction: TransactionSql, roles: readonly { role: string; password: string }[]): Promise<void> {
  for (const { role, password } of roles) {
    const [found] = await transaction`select 1 from pg_roles where rolname = ${role}`;
    const verb = found === undefined ? "create" : "alter";
    await transaction.unsafe(
      `${verb} role ${quoteName(role)} with login nosuperuser nocreatedb nocreaterole noreplication password ${quoteText(password)}`,
    );
  }
}

async function applyFiles(transaction: TransactionSql, folder: string): Promise<void> {
  const postgrator = new Postgrator({
    driver: "pg",
    migrationPattern: `${folder.replaceAll("\\", "/").replace(/[[\]{}()*?!]/g, "\\$&")}/*.sql`,
    schemaTable: "schemaversion",
    currentSchema: "public",
    newline: "LF",
    // the simple protocol: a file holds many statements
    execQuery: async (query) => ({ rows: (await transaction.unsafe(query).simple()) as unknown as unknown[] }),
    execSqlScript: async (script) => {
      await transaction.unsafe(script).simple();
    },
  });
  await postgrator.migrate();
}

/**
 * A server of one's own may have no database of that name yet; its owner may be allowed to make it.
 */
async function createDatabaseWhenMissing(ownerUrl: string): Promise<void> {
  const sql = openPostgres(ownerUrl, { applicationName: "bulksms migrate", connections: 1 });
  try {
    await sql`select 1`;
  } catch (error) {
    // 3D000: no such database; whatever else is wrong, the migration itself says so
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
      if (attempt >= 10 || (code !== "XX000" && code !== "23505")) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20 * attempt));
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

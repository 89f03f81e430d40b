// `bulksms migrate`: brings both databases to this version's schema, creates the login roles,
// stores the admin key's hash. The supervisor's start and testing/ use migrateDatabases too.
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { type DatabaseName, databaseNames, databaseRoles, engineEndpoints } from "../contracts/processes.ts";
import type { SettingName } from "../contracts/settings.ts";
import { type MigrateResult, migrateDatabase } from "../local/migrate.ts";
import type { SystemSettings } from "../local/system_settings.ts";
import { ConfigError, onlyForMigration, readConfig } from "../platform/config.ts";
import { openPostgres } from "../platform/postgres.ts";
import { makeSealKeys } from "../platform/seal_keys.ts";

/** Next to the compiled code as well as the source: the build copies the .sql files. */
const migrationFolders: Record<DatabaseName, string> = {
  ds: fileURLToPath(new URL("../credit/migrations", import.meta.url)),
  salesdb: fileURLToPath(new URL("../campaign/migrations", import.meta.url)),
};

/** The schema of ds that has the price list: only the migration to it takes its first price. */
const firstPricedVersion = 3;

export function registerMigrate(program: Command): void {
  program
    .command("migrate")
    .description("bring both databases to this version's schema, create the login roles, store the admin key")
    .option("--json", "print one JSON object per database")
    .addHelpText("after", migrateHelp)
    .action(async ({ json }: { json?: boolean }) => {
      const fields = Object.fromEntries(migrateSettings().map((name) => [name, name])) as Record<string, SettingName>;
      const settings = readConfig(
        process.env,
        { ...fields, adminKey: "BULKSMS_ADMIN_KEY", partPrice: "BULKSMS_PART_PRICE_MILLI" },
        { optional: ["adminKey", "partPrice"] },
      );
      const { adminKey, partPrice, ...urls } = settings as unknown as Record<string, string | undefined>;
      const given = {
        ...urls,
        ...(adminKey === undefined ? {} : { BULKSMS_ADMIN_KEY: adminKey }),
        ...(partPrice === undefined ? {} : { BULKSMS_PART_PRICE_MILLI: String(partPrice) }),
      } as SystemSettings;
      // asked for by name alone: its default is a place of `bulksms up`, which makes it itself
      const keys = process.env.BULKSMS_CARRIER_KEYS ?? "";
      if (keys !== "") makeSealKeys(keys);
      const results = await migrateDatabases(given);
      for (const database of databaseNames) {
        const result = results[database];
        process.stdout.write(json === true ? `${JSON.stringify({ database, ...result })}\n` : `  ${describe(database, result)}\n`);
      }
    });
}

/** The owner's and the roles' URLs of both databases, in the settings of a whole system. */
export async function migrateDatabases(settings: SystemSettings): Promise<Record<DatabaseName, MigrateResult>> {
  const migrate = (database: DatabaseName, partPrice: string, onVersion?: (version: number) => void) =>
    migrateDatabase({
      ownerUrl: settings[engineEndpoints[database].urlSetting] ?? "",
      roleUrls: Object.fromEntries(Object.entries(databaseRoles[database]).map(([role, name]) => [role, settings[name] ?? ""])),
      folder: migrationFolders[database],
      parameters: { "bulksms.part_price_milli": partPrice },
      ...(onVersion === undefined ? {} : { onVersion }),
    });
  // one after the other: both may live on one server, whose role `check` they share
  const partPrice = settings.BULKSMS_PART_PRICE_MILLI ?? "";
  const ds = await migrate("ds", partPrice, (version) => {
    if (partPrice !== "" && version >= firstPricedVersion) throw new ConfigError(onlyForMigration("BULKSMS_PART_PRICE_MILLI"));
  });
  if (settings.BULKSMS_ADMIN_KEY !== undefined) await storeAdminKey(settings.BULKSMS_DS_OWNER_URL ?? "", settings.BULKSMS_ADMIN_KEY);
  // what messages cost until now, whatever this run was told: the run before may have died here
  return { ds, salesdb: await migrate("salesdb", await readFirstPartPrice(settings.BULKSMS_DS_OWNER_URL ?? "")) };
}

async function readFirstPartPrice(ownerUrl: string): Promise<string> {
  const sql = openPostgres(ownerUrl, { applicationName: "bulksms migrate", connections: 1 });
  try {
    const [first] = await sql<{ partMilli: number }[]>`
      select part_milli as "partMilli" from price where list_version = 1 and destination = '*'`;
    return String(first?.partMilli ?? "");
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/**
 * Stores only its SHA-256. An earlier admin key stays valid until it is revoked (DELETE
 * /keys/{id}).
 */
async function storeAdminKey(ownerUrl: string, key: string): Promise<void> {
  const sql = openPostgres(ownerUrl, { applicationName: "bulksms migrate", connections: 1 });
  try {
    await sql`
      insert into api_key (name, secret_sha256, scopes)
      values ('BULKSMS_ADMIN_KEY', ${createHash("sha256").update(key).digest()}, array['admin'])
      on conflict (secret_sha256) do nothing`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function migrateSettings(): SettingName[] {
  return databaseNames.flatMap((database) => [engineEndpoints[database].urlSetting, ...Object.values(databaseRoles[database])]);
}

function describe(database: DatabaseName, { versionBefore, version }: MigrateResult): string {
  if (versionBefore === version) return `${database.padEnd(8)} schema version ${version}, nothing to do`;
  return `${database.padEnd(8)} schema version ${versionBefore === 0 ? "none" : versionBefore} → ${version}`;
}

const migrateHelp = `
Needs the owner's URL of each database and the login URL of each role (their passwords are set from it):
  ${migrateSettings().join("\n  ")}
BULKSMS_PART_PRICE_MILLI, when given, is the price of a part in the first price list; refused once ds has a list.
BULKSMS_ADMIN_KEY, when given, becomes an API key with scope admin; only its SHA-256 is stored.
BULKSMS_CARRIER_KEYS, when given, is the file of the keys of carriers' secrets: made, with one fresh key, when there is none.

Runs under a lock: two at once do no harm. A schema that is newer than this version is refused.
\`bulksms up\` does all this by itself.

Exit codes: 0 done, 1 refused (a newer schema, missing rights), 2 wrong use or settings (a role's URL with another user, a login that the
server refuses), 3 a database does not answer
`;

// Claims about `bulksms migrate`: both databases, the admin key, its errors.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createEmptyDatabase, roleUrlsOf } from "../../testing/engines.ts";
import { databaseRoles } from "../contracts/processes.ts";
import type { SystemSettings } from "../local/system_settings.ts";
import { openPostgres } from "../platform/postgres.ts";
import { migrateDatabases } from "./migrate.ts";

let ds: Awaited<ReturnType<typeof createEmptyDatabase>>;
let salesdb: Awaited<ReturnType<typeof createEmptyDatabase>>;
let settings: SystemSettings;

beforeAll(async () => {
  [ds, salesdb] = [await createEmptyDatabase(), await createEmptyDatabase()];
  const urls = (kind: "ds" | "salesdb", ownerUrl: string) =>
    Object.fromEntries(
      Object.entries(roleUrlsOf(kind, ownerUrl)).map(([role, url]) => [(databaseRoles[kind] as Record<string, string>)[role], url]),
    );
  settings = {
    BULKSMS_DS_OWNER_URL: ds.ownerUrl,
    BULKSMS_SALESDB_OWNER_URL: salesdb.ownerUrl,
    BULKSMS_ADMIN_KEY: "an admin key of this test",
    ...urls("ds", ds.ownerUrl),
    ...urls("salesdb", salesdb.ownerUrl),
  };
});
afterAll(async () => {
  await ds.drop();
  await salesdb.drop();
});

test("both databases get their schema once, and the admin key is kept as its SHA-256 alone", async () => {
  const first = await migrateDatabases(settings);
  expect(first.ds.versionBefore).toBe(0);
  const second = await migrateDatabases(settings);
  expect(second.salesdb.versionBefore).toBe(second.salesdb.version);
  const sql = openPostgres(ds.ownerUrl, { applicationName: "migrate.test", connections: 1 });
  const keys = await sql`select name, scopes, secret_sha256, workspace_id from api_key`;
  const sha256 = createHash("sha256").update("an admin key of this test").digest();
  expect(keys.map((key) => ({ ...key }))).toEqual([
    { name: "BULKSMS_ADMIN_KEY", scopes: ["admin"], secret_sha256: sha256, workspace_id: null },
  ]);
  await sql.end();
});

test("a database that does not answer is named without its password", async () => {
  const error = await migrateDatabases({ ...settings, BULKSMS_DS_OWNER_URL: "postgres://owner:very-secret@127.0.0.1:1/ds" }).catch(
    (thrown) => thrown,
  );
  expect(error).toMatchObject({ name: "EngineError", message: "the database at 127.0.0.1:1/ds could not be migrated" });
  expect(JSON.stringify([error.message, error.why, error.remedy])).not.toContain("very-secret");
});

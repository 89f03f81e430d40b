// The store that ours is compared with writes the same table: else their rates say nothing.
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { createEmptyDatabase, createTestDatabase } from "../../../testing/engines.ts";
import { schema } from "./bare_store.ts";

let ours: Awaited<ReturnType<typeof createTestDatabase>>;
let bare: Awaited<ReturnType<typeof createEmptyDatabase>>;
beforeAll(async () => {
  [ours, bare] = await Promise.all([createTestDatabase("salesdb"), createEmptyDatabase()]);
});
afterAll(() => Promise.all([ours?.drop(), bare?.drop()]));

async function shapeOf(ownerUrl: string, before = "") {
  const sql = openPostgres(ownerUrl, { applicationName: "test", connections: 1 });
  try {
    if (before !== "") await sql.unsafe(before);
    const columns = await sql`
      select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as "isNeeded", attstorage as storage,
        pg_get_expr(adbin, adrelid) as "default"
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attrelid = 'bulksms_info'::regclass and attnum > 0 and not attisdropped order by attname`;
    const [table] = await sql`select reloptions as options from pg_class where oid = 'bulksms_info'::regclass`;
    const keys =
      await sql`select pg_get_constraintdef(oid) as key from pg_constraint where conrelid = 'bulksms_info'::regclass and contype = 'p'`;
    const states = await sql`select enumlabel as state from pg_enum where enumtypid = 'message_status'::regtype order by enumsortorder`;
    return { columns: [...columns], options: [...(table?.options ?? [])].sort(), keys: [...keys], states: [...states] };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

test("columns, storage, key and states are those of the migrated salesdb", async () => {
  expect(await shapeOf(bare.ownerUrl, schema)).toEqual(await shapeOf(ours.ownerUrl));
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../../testing/engines.ts";
import { message, plantCampaign, plantWorkspace } from "../../testing/planted_world.ts";
import { checkLaws } from "../laws/check_laws.ts";
import { openPostgres, type Sql } from "../platform/postgres.ts";
import { watchLaws } from "./check_watch.ts";
import { createTerminal } from "./terminal.ts";

const bulksmsId = "0199bbbb-0000-7000-8000-000000000001";
const workspaceId = "0199aaaa-0000-7000-8000-000000000001";

let databases: { ds: TestDatabase; salesdb: TestDatabase };
let salesdb: Sql;
let simulatorFolder: string;
let printed: string;

beforeEach(async () => {
  const [one, other] = await Promise.all([createTestDatabase("ds"), createTestDatabase("salesdb")]);
  databases = { ds: one, salesdb: other };
  const ds = openPostgres(one.ownerUrl, { applicationName: "test", connections: 1 });
  salesdb = openPostgres(other.ownerUrl, { applicationName: "test", connections: 1 });
  simulatorFolder = mkdtempSync(join(tmpdir(), "bulksms-watch-"));
  printed = "";
  await plantWorkspace(ds, workspaceId, 1_000_000n);
  const messages = [message(1, "delivered"), message(2, "delivered"), message(3, "delivered"), message(4, "undelivered")];
  await plantCampaign(ds, salesdb, simulatorFolder, {
    id: bulksmsId,
    holdId: bulksmsId.replace("bbbb", "cccc"),
    workspaceId,
    status: "finished",
    messages,
  });
  await ds.end();
});
afterEach(async () => {
  await salesdb.end();
  await Promise.all([databases.ds.drop(), databases.salesdb.drop()]);
  rmSync(simulatorFolder, { recursive: true, force: true });
});

function watch(controller: AbortController, salesdbUrl = databases.salesdb.urls.check as string): Promise<number> {
  const terminal = createTerminal({ write: (text) => (printed += text) }, {});
  return watchLaws({
    look: (signal) => checkLaws({ dsUrl: databases.ds.urls.check as string, salesdbUrl, simulatorFolder }, {}, signal),
    terminal,
    intervalMs: 1,
    signal: controller.signal,
  });
}
const count = (pattern: RegExp): number => printed.match(pattern)?.length ?? 0;
const until = (isTrue: () => boolean) => expect.poll(isTrue, { timeout: 20_000 }).toBe(true);

it("a row changed by hand is named within a pass, once, and makes the exit code 1 even when it was put right", async () => {
  const controller = new AbortController();
  const ended = watch(controller);
  await until(() => count(/11 laws hold/g) >= 1);
  expect(printed).not.toContain("BROKEN");
  await salesdb`update bulksms_info set status = 'undelivered' where row_no = 2`;
  await until(() => count(/BROKEN/g) >= 2);
  await salesdb`update bulksms_info set status = 'delivered' where row_no = 2`;
  await until(() => count(/11 laws hold/g) >= 2 && printed.lastIndexOf("hold") > printed.lastIndexOf("BROKEN"));
  controller.abort();
  expect(await ended).toBe(1);
  expect(count(new RegExp(`L8   bulksms_info ${bulksmsId}.2 +ended undelivered; by the carrier's journal delivered`, "g"))).toBe(1);
  expect(printed).toMatch(/L5, L8, L9 broken in \d+ passes/);
});

it("a database that does not answer is asked again", async () => {
  const controller = new AbortController();
  const ended = watch(controller, "postgres://check@127.0.0.1:1/nobody");
  await until(() => count(/does not answer/g) >= 2);
  controller.abort();
  expect(await ended).toBe(0);
  expect(printed).toContain("nothing was checked");
});

it("Ctrl-C in the middle of a pass ends it", async () => {
  const controller = new AbortController();
  const locked = salesdb.begin(async (sql) => {
    await sql`lock table bulksms in access exclusive mode`;
    const ended = watch(controller);
    await new Promise((resolve) => setImmediate(resolve));
    controller.abort();
    return ended;
  });
  expect(await locked).toBe(0);
});

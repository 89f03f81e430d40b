import { expect, test } from "vitest";
import { createEmptyDatabase } from "../../testing/engines.ts";
import { openPostgres } from "../platform/postgres.ts";
import { describeError, exitCodes } from "./report_error.ts";

test("a server that knows neither our password nor our database is somebody else's: no answer, not a broken law", async () => {
  const { ownerUrl: url, drop } = await createEmptyDatabase();
  for (const change of [{ password: "wrong" }, { pathname: "/elsewhere" }]) {
    const changed = new URL(url);
    Object.assign(changed, change);
    const sql = openPostgres(changed.href, { applicationName: "test", connections: 1 });
    const error = await sql`select 1`.catch((thrown: unknown) => thrown);
    expect(describeError(error), JSON.stringify(change)).toMatchObject({ what: "another database answers", exitCode: exitCodes.noAnswer });
    await sql.end({ timeout: 1 });
  }
  await drop();
});

import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { createTestDatabase } from "../../lab/cluster/engines.ts";
import { createLog } from "../platform/log.ts";
import { openPostgres } from "../platform/postgres.ts";
import { startSweeper } from "./sweeper.ts";

it("sends charges also while every repair is long", async () => {
  const database = await createTestDatabase("salesdb");
  const owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 2 });
  for (let campaign = 0; campaign < 10; campaign++) {
    await owner`insert into bulksms ${owner({
      ...{ id: randomUUID(), workspace_id: randomUUID(), hold_id: randomUUID() },
      ...{ name: "Test", sender: "Test", text: "Hello", country: "FI", deadline_s: 100, price: 100, status: "canceling" },
    })}`;
  }
  let repairs = 0;
  let relays = 0;
  let endRepairs = () => {};
  const repairsEnd = new Promise<void>((resolve) => {
    endRepairs = resolve;
  });
  const sweeper = startSweeper({
    sql: owner,
    intervalMs: 50,
    receiptHorizonS: 1,
    importLeaseMs: 1_000,
    log: createLog("test", { level: "fatal", format: "json" }),
    advance() {
      repairs++;
      return repairsEnd;
    },
    relay: async () => void relays++,
    onProgress: () => {},
    onRepair: () => {},
  });
  try {
    await expect.poll(() => repairs, { timeout: 5_000 }).toBe(4);
    const before = relays;
    await expect.poll(() => relays, { timeout: 5_000 }).toBeGreaterThan(before + 2);
  } finally {
    endRepairs();
    await sweeper.close();
    await owner.end();
    await database.drop();
  }
});

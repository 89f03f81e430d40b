import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { createTestDatabase } from "../../testing/engines.ts";
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

it("takes up a running campaign at its start, though the leases of a dead worker live and the next ring is far", async () => {
  const database = await createTestDatabase("salesdb");
  const owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 2 });
  const [interrupted, inHand] = [randomUUID(), randomUUID()];
  const inOneMinute = new Date(Date.now() + 60_000);
  for (const id of [interrupted, inHand]) {
    await owner`insert into bulksms ${owner({
      ...{ id, workspace_id: randomUUID(), hold_id: randomUUID(), contacts: 20, pending: 20, parts: 20, next_ring_at: inOneMinute },
      ...{ name: "Test", sender: "Test", text: "Hello", country: "FI", deadline_s: 100, price: 100, status: "running" },
    })}`;
    const leased = { bulksms_id: id, state: "leased", lease_owner: randomUUID(), lease_until: inOneMinute };
    await owner`insert into bulksms_chunk ${owner({ ...leased, chunk_no: 1, first_row: 1, last_row: 10, intent_to: 10 })}`;
    const second = id === interrupted ? { bulksms_id: id } : leased;
    await owner`insert into bulksms_chunk ${owner({ ...second, chunk_no: 2, first_row: 11, last_row: 20, intent_to: 10 })}`;
  }
  const advanced: string[] = [];
  const sweeper = startSweeper({
    sql: owner,
    intervalMs: 60_000,
    receiptHorizonS: 1,
    importLeaseMs: 1_000,
    log: createLog("test", { level: "fatal", format: "json" }),
    advance: async (bulksmsId) => void advanced.push(bulksmsId),
    relay: async () => {},
    onProgress: () => {},
    onRepair: () => {},
  });
  try {
    await expect.poll(() => advanced, { timeout: 5_000 }).toEqual([interrupted]);
    await owner`update bulksms set next_ring_at = now() - interval '1 s'`;
    await sweeper.sweep();
    expect(advanced).toEqual([interrupted]);
  } finally {
    await sweeper.close();
    await owner.end();
    await database.drop();
  }
});

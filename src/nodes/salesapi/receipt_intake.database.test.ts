import { randomUUID } from "node:crypto";
import { expect, it } from "vitest";
import { createTestDatabase, testRedis } from "../../../testing/engines.ts";
import { openProgressPublisher } from "../../campaign/reads/progress.ts";
import { toColumns } from "../../campaign/receipts/receipt_parse.ts";
import { openPublisher } from "../../platform/broadcast.ts";
import { createLog } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { openQueue } from "../../platform/queue.ts";
import { openReceiptIntake } from "./receipt_intake.ts";

it("rings the relay for the first charge at once, for the last one too, and not for each between", async () => {
  const database = await createTestDatabase("salesdb");
  const owner = openPostgres(database.ownerUrl, { applicationName: "test", connections: 2 });
  const redis = await testRedis();
  const redisOptions = { redisUrl: redis.url, namespace: redis.namespace };
  const sales = openQueue("sales", redisOptions);
  const publisher = openPublisher(redisOptions);
  const progress = openProgressPublisher(publisher);
  const rings = async () => (await sales.counts()).waiting ?? 0;
  const bulksmsId = randomUUID();
  const contacts = 50;
  await owner`insert into bulksms ${owner({
    ...{ id: bulksmsId, workspace_id: randomUUID(), hold_id: randomUUID(), status: "running", contacts, parts: contacts, queued: contacts },
    ...{ name: "Test", sender: "Test", text: "Hello", country: "FI", deadline_s: 100, price: 100 },
  })}`;
  await owner`insert into bulksms_info (bulksms_id, row_no, msisdn, parts, cost_milli, status)
    select ${bulksmsId}, n, 358400000000 + n, 1, 100, 'queued' from generate_series(1, ${contacts}::int) n`;
  const intake = openReceiptIntake({
    ...{ sql: owner, progress, sales, metrics: createMetrics("salesapi"), log: createLog("test", { level: "fatal", format: "json" }) },
    ...{ batchMax: 100, queueMax: 1_000 },
  });
  const sent = (rowNo: number) => toColumns(() => [{ id: `r${rowNo}`, reference: `${bulksmsId}.${rowNo}`, status: "sent" }]);
  try {
    await expect.poll(rings).toBe(0); // Redis answers
    const startedAt = performance.now();
    await intake.add(sent(1));
    await expect.poll(rings, { timeout: 5_000 }).toBe(1);
    for (let rowNo = 2; rowNo < contacts; rowNo++) await intake.add(sent(rowNo));
    const before = await rings();
    await intake.add(sent(contacts));
    const roundsMax = Math.ceil((performance.now() - startedAt) / 100) + 1;
    await intake.close();
    await expect.poll(rings, { timeout: 5_000 }).toBeGreaterThan(before);
    expect(await rings()).toBeLessThanOrEqual(roundsMax);
    expect(await owner`select from credit_outbox`).toHaveLength(contacts);
  } finally {
    progress.close();
    publisher.close();
    await sales.close();
    await owner.end();
    await database.drop();
  }
});

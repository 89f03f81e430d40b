// general_worker through its queues: settle_credit in, the ledger and credit_settled out.
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import type { Jobs } from "../../contracts/jobs.ts";
import { reserve } from "../../credit/holds.ts";
import { createLog } from "../../platform/log.ts";
import { openQueue, type QueueWorker, type RingingQueue, startQueueWorker } from "../../platform/queue.ts";

let nodes: CreditNodes;
let general: RingingQueue<"general">;
let salesWorker: QueueWorker;
const confirmed: string[] = [];
beforeAll(async () => {
  nodes = await startCreditNodes();
  const redis = { redisUrl: nodes.redis.url, namespace: nodes.redis.namespace };
  general = openQueue("general", redis);
  const ignore = async () => {};
  salesWorker = startQueueWorker("sales", {
    ...redis,
    concurrency: 1,
    log: createLog("test", { level: "error", format: "json" }),
    handlers: {
      run_bulksms: ignore,
      dispatch_chunk: ignore,
      relay_outbox: ignore,
      credit_settled: async ({ outbox_ids }) => void confirmed.push(...outbox_ids),
    },
  });
});
afterAll(async () => {
  await general?.close();
  await salesWorker?.close();
  await nodes?.stop();
});

async function holdOf(credits: string, amountMilli: bigint) {
  const { id: workspaceId } = await nodes.makeWorkspace(credits);
  const holdId = randomUUID();
  await reserve(nodes.owner, { workspaceId, holdId, amountMilli });
  return { workspaceId, holdId };
}

/**
 * Rings until confirmed: a ring may be lost, as in the real system, where the sweeper rings again.
 */
async function ringUntilConfirmed(job: Jobs["general"]["settle_credit"], ids: string[]) {
  await expect
    .poll(
      () => {
        general.ring("settle_credit", job);
        return ids.every((id) => confirmed.includes(id));
      },
      { interval: 100, timeout: 10_000 },
    )
    .toBe(true);
}

test("a settled row is charged once and confirmed, however often the job comes", async () => {
  const { workspaceId, holdId } = await holdOf("10.0", 5_000n);
  const settles = [100, 200, 300].map((amount) => ({ outbox_id: randomUUID() as string, amount_milli: String(amount) }));
  const ids = settles.map((row) => row.outbox_id);
  for (let time = 0; time < 5; time++) general.ring("settle_credit", { hold_id: holdId, settles });
  await ringUntilConfirmed({ hold_id: holdId, settles }, ids);
  const credit = await nodes.http("GET", `/workspaces/${workspaceId}`);
  expect(credit.body).toMatchObject({ credit: "9.4", available: "5.0", held: "4.4", spent: "0.6" });
});

test("a row that the hold refuses is parked, counted and not confirmed, and the others are", async () => {
  const { workspaceId, holdId } = await holdOf("10.0", 1_000n);
  const [good, poisonMessage, late] = ["400", "5000", "600"].map((amount_milli) => ({ outbox_id: randomUUID() as string, amount_milli }));
  if (good === undefined || poisonMessage === undefined || late === undefined) throw new Error("three rows");
  await ringUntilConfirmed({ hold_id: holdId, settles: [good, poisonMessage, late] }, [good.outbox_id, late.outbox_id]);
  expect(confirmed).not.toContain(poisonMessage.outbox_id);
  const parked = await nodes.owner`select outbox_id, code from settle_refused where hold_id = ${holdId}`;
  expect(parked).toEqual([{ outbox_id: poisonMessage.outbox_id, code: "hold_exceeded" }]);
  expect((await nodes.http("GET", `/workspaces/${workspaceId}`)).body).toMatchObject({ held: "0.0", spent: "1.0" });
  const alarms = nodes.logLines.filter((line) => line.includes(poisonMessage.outbox_id)).map((line) => JSON.parse(line));
  expect(alarms).toMatchObject([{ event: "credit.settle_refused", alarm: true, code: "hold_exceeded" }]);
});

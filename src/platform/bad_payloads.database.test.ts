// Nonsense in Redis: jobs and updates that none of our processes wrote. None reaches a handler,
// none stops a worker or a subscriber.
import { randomUUID } from "node:crypto";
import { Queue } from "bullmq";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { anyText } from "../../testing/any_text.ts";
import { testRedis } from "../../testing/engines.ts";
import { randomRuns } from "../../testing/random_runs.ts";
import { openSubscriber } from "./broadcast.ts";
import { createLog } from "./log.ts";
import { openQueue, startQueueWorker } from "./queue.ts";
import { openRedis } from "./redis.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const log = createLog("test", { level: "fatal", format: "json" });
const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/**
 * A queue that anyone with the password could fill, and its worker, which records what reaches its
 * handlers.
 */
async function open() {
  const { url, namespace } = await testRedis();
  const redis = openRedis(url, { connectionName: "test", isBlocking: true });
  const prefix = `{${namespace}:sales}`;
  const anybody = new Queue("sales", { connection: redis, prefix, skipVersionCheck: true });
  const ours = openQueue("sales", { redisUrl: url, namespace });
  closing.push(
    () => redis.disconnect(),
    () => anybody.close(),
    () => ours.close(),
  );
  const handled: unknown[] = [];
  const note = async (payload: unknown) => void handled.push(payload);
  const work = () => {
    const worker = startQueueWorker("sales", {
      redisUrl: url,
      namespace,
      concurrency: 2,
      log,
      handlers: { run_bulksms: note, dispatch_chunk: note, relay_outbox: note, credit_settled: note },
    });
    closing.push(() => worker.close());
  };
  /** Rings until a job gets through. */
  const expectGoodJob = async () => {
    const id = randomUUID();
    await vi.waitFor(
      () => {
        ours.ring("run_bulksms", { bulksms_id: id });
        expect(handled).toContainEqual({ bulksms_id: id });
      },
      { timeout: 20_000, interval: 100 },
    );
    return handled.filter((payload) => (payload as { bulksms_id?: unknown }).bulksms_id !== id);
  };
  return { redis, prefix, anybody, work, expectGoodJob };
}

test(`a job of any name and payload that is none of ours reaches no handler (seed ${seed})`, async () => {
  const { anybody, work, expectGoodJob } = await open();
  const name = fc.constantFrom(
    "run_bulksms",
    "dispatch_chunk",
    "credit_settled",
    "settle_credit",
    "__proto__",
    "constructor",
    "toString",
    "x",
    "",
  );
  const id = fc.oneof(anyText({ maxLength: 20 }), fc.constantFrom("__proto__", null, 7, {}, [randomUUID()]));
  const payload = fc.oneof(
    fc.jsonValue().filter((value) => typeof value !== "object" || value === null),
    fc.record({ bulksms_id: id, outbox_ids: fc.oneof(fc.constant([]), fc.array(id, { maxLength: 3 })) }, { requiredKeys: [] }),
  );
  const nonsense = fc.sample(fc.tuple(name, payload), { seed, numRuns: randomRuns(40) });
  await anybody.addBulk(nonsense.map(([job, data]) => ({ name: job, data })));
  await anybody.add("run_bulksms", { bulksms_id: "x".repeat(1_000_000) });
  await anybody.add("credit_settled", { outbox_ids: Array.from({ length: 1_001 }, () => randomUUID()) });
  work();
  expect(await expectGoodJob()).toEqual([]);
  await vi.waitFor(async () => expect((await anybody.getJobCounts("failed")).failed).toBe(nonsense.length + 2), { timeout: 20_000 });
});

test("a job whose data is no JSON, or that is gone, stops no worker", async () => {
  const { redis, prefix, anybody, work, expectGoodJob } = await open();
  const jobs = await anybody.addBulk(Array.from({ length: 6 }, () => ({ name: "run_bulksms", data: { bulksms_id: randomUUID() } })));
  const keyOf = (at: number) => `${prefix}:sales:${jobs[at]?.id}`;
  await redis.hset(keyOf(0), "data", "{broken");
  await redis.hset(keyOf(1), "opts", "{broken");
  await redis.hset(keyOf(2), "data", "\ud800\0");
  await redis.del(keyOf(3));
  await redis.hdel(keyOf(4), "name");
  await redis.lpush(`${prefix}:sales:wait`, "no-such-job", "", "0:marker");
  work();
  const others = await expectGoodJob();
  expect(others.length).toBeLessThanOrEqual(1); // the sixth, which was left as it was
});

test("an update that is no JSON, or of another form, or of another channel, is dropped, and the next is heard", async () => {
  const { url, namespace } = await testRedis();
  const redis = openRedis(url, { connectionName: "test" });
  const heard: unknown[] = [];
  const subscriber = openSubscriber({
    redisUrl: url,
    namespace,
    onUpdate: (_topic, _channel, update) => heard.push(update),
    onReconnect: () => {},
  });
  closing.push(
    () => redis.disconnect(),
    () => subscriber.close(),
  );
  const id = randomUUID();
  subscriber.subscribe("workspace_credit", id);
  const channel = `${namespace}:workspace_credit:${id}`;
  const good = { workspace_id: id, credit: "1.0", available: "1.0", held: "0.0", spent: "0.0", version: 1 };
  const nonsense = [
    "",
    "{",
    "null",
    "[]",
    "\0",
    Buffer.from([0xff, 0xfe]),
    JSON.stringify({ ...good, version: -1 }),
    JSON.stringify({ ...good, version: 1.5 }),
  ];
  nonsense.push(
    JSON.stringify({ ...good, credit: 1 }),
    JSON.stringify({ ...good, workspace_id: "x" }),
    "[".repeat(100_000),
    '{"__proto__":{"version":9}}',
  );
  await vi.waitFor(async () => {
    for (const message of nonsense) await redis.publish(channel, message);
    await redis.publish(channel, JSON.stringify(good));
    expect(heard).not.toEqual([]);
  }, 20_000);
  expect(new Set(heard.map((update) => JSON.stringify(update)))).toEqual(new Set([JSON.stringify(good)]));
});

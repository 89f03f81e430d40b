import { randomUUID } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { testRedis } from "../../testing/engines.ts";
import { createLog } from "./log.ts";
import { openQueue, startQueueWorker } from "./queue.ts";
import { openRedis } from "./redis.ts";

const log = createLog("test", { level: "fatal", format: "json" });
const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const open = async () => {
  const { url, namespace } = await testRedis();
  const options = { redisUrl: url, namespace };
  const queue = openQueue("sales", options);
  closing.push(() => queue.close());
  return { ...options, queue };
};

const work = (options: { redisUrl: string; namespace: string }, onRun: (id: string) => Promise<void>) => {
  const nothing = async () => {};
  const worker = startQueueWorker("sales", {
    ...options,
    concurrency: 2,
    log,
    handlers: {
      run_bulksms: ({ bulksms_id }) => onRun(bulksms_id),
      dispatch_chunk: nothing,
      relay_outbox: nothing,
      credit_settled: nothing,
    },
  });
  closing.push(() => worker.close());
  return worker;
};

test("a ring reaches a worker with its payload", async () => {
  const { queue, ...options } = await open();
  const ids: string[] = [];
  work(options, async (id) => void ids.push(id));
  const id = randomUUID();
  await vi.waitFor(() => {
    if (ids.length === 0) queue.ring("run_bulksms", { bulksms_id: id });
    expect(ids[0]).toBe(id);
  });
});

test("a payload that does not fit its schema fails the job and never reaches the handler", async () => {
  const { queue, ...options } = await open();
  const ids: string[] = [];
  work(options, async (id) => void ids.push(id));
  const good = randomUUID();
  await vi.waitFor(async () => expect(await queue.counts()).toBeDefined());
  queue.ring("run_bulksms", { bulksms_id: "not an id" });
  queue.ring("run_bulksms", { bulksms_id: good });
  await vi.waitFor(async () => {
    expect(ids).toEqual([good]);
    expect((await queue.counts()).failed).toBe(1);
  });
});

test("a ring while Redis is away is dropped and counted: it neither throws nor waits", async () => {
  const queue = openQueue("sales", { redisUrl: "redis://127.0.0.1:1", namespace: "away" });
  closing.push(() => queue.close());
  queue.ring("relay_outbox", {});
  expect(queue.dropped()).toBe(1);
});

test("closing waits for the job in hand", async () => {
  const { queue, ...options } = await open();
  let finish = () => {};
  let isDone = false;
  const started = new Promise<void>((begin) => {
    const worker = work(options, async () => {
      begin();
      await new Promise<void>((resolve) => {
        finish = resolve;
      });
      isDone = true;
    });
    closing.pop();
    closing.push(async () => {
      const closed = worker.close();
      finish();
      await closed;
      expect(isDone).toBe(true);
    });
  });
  await vi.waitFor(async () => expect(await queue.counts()).toBeDefined());
  queue.ring("run_bulksms", { bulksms_id: randomUUID() });
  await started;
});

test("all keys of a queue share one hash tag, so that Redis Cluster keeps them together", async () => {
  const { queue, ...options } = await open();
  work(options, async () => {});
  await vi.waitFor(async () => {
    queue.ring("run_bulksms", { bulksms_id: randomUUID() });
    expect(Object.values(await queue.counts()).length).toBeGreaterThan(0);
  });
  const redis = openRedis(options.redisUrl, { connectionName: "test", isBlocking: true });
  closing.push(() => redis.disconnect());
  await vi.waitFor(async () => {
    const keys = await redis.keys(`*${options.namespace}*`);
    expect(keys.length).toBeGreaterThan(1);
    for (const key of keys) expect(key).toMatch(new RegExp(`^\\{${options.namespace}:sales\\}:`));
  });
});

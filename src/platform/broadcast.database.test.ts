import { randomUUID } from "node:crypto";
import { afterEach, expect, test, vi } from "vitest";
import { testRedis } from "../../testing/engines.ts";
import type { TopicUpdates } from "../contracts/topics.ts";
import { openPublisher, openSubscriber } from "./broadcast.ts";
import { openRedis } from "./redis.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const open = async () => {
  const { url, namespace } = await testRedis();
  const options = { redisUrl: url, namespace };
  const seen: { channel: string; version: number }[] = [];
  let reconnects = 0;
  const publisher = openPublisher(options);
  const subscriber = openSubscriber({
    ...options,
    onUpdate: (_topic, channel, update) => seen.push({ channel, version: update.version }),
    onReconnect: () => {
      reconnects++;
    },
  });
  const redis = openRedis(url, { connectionName: "test", isBlocking: true });
  closing.push(publisher.close, subscriber.close, () => redis.disconnect());
  return { publisher, subscriber, seen, redis, namespace, reconnects: () => reconnects };
};

const credit = (workspaceId: string, version: number): TopicUpdates["workspace_credit"] => ({
  workspace_id: workspaceId,
  credit: "1.0",
  available: "1.0",
  held: "0.0",
  spent: "0.0",
  version,
});

test("an update reaches the subscribers of its channel, and no other", async () => {
  const { publisher, subscriber, seen } = await open();
  const [mine, other] = [randomUUID(), randomUUID()];
  subscriber.subscribe("workspace_credit", mine);
  await vi.waitFor(() => {
    publisher.publish("workspace_credit", other, credit(other, 1));
    publisher.publish("workspace_credit", mine, credit(mine, 2));
    expect(seen.length).toBeGreaterThan(0);
  });
  expect(seen.every(({ channel }) => channel === mine)).toBe(true);
});

test("what is not an update of the topic is dropped", async () => {
  const { publisher, subscriber, seen, redis, namespace } = await open();
  const mine = randomUUID();
  subscriber.subscribe("workspace_credit", mine);
  await vi.waitFor(async () => expect(await redis.publish(`${namespace}:workspace_credit:${mine}`, "{broken")).toBe(1));
  await redis.publish(`${namespace}:workspace_credit:${mine}`, '{"version":"5"}');
  await vi.waitFor(() => {
    publisher.publish("workspace_credit", mine, credit(mine, 7));
    expect(seen.length).toBeGreaterThan(0);
  });
  expect(seen.every(({ version }) => version === 7)).toBe(true);
});

test("after a lost connection it subscribes again by itself, and says that updates may be missing", async () => {
  const { publisher, subscriber, seen, redis, reconnects } = await open();
  const mine = randomUUID();
  subscriber.subscribe("workspace_credit", mine);
  await vi.waitFor(() => {
    publisher.publish("workspace_credit", mine, credit(mine, 1));
    expect(seen.length).toBeGreaterThan(0);
  });
  await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await vi.waitFor(() => expect(reconnects()).toBeGreaterThan(0), 3_000);
  await vi.waitFor(() => {
    publisher.publish("workspace_credit", mine, credit(mine, 2));
    expect(seen.at(-1)?.version).toBe(2);
  });
});

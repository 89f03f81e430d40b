import { afterEach, expect, test } from "vitest";
import { testRedis } from "../../testing/engines.ts";
import type { LawsUpdate } from "../contracts/topics.ts";
import { openSubscriber } from "../platform/broadcast.ts";
import { startLawsNews } from "./laws_news.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

test("a database that is away makes every law unknown, not held; and before somebody watches nothing is looked at", async () => {
  const { url: redisUrl, namespace } = await testRedis();
  const heard: LawsUpdate[] = [];
  const warned: unknown[] = [];
  const nowhere = "postgres://check:x@127.0.0.1:1/ds";
  const news = startLawsNews({
    sources: { dsUrl: nowhere, salesdbUrl: nowhere, simulatorFolder: "/nowhere" },
    redis: { redisUrl, namespace },
    log: { warn: (words: unknown) => warned.push(words) } as never,
  });
  closing.push(() => news.stop());
  const subscriber = openSubscriber({
    redisUrl,
    namespace,
    onUpdate: (_topic, _channel, update) => heard.push(update as LawsUpdate),
    onReconnect: () => {},
  });
  closing.push(() => subscriber.close());
  await expect.poll(() => subscriber.isConnected()).toBe(true);
  expect(warned).toEqual([]);
  subscriber.subscribe("laws", "all");
  await expect.poll(() => heard.length, { timeout: 15_000 }).toBeGreaterThan(0);
  expect(heard[0]?.laws.length).toBeGreaterThan(0);
  expect(heard[0]?.laws.every(({ verdict }) => verdict === "unknown")).toBe(true);
  expect(heard[0]?.checked_at).toBeNull();
  expect(warned).not.toEqual([]);
});

// Pub/sub on Redis: topics with channels. Publishing is fire-and-forget; readers recover a lost
// update from a snapshot.
import { channelName, type TopicName, type TopicUpdates, topicUpdates } from "../contracts/topics.ts";
import { closeRedis, openRedis } from "./redis.ts";

export interface BroadcastOptions {
  redisUrl: string;
  namespace: string;
}

export interface Publisher {
  /**
   * Fire and forget: never throws, never waits; dropped while Redis is away. Call it after the
   * commit that it announces.
   */
  publish<T extends TopicName>(topic: T, channel: string, update: TopicUpdates[T]): void;
  /** While false, whatever is published is dropped. */
  isConnected(): boolean;
  /**
   * Whether anybody is subscribed, so that expensive updates are only computed for somebody. False
   * while Redis is away.
   */
  hasReaders(topic: TopicName, channel: string): Promise<boolean>;
  close(): void;
}

export function openPublisher(options: BroadcastOptions): Publisher {
  const redis = openRedis(options.redisUrl, { connectionName: "publish" });
  return {
    publish(topic, channel, update) {
      if (redis.status !== "ready") return;
      redis.publish(redisChannel(options.namespace, topic, channel), JSON.stringify(update)).catch(() => {});
    },
    isConnected: () => redis.status === "ready",
    async hasReaders(topic, channel) {
      if (redis.status !== "ready") return false;
      const [, readers] = await redis.pubsub("NUMSUB", redisChannel(options.namespace, topic, channel)).catch(() => []);
      return Number(readers ?? 0) > 0;
    },
    close: () => closeRedis(redis),
  };
}

export interface Subscriber {
  subscribe(topic: TopicName, channel: string): void;
  unsubscribe(topic: TopicName, channel: string): void;
  isConnected(): boolean;
  close(): void;
}

export interface SubscriberOptions extends BroadcastOptions {
  /**
   * Called with each valid update of a subscribed channel; updates that do not fit the schema are
   * dropped.
   */
  onUpdate<T extends TopicName>(topic: T, channel: string, update: TopicUpdates[T]): void;
  /** The connection is back; updates may have been lost in the meantime. */
  onReconnect(): void;
}

export function openSubscriber(options: SubscriberOptions): Subscriber {
  // after a reconnect ioredis resubscribes to all channels by itself
  const redis = openRedis(options.redisUrl, { connectionName: "subscribe", isBlocking: true });
  let wasReady = false;
  redis.on("ready", () => {
    if (wasReady) options.onReconnect();
    wasReady = true;
  });
  redis.on("message", (name: string, text: string) => {
    const parsed = parseChannel(options.namespace, name);
    if (parsed === null) return;
    const update = topicUpdates[parsed.topic].safeParse(parseJson(text));
    if (update.success) options.onUpdate(parsed.topic, parsed.channel, update.data as TopicUpdates[typeof parsed.topic]);
  });
  return {
    subscribe: (topic, channel) => void redis.subscribe(redisChannel(options.namespace, topic, channel)).catch(() => {}),
    unsubscribe: (topic, channel) => void redis.unsubscribe(redisChannel(options.namespace, topic, channel)).catch(() => {}),
    isConnected: () => redis.status === "ready",
    close: () => closeRedis(redis),
  };
}

const redisChannel = (namespace: string, topic: TopicName, channel: string) => `${namespace}:${topic}:${channel}`;

function parseChannel(namespace: string, name: string) {
  const [topic, channel] = name.slice(namespace.length + 1).split(":");
  const parsed = channelName.safeParse({ topic, channel });
  return parsed.success ? parsed.data : null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

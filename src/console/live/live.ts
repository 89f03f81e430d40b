// The page's single WebSocket: topics as hooks, with automatic reconnection. The first update after
// a subscribe is a snapshot, so nothing is missed.
import { useEffect, useState, useSyncExternalStore } from "react";
import type { SocketUpdate, TopicName, TopicUpdates } from "../../contracts/topics.ts";
import { backoffMs } from "../../platform/time/backoff.ts";
import { sleep } from "../../platform/time/sleep.ts";

const retryBackoff = { firstMs: 500, maxMs: 5_000 };

interface Channel {
  topic: TopicName;
  channel: string;
  listeners: Set<(update: unknown) => void>;
  version: number;
  last: unknown;
}

export interface Connection {
  isConnected: boolean;
  /** When it was lost (Date.now); null: it was not, or is back. */
  lostAtMs: number | null;
}

const channels = new Map<string, Channel>();
const watchers = new Set<() => void>();
let socket: WebSocket | null = null;
let lostInARow = 0;
let connection: Connection = { isConnected: false, lostAtMs: null };

const nameOf = (topic: TopicName, channel: string): string => `${topic} ${channel}`;
const say = (words: unknown): void => {
  if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(words));
};

function setConnection(next: Connection): void {
  connection = next;
  for (const watcher of watchers) watcher();
}

function open(): void {
  socket = new WebSocket(new URL("/ws", location.href.replace(/^http/, "ws")));
  socket.onopen = () => {
    lostInARow = 0;
    setConnection({ isConnected: true, lostAtMs: null });
    const all = [...channels.values()].map(({ topic, channel }) => ({ topic, channel }));
    if (all.length > 0) say({ subscribe: all });
  };
  socket.onmessage = ({ data }: MessageEvent<string>) => take(JSON.parse(data) as SocketUpdate);
  socket.onclose = () => {
    setConnection({ isConnected: false, lostAtMs: connection.lostAtMs ?? Date.now() });
    lostInARow += 1;
    void sleep(backoffMs(retryBackoff, lostInARow)).then(open);
  };
}

/** A late update may be older than the current one and is dropped; a snapshot always counts. */
function take({ topic, channel: name, update, is_snapshot }: SocketUpdate): void {
  const channel = channels.get(nameOf(topic, name));
  if (channel === undefined) return;
  const { version } = update as { version: number };
  if (!is_snapshot && version < channel.version) return;
  channel.version = version;
  channel.last = update;
  for (const listener of channel.listeners) listener(update);
}

function listen(topic: TopicName, name: string, listener: (update: unknown) => void): () => void {
  const key = nameOf(topic, name);
  let channel = channels.get(key);
  if (channel === undefined) {
    channel = { topic, channel: name, listeners: new Set(), version: -1, last: null };
    channels.set(key, channel);
    say({ subscribe: [{ topic, channel: name }] });
  }
  channel.listeners.add(listener);
  if (channel.last !== null) listener(channel.last);
  if (socket === null) open();
  return () => {
    channel.listeners.delete(listener);
    if (channel.listeners.size > 0) return;
    channels.delete(key);
    say({ unsubscribe: [{ topic, channel: name }] });
  };
}

/**
 * The newest update of a channel; null before the first.
 * @param channel null: subscribes to nothing
 */
export function useTopic<T extends TopicName>(topic: T, channel: string | null): TopicUpdates[T] | null {
  const [heard, setHeard] = useState<{ channel: string | null; update: TopicUpdates[T] | null }>({ channel, update: null });
  useEffect(() => {
    if (channel === null) return;
    return listen(topic, channel, (update) => setHeard({ channel, update: update as TopicUpdates[T] }));
  }, [topic, channel]);
  return heard.channel === channel ? heard.update : null;
}

export function useConnection(): Connection {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => connection,
  );
}

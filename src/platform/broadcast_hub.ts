// Fans updates of topics and channels out to many listeners of one process (webapi's sockets).
// Knows neither transport nor domain: a listener is anything that takes text and reports how much
// of it is still buffered; an update is anything with a version that only grows.
import type { ChannelName, TopicName } from "../contracts/topics.ts";
import { createThrottle, type Throttle } from "./time/throttle.ts";

export interface Listener {
  send(text: string): void;
  /** Bytes sent that have not left this process yet. */
  bufferedBytes(): number;
  /** The listener read too slowly and has been removed from the hub: end its connection. */
  dropAsSlow(): void;
}

export interface HubOptions {
  /**
   * Minimum interval between two updates of one channel to one listener; of the updates in between,
   * only the newest is sent.
   */
  updateIntervalMs: number;
  /**
   * A listener with more buffered than this is dropped, so that it does not cost the others memory.
   */
  bufferedBytesMax: number;
  /** A channel gained its first listener or lost its last one. */
  onWatch(topic: TopicName, channel: string): void;
  onUnwatch(topic: TopicName, channel: string): void;
}

type Update = { version: number };

/**
 * A listener's state in a channel: waiting for its snapshot (nothing is sent yet), or the version
 * that it has.
 */
type Place = "waiting" | number;

interface Channel {
  topic: TopicName;
  channel: string;
  latest: Update | null;
  places: Map<Listener, Place>;
  flushing: Throttle;
}

export interface BroadcastHub {
  /** Joins a channel; nothing is sent before `begin`. Returns false if it has joined already. */
  wait(listener: Listener, name: ChannelName): boolean;
  /**
   * Sends the snapshot (or whatever is newer by now), and each update from then on. No effect
   * unless the listener has joined.
   */
  begin(listener: Listener, name: ChannelName, snapshot: Update): void;
  unsubscribe(listener: Listener, name: ChannelName): void;
  leave(listener: Listener): void;
  /**
   * Takes updates from anywhere, in any order, any number of times; only a version newer than the
   * last one is passed on.
   */
  offer(topic: TopicName, channel: string, update: Update): void;
  /** The channels of a topic that have listeners. */
  watched(topic: TopicName): string[];
  channelsOf(listener: Listener): number;
  close(): void;
}

export function createBroadcastHub(options: HubOptions): BroadcastHub {
  const channels = new Map<string, Channel>();
  const memberships = new Map<Listener, Set<Channel>>();

  const leaveChannel = (listener: Listener, state: Channel) => {
    memberships.get(listener)?.delete(state);
    if (!state.places.delete(listener) || state.places.size > 0) return;
    state.flushing.cancel();
    channels.delete(keyOf(state));
    options.onUnwatch(state.topic, state.channel);
  };
  const leave = (listener: Listener) => {
    for (const state of [...(memberships.get(listener) ?? [])]) leaveChannel(listener, state);
    memberships.delete(listener);
  };
  const sendTo = (listener: Listener, text: string) => {
    if (listener.bufferedBytes() <= options.bufferedBytesMax) return listener.send(text);
    leave(listener);
    listener.dropAsSlow();
  };
  const flush = (state: Channel) => {
    const { latest } = state;
    if (latest === null) return;
    const text = textOf(state, latest, false); // once for all listeners
    for (const [listener, place] of [...state.places]) {
      if (place === "waiting" || place >= latest.version) continue;
      state.places.set(listener, latest.version);
      sendTo(listener, text);
    }
  };
  const accept = (state: Channel, update: Update) => {
    if (state.latest !== null && update.version <= state.latest.version) return;
    state.latest = update;
    state.flushing.ask();
  };

  return {
    wait(listener, { topic, channel }) {
      let state = channels.get(keyOf({ topic, channel }));
      if (state === undefined) {
        const opened: Channel = {
          ...{ topic, channel, latest: null, places: new Map() },
          flushing: createThrottle(() => flush(opened), options.updateIntervalMs),
        };
        state = opened;
        channels.set(keyOf(state), state);
        options.onWatch(topic, channel);
      }
      if (state.places.has(listener)) return false;
      state.places.set(listener, "waiting");
      const membership = memberships.get(listener);
      if (membership === undefined) memberships.set(listener, new Set([state]));
      else membership.add(state);
      return true;
    },
    begin(listener, name, snapshot) {
      const state = channels.get(keyOf(name));
      if (!state?.places.has(listener)) return;
      accept(state, snapshot);
      const latest = state.latest as Update;
      state.places.set(listener, latest.version);
      sendTo(listener, textOf(state, latest, true));
    },
    unsubscribe(listener, name) {
      const state = channels.get(keyOf(name));
      if (state !== undefined) leaveChannel(listener, state);
    },
    leave,
    offer(topic, channel, update) {
      const state = channels.get(keyOf({ topic, channel }));
      if (state !== undefined) accept(state, update);
    },
    watched: (topic) => [...channels.values()].filter((state) => state.topic === topic).map((state) => state.channel),
    channelsOf: (listener) => memberships.get(listener)?.size ?? 0,
    close() {
      for (const state of channels.values()) state.flushing.cancel();
      channels.clear();
      memberships.clear();
    },
  };
}

const keyOf = ({ topic, channel }: ChannelName) => `${topic}:${channel}`;

const textOf = ({ topic, channel }: Channel, update: Update, isSnapshot: boolean) =>
  JSON.stringify({ topic, channel, is_snapshot: isSnapshot, update });

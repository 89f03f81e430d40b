// One WebSocket client: its requests in order, its subscriptions, its end. The hub sends to it;
// sockets.ts keeps it alive.
import type { WebSocket } from "ws";
import type { Caller } from "../../accounts/authenticator.ts";
import { type ChannelName, type SocketRequest, socketCloseCodes, socketRequest, type TopicName } from "../../contracts/topics.ts";
import type { BroadcastHub, Listener } from "../../platform/broadcast_hub.ts";
import type { ChannelSnapshots, SnapshotResult } from "./channel_snapshots.ts";

/** A console shows one workspace and a few campaigns; this is room for a wall of them. */
const channelsPerSocketMax = 500;
/**
 * Requests of one socket that wait for earlier ones; a client that sends more is not waiting for
 * answers.
 */
const requestsWaitingMax = 100;
/** The time a client has to answer our close frame; then its connection is cut. */
const closeGraceMs = 5_000;

export interface SocketSession {
  readonly caller: Caller;
  /** Takes those snapshots, by channel, that could not be read before. */
  takeWaiting(topic: TopicName, snapshotOf: ReadonlyMap<string, SnapshotResult>): void;
  /** A ping; a client that left the last two unanswered reads no more and is dropped. */
  keepAlive(): void;
  end(code: number, reason: string): void;
}

export interface SocketSessionOptions {
  socket: WebSocket;
  caller: Caller;
  hub: BroadcastHub;
  snapshots: ChannelSnapshots;
  onEnd(session: SocketSession): void;
  /** An error that nothing explains: the socket has been closed, the log must tell. */
  onFailure(error: unknown): void;
}

export function openSocketSession(options: SocketSessionOptions): SocketSession {
  const { socket, caller, hub, snapshots } = options;
  let requestsWaiting = 0;
  let requestsDone: Promise<void> = Promise.resolve();
  let pingsUnanswered = 0;
  let hasEnded = false;

  const listener: Listener = {
    send: (text) => socket.send(text),
    bufferedBytes: () => socket.bufferedAmount,
    dropAsSlow: () => end(socketCloseCodes.tooSlow, "does not read"),
  };
  const leave = () => {
    if (hasEnded) return;
    hasEnded = true;
    hub.leave(listener);
    subscriptions.clear();
    options.onEnd(session);
  };
  const end = (code: number, reason: string) => {
    leave();
    socket.close(code, reason);
    setTimeout(() => socket.terminate(), closeGraceMs).unref();
  };
  const subscriptions = openSubscriptions({ listener, caller, hub, snapshots, hasEnded: () => hasEnded, end });

  const answer = async (request: SocketRequest) => {
    if (hasEnded) return;
    if ("subscribe" in request) await subscriptions.add(request.subscribe);
    else subscriptions.remove(request.unsubscribe);
  };
  const failed = (error: unknown) => {
    end(1011, "internal error");
    options.onFailure(error);
  };

  socket.on("message", (data, isBinary) => {
    if (hasEnded) return;
    const request = isBinary ? null : parseRequest(data.toString());
    if (request === null) return end(socketCloseCodes.requestInvalid, 'expected {"subscribe": [...]} or {"unsubscribe": [...]}');
    if (requestsWaiting >= requestsWaitingMax) return end(socketCloseCodes.tooSlow, "sends faster than it is answered");
    requestsWaiting++;
    requestsDone = requestsDone
      .then(() => answer(request))
      .catch(failed)
      .finally(() => {
        requestsWaiting--;
      });
  });
  socket.on("pong", () => {
    pingsUnanswered = 0;
  });
  // ws closes by itself after a protocol error or too large a frame (1009); without a listener the
  // process would end
  socket.on("error", () => {});
  socket.on("close", leave);

  const session: SocketSession = {
    caller,
    takeWaiting: subscriptions.takeWaiting,
    keepAlive() {
      if (pingsUnanswered >= 2) return end(socketCloseCodes.tooSlow, "does not answer pings");
      pingsUnanswered++;
      socket.ping();
    },
    end,
  };
  return session;
}

interface SubscriptionsOptions extends Pick<SocketSessionOptions, "caller" | "hub" | "snapshots"> {
  listener: Listener;
  hasEnded(): boolean;
  /** Ends the session: a request asked for what it may not have. */
  end(code: number, reason: string): void;
}

/** The channels of one socket: places in the hub, each with its snapshot first. */
function openSubscriptions({ listener, caller, hub, snapshots, hasEnded, end }: SubscriptionsOptions) {
  /** Places without a snapshot yet: the process that has it did not answer. */
  const waiting = new Map<string, ChannelName>();

  const begin = (names: readonly ChannelName[], results: readonly SnapshotResult[]) => {
    for (const [index, name] of names.entries()) {
      const result = results[index] as SnapshotResult;
      if (hasEnded()) return;
      if (result === "unavailable") {
        waiting.set(keyOf(name), name);
        continue;
      }
      waiting.delete(keyOf(name));
      const isForeign = result === "absent" || !maySee(caller, result.workspaceId);
      if (isForeign) return end(socketCloseCodes.channelForbidden, "no such channel for this key");
      hub.begin(listener, result, result.update);
    }
  };

  return {
    async add(asked: readonly ChannelName[]) {
      const names = asked.map(({ topic, channel }) => ({ topic, channel: channel.toLowerCase() }));
      for (const name of names) {
        // the key alone decides this: no snapshot is read
        if (name.topic === "workspace_credit" && caller.workspaceId !== null && caller.workspaceId !== name.channel) {
          return end(socketCloseCodes.channelForbidden, "no such channel for this key");
        }
        hub.wait(listener, name);
        if (hub.channelsOf(listener) > channelsPerSocketMax) {
          return end(socketCloseCodes.requestInvalid, `more than ${channelsPerSocketMax} channels`);
        }
      }
      begin(names, await snapshots.read(names));
    },
    remove(asked: readonly ChannelName[]) {
      for (const { topic, channel } of asked) {
        const name = { topic, channel: channel.toLowerCase() };
        waiting.delete(keyOf(name));
        hub.unsubscribe(listener, name);
      }
    },
    takeWaiting(topic: TopicName, snapshotOf: ReadonlyMap<string, SnapshotResult>) {
      const names = [...waiting.values()].filter((name) => name.topic === topic && snapshotOf.has(name.channel));
      begin(
        names,
        names.map(({ channel }) => snapshotOf.get(channel) as SnapshotResult),
      );
    },
    clear: () => waiting.clear(),
  };
}

const keyOf = ({ topic, channel }: ChannelName) => `${topic}:${channel}`;

function parseRequest(text: string): SocketRequest | null {
  try {
    return socketRequest.parse(JSON.parse(text));
  } catch {
    return null; // invalid JSON, or an unknown form: the same to the client
  }
}

/** `workspaceId` null: a channel of the whole installation. */
function maySee(caller: Caller, workspaceId: string | null): boolean {
  return workspaceId === null ? caller.seesSystem : caller.workspaceId === null || caller.workspaceId === workspaceId;
}

// GET /ws: pub/sub carried on to WebSocket clients. Keeps the sessions, repairs lost updates by
// re-reading, and drops clients that do not answer.
import websocket from "@fastify/websocket";
import type { Authenticate } from "../../accounts/authenticator.ts";
import { AppError, isAppError } from "../../contracts/errors.ts";
import { socketCloseCodes, systemChannel, type TopicName, type TopicUpdates, topicNames } from "../../contracts/topics.ts";
import { endWithProblem } from "../../platform/bare_connections.ts";
import { openSubscriber, type Subscriber } from "../../platform/broadcast.ts";
import { type BroadcastHub, createBroadcastHub } from "../../platform/broadcast_hub.ts";
import type { HttpServer } from "../../platform/http.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import type { Metrics } from "../../platform/metrics.ts";
import { credentialsOf, isSameOrigin } from "../../platform/session_cookie.ts";
import { sleep } from "../../platform/time/sleep.ts";
import type { Callers } from "./callers.ts";
import type { ChannelSnapshots, SnapshotResult } from "./channel_snapshots.ts";
import type { LawsBoard } from "./laws_board.ts";
import { openSocketSession, type SocketSession } from "./socket_session.ts";
import type { SystemBoard } from "./system_board.ts";

/** About ten updates per second and channel: more than an eye can follow. */
export const updateIntervalMs = 100;
/** Some 700 updates that wait in this process for one client, beyond what the kernel holds. */
const bufferedBytesMax = 256 * 1024;
/** A subscribe names at most 100 channels of about 90 bytes. */
const frameBytesMax = 16 * 1024;
/** A lost publish is noticed after this time at the latest. */
export const repairIntervalMs = 2_000;
/** Two unanswered pings, so 10 to 15 s: shorter would drop a laptop on a bad network. */
const pingIntervalMs = 5_000;
const socketsPerKeyMax = 100;
/** Each costs about 20 kB. */
const socketsMax = 5_000;

export interface SocketsOptions {
  redis: { redisUrl: string; namespace: string };
  snapshots: ChannelSnapshots;
  board: SystemBoard;
  lawsBoard: LawsBoard;
  authenticate: Authenticate;
  callers: Callers;
  log: Log;
  metrics: Metrics;
}

export interface Sockets {
  isSubscribed(): boolean;
  /** Closes every socket with 1001 and ends the repairs. */
  close(): Promise<void>;
}

export async function addSocketRoute(app: HttpServer, options: SocketsOptions): Promise<Sockets> {
  const { log, callers, board, lawsBoard } = options;
  const sessions = new Map<SocketSession, { authorization: string | undefined }>();
  const socketsOfKey = new Map<string, number>();
  const updates = options.metrics.counter("topic_updates_total", "Updates of credit and campaigns that came by pub/sub");
  let subscriber: Subscriber;
  const hub = createBroadcastHub({
    updateIntervalMs,
    bufferedBytesMax,
    onWatch: (topic, channel) => subscriber.subscribe(topic, channel),
    onUnwatch: (topic, channel) => !isOfSystem(topic) && subscriber.unsubscribe(topic, channel),
  });
  const repairs = startRepairs({ hub, sessions, snapshots: options.snapshots, log });
  subscriber = openSubscriber({
    ...options.redis,
    onUpdate: (topic, channel, update) => {
      if (isUpdateOf("laws", topic, update)) lawsBoard.take(update);
      else if (!isUpdateOf("system_stats", topic, update)) updates.inc();
      if (!isUpdateOf("system_stats", topic, update)) return hub.offer(topic, channel, update);
      board.take(update);
      hub.offer(topic, channel, board.picture());
    },
    onReconnect: repairs.now,
  });
  // always: a client that opens the system page finds the picture complete
  for (const topic of topicsOfSystem) subscriber.subscribe(topic, systemChannel);
  const pings = setInterval(() => void keepAlive(sessions, options), pingIntervalMs);
  options.metrics.gauge("sockets", "Open WebSocket clients", () => sessions.size);
  const ended = options.metrics.counter("sockets_ended_total", "WebSocket clients that have gone");

  await app.register(websocket, {
    options: { maxPayload: frameBytesMax },
    // the session has its own listener; the plugin's would cut the connection before the close
    // frame is out
    errorHandler: () => {},
    preClose: (done) => done(),
  });
  // a handshake that is none (no Sec-WebSocket-Key, another version): ws would answer in words
  // without a code
  app.websocketServer.on("wsClientError", (error, socket) => endWithProblem(socket, new AppError("request_invalid", error.message)));
  // A refused upgrade has no parser that would see its client go: unless we cut it, the connection
  // stays forever. The plugin does so only when its own hook was reached, which a refusal of Host,
  // Origin or rate comes before.
  app.addHook("onResponse", async (request) => {
    if (request.headers.upgrade !== undefined) request.raw.socket.destroySoon();
  });
  const requireRead = callers.require("read");
  app.route({
    method: "GET",
    url: "/ws",
    schema: {
      tags: ["live"],
      summary: "WebSocket: live updates of many channels",
      description: `Send {"subscribe": [{"topic", "channel"}]} or {"unsubscribe": [...]}. Topics: ${topicNames.join(", ")}. The first update of a channel is a snapshot.`,
    },
    onRequest: async (request, reply) => {
      await requireRead(request, reply);
      if ((socketsOfKey.get(callers.of(request).keyId) ?? 0) >= socketsPerKeyMax) {
        throw new AppError("rate_limited", `This key has ${socketsPerKeyMax} sockets already.`, { retryAfterS: 5 });
      }
      if (sessions.size >= socketsMax) throw new AppError("overloaded", "This process has no room for more sockets.", { retryAfterS: 5 });
    },
    handler: async () => {
      throw new AppError("request_invalid", "This path speaks WebSocket: send Connection: Upgrade.");
    },
    wsHandler: (socket, request) => {
      const caller = callers.of(request);
      const session = openSocketSession({
        socket,
        caller,
        hub,
        snapshots: options.snapshots,
        onEnd: (gone) => {
          sessions.delete(gone);
          ended.inc();
          const rest = (socketsOfKey.get(caller.keyId) ?? 1) - 1;
          if (rest > 0) socketsOfKey.set(caller.keyId, rest);
          else socketsOfKey.delete(caller.keyId);
        },
        onFailure: (error) => log.error({ event: "socket.failed", keyId: caller.keyId, ...errorFields(error) }),
      });
      sessions.set(session, { authorization: credentialsOf(request, isSameOrigin) });
      socketsOfKey.set(caller.keyId, (socketsOfKey.get(caller.keyId) ?? 0) + 1);
    },
  });
  return {
    isSubscribed: () => subscriber.isConnected(),
    async close() {
      clearInterval(pings);
      await repairs.stop();
      for (const session of [...sessions.keys()]) session.end(socketCloseCodes.goingAway, "shutting down");
      hub.close();
      subscriber.close();
    },
  };
}

/** Listened to always, whoever watches. */
const topicsOfSystem = ["system_stats", "laws"] as const satisfies readonly TopicName[];

const isOfSystem = (topic: TopicName): boolean => (topicsOfSystem as readonly TopicName[]).includes(topic);

const isUpdateOf = <T extends TopicName>(name: T, topic: TopicName, _update: TopicUpdates[TopicName]): _update is TopicUpdates[T] =>
  topic === name;

/**
 * Pings all, and ends the sockets of keys that were revoked and of sessions that ended meanwhile:
 * one look-up a key.
 */
export async function keepAlive(
  sessions: Map<SocketSession, { authorization: string | undefined }>,
  { authenticate, log }: Pick<SocketsOptions, "authenticate" | "log">,
): Promise<void> {
  const authorizations = new Map<string, string | undefined>();
  for (const [session, { authorization }] of [...sessions]) {
    authorizations.set(session.caller.keyId, authorization);
    session.keepAlive();
  }
  for (const [keyId, authorization] of authorizations) {
    try {
      await authenticate(authorization);
    } catch (error) {
      // rpc is away: who is in stays in; the next round asks again, and rounds do not pile up on
      // its silence
      if (!isAppError(error, "key_invalid", "session_invalid")) return;
      log.info({ event: "socket.key_revoked", keyId });
      for (const session of [...sessions.keys()]) {
        if (session.caller.keyId === keyId) session.end(socketCloseCodes.channelForbidden, "key revoked or signed out");
      }
    }
  }
}

interface RepairOptions {
  hub: BroadcastHub;
  sessions: Map<SocketSession, unknown>;
  snapshots: ChannelSnapshots;
  log: Log;
}

interface Repairs {
  now(): void;
  stop(): Promise<void>;
}

/**
 * Each topic on its own: who knows of one may be silent, and the others' lost updates are still
 * seen in time.
 */
function startRepairs(options: RepairOptions): Repairs {
  const ofTopics = topicNames.map((topic) => startRepairsOf(topic, options));
  return {
    now() {
      for (const repairs of ofTopics) repairs.now();
    },
    async stop() {
      await Promise.all(ofTopics.map((repairs) => repairs.stop()));
    },
  };
}

/**
 * Every two seconds, and at once when Redis is back: reads what is watched, offers it to the hub
 * and to those who wait for it.
 */
function startRepairsOf(topic: TopicName, { hub, sessions, snapshots, log }: RepairOptions): Repairs {
  let isStopping = false;
  let resting = new AbortController();
  const repair = async () => {
    const names = hub.watched(topic).map((channel) => ({ topic, channel }));
    if (names.length === 0) return;
    const results = await snapshots.read(names);
    for (const result of results) {
      if (typeof result === "string") continue;
      hub.offer(result.topic, result.channel, result.update);
    }
    const snapshotOf = new Map(names.map(({ channel }, index) => [channel, results[index] as SnapshotResult]));
    for (const session of [...sessions.keys()]) session.takeWaiting(topic, snapshotOf);
  };
  const run = async () => {
    while (!isStopping) {
      await repair().catch((error) => log.error({ event: "socket.repair_failed", ...errorFields(error) }));
      await sleep(repairIntervalMs, resting.signal);
      resting = new AbortController();
    }
  };
  const ended = run();
  return {
    now: () => resting.abort(),
    async stop() {
      isStopping = true;
      resting.abort();
      await ended;
    },
  };
}

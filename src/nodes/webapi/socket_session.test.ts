// One session on a real socket: clients that do not read, or that say too much.
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { AppError } from "../../contracts/errors.ts";
import type { TopicUpdates } from "../../contracts/topics.ts";
import { type BroadcastHub, createBroadcastHub } from "../../platform/broadcast_hub.ts";
import { createLog } from "../../platform/log.ts";
import type { ChannelSnapshots, SnapshotResult } from "./channel_snapshots.ts";
import { openSocketSession, type SocketSession } from "./socket_session.ts";
import { keepAlive } from "./sockets.ts";

const workspaceId = "0198c0de-0000-7000-8000-000000000001";
const update = (version: number): TopicUpdates["workspace_credit"] => ({
  workspace_id: workspaceId,
  credit: "1.0",
  available: "1.0",
  held: "0.0",
  spent: "0.0",
  version,
});

let server: WebSocketServer;
let hub: BroadcastHub;
let sessions: SocketSession[];
let ended: SocketSession[];
let snapshots: ChannelSnapshots;
beforeEach(async () => {
  sessions = [];
  ended = [];
  hub = createBroadcastHub({ updateIntervalMs: 0, bufferedBytesMax: 64 * 1024, onWatch: () => {}, onUnwatch: () => {} });
  snapshots = {
    read: async (names) =>
      names.map(({ channel }) => ({
        topic: "workspace_credit",
        channel,
        workspaceId: channel,
        update: { ...update(0), workspace_id: channel },
      })),
  };
  server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  server.on("connection", (socket) => {
    const caller = { keyId: "test", workspaceId, scopes: new Set(["read" as const]), seesSystem: false };
    sessions.push(
      openSocketSession({
        socket,
        caller,
        hub,
        snapshots,
        onEnd: (session) => ended.push(session),
        onFailure: (error) => {
          throw error;
        },
      }),
    );
  });
  await once(server, "listening");
});
afterEach(async () => {
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
  // so that no ending of this test is counted in the next
  await expect.poll(() => ended.length).toBe(sessions.length);
  hub.close();
});

async function connect(): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await once(client, "open");
  return client;
}

async function subscribed(): Promise<WebSocket> {
  const client = await connect();
  client.send(JSON.stringify({ subscribe: [{ topic: "workspace_credit", channel: workspaceId }] }));
  await once(client, "message");
  return client;
}

const closeCode = (client: WebSocket) => new Promise<number>((resolve) => client.once("close", resolve));

test("a client that never reads is dropped with 1013, and the one beside it misses nothing of the end", async () => {
  const [slow, quick] = [await subscribed(), await subscribed()];
  let lastVersion = 0;
  quick.on("message", (data) => {
    lastVersion = JSON.parse(String(data)).update.version;
  });
  slow.pause();
  const code = closeCode(slow);
  let version = 1;
  // until the kernel's buffers are full as well
  await expect
    .poll(
      () => {
        for (let burst = 0; burst < 2_000; burst++) hub.offer("workspace_credit", workspaceId, update(version++));
        return ended.length;
      },
      { interval: 1, timeout: 20_000 },
    )
    .toBe(1);
  slow.resume();
  expect(await code).toBe(1013);
  await expect.poll(() => lastVersion).toBe(version - 1);
  expect(ended).toEqual([sessions[0]]);
  quick.close();
});

test("a client that answers no ping is dropped with 1013, one that does is kept", async () => {
  const [silent, alive] = [await subscribed(), await subscribed()];
  silent.pause();
  const code = closeCode(silent);
  for (let ping = 0; ping < 4; ping++) {
    const answered = once(alive, "ping");
    for (const session of sessions) if (!ended.includes(session)) session.keepAlive();
    await answered;
    // the pong is on its way before the answer to this
    alive.send(JSON.stringify({ subscribe: [{ topic: "workspace_credit", channel: workspaceId }] }));
    await once(alive, "message");
  }
  expect(ended).toEqual([sessions[0]]);
  silent.resume();
  expect(await code).toBe(1013);
  alive.close();
});

test("the sockets of a key end with 4403 once it is revoked, and stay while nobody can say so", async () => {
  const client = await subscribed();
  const code = closeCode(client);
  const asked = new Map(sessions.map((session) => [session, { authorization: "Bearer x" }]));
  const log = createLog("test", { level: "fatal", format: "json" });
  const refuseWith = (refusal: "service_unavailable" | "key_invalid") => async () => {
    throw new AppError(refusal, "for a test");
  };
  await keepAlive(asked, { authenticate: refuseWith("service_unavailable"), log });
  expect(ended).toEqual([]);
  await keepAlive(asked, { authenticate: refuseWith("key_invalid"), log });
  expect(await code).toBe(4403);
});

test("a client that asks without waiting for answers is dropped with 1013", async () => {
  const never = new Promise<never>(() => {});
  snapshots.read = () => never;
  const client = await connect();
  const code = closeCode(client);
  for (let request = 0; request < 200; request++) {
    client.send(JSON.stringify({ subscribe: [{ topic: "workspace_credit", channel: workspaceId }] }));
  }
  expect(await code).toBe(1013);
});

test("a subscription that cannot be answered yet waits, and is not put back once it was taken away", async () => {
  const answer = snapshots.read;
  snapshots.read = async (names) => names.map(() => "unavailable");
  const client = await connect();
  const heard: string[] = [];
  client.on("message", (data) => heard.push(String(data)));
  const campaign = { topic: "bulksms_progress", channel: "0198c0de-0000-7000-8000-00000000000a" };
  const credit = { topic: "workspace_credit", channel: workspaceId };
  client.send(JSON.stringify({ subscribe: [campaign, credit] }));
  client.send(JSON.stringify({ unsubscribe: [campaign] }));
  await expect.poll(() => hub.watched("bulksms_progress").length + hub.watched("workspace_credit").length).toBe(1);
  // from Redis, before anybody said that it may be seen
  hub.offer("workspace_credit", workspaceId, update(7));
  expect(heard).toEqual([]);
  const names = [campaign.channel, workspaceId].map((channel) => ({ topic: "workspace_credit" as const, channel }));
  const results = await answer(names);
  sessions[0]?.takeWaiting("workspace_credit", new Map(names.map(({ channel }, index) => [channel, results[index] as SnapshotResult])));
  await expect.poll(() => heard.length).toBe(1);
  expect(JSON.parse(heard[0] as string)).toMatchObject({ is_snapshot: true, channel: workspaceId, update: { version: 7 } });
  client.close();
});

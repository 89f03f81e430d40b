// GET /ws as its clients see it. salesapi is a stand-in that tells the progress of made-up
// campaigns, so that it can be away.
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import type { SocketUpdate, TopicUpdates } from "../../contracts/topics.ts";
import { topUp } from "../../credit/top_up.ts";
import { startRedisServer } from "../../local/engines/redis_server.ts";
import { openPublisher } from "../../platform/broadcast.ts";

type StartedRedis = Awaited<ReturnType<typeof startRedisServer>>;

let nodes: CreditNodes;
let redis: StartedRedis;
let redisFolder: string;
let salesapi: Server;
let salesapiPort: number;
/** Campaigns that the stand-in knows. */
const campaigns = new Map<string, { workspace_id: string; update: TopicUpdates["bulksms_progress"] }>();
const open = new Set<WebSocket>();

beforeAll(async () => {
  redisFolder = mkdtempSync(join(tmpdir(), "bulksms-ws-"));
  redis = await startRedisServer({ folder: redisFolder, preferredPort: 0, isDurable: false });
  salesapi = startSalesapi(0);
  await once(salesapi, "listening");
  salesapiPort = (salesapi.address() as AddressInfo).port;
  nodes = await startCreditNodes({
    settings: { BULKSMS_SALESAPI_URL: `http://127.0.0.1:${salesapiPort}`, BULKSMS_REDIS_URL: redis.url("0") },
  });
});
afterEach(() => {
  for (const client of open) client.terminate();
  open.clear();
});
afterAll(async () => {
  await nodes?.stop();
  salesapi?.close();
  await redis?.stop();
  rmSync(redisFolder, { recursive: true, force: true });
});

function startSalesapi(port: number): Server {
  return createServer((request, response) => {
    const id = /^\/internal\/progress\/(.+)$/.exec(request.url ?? "")?.[1] ?? "";
    const isOurs = request.headers.authorization === `Bearer ${nodes.internalToken}`;
    const campaign = campaigns.get(id);
    response.statusCode = !isOurs ? 401 : campaign === undefined ? 404 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(isOurs && campaign !== undefined ? campaign : { code: "x" }));
  }).listen(port, "127.0.0.1");
}

async function stopSalesapi() {
  salesapi.closeAllConnections();
  await new Promise((resolve) => salesapi.close(resolve));
}

function makeCampaign(workspaceId: string, version = 1): string {
  const id: string = randomUUID();
  const counts = { pending: 5, unknown: 0, queued: 0, sent: 0, failed: 0, undelivered: 0, delivered: 0, expired: 0, canceled: 0 };
  campaigns.set(id, {
    workspace_id: workspaceId,
    update: { bulksms_id: id, status: "running", contacts: 5, parts_sent: 0, charged: "0.0", counts, unconfirmed: 0, version },
  });
  return id;
}

interface Client {
  socket: WebSocket;
  heard: SocketUpdate[];
  closed: Promise<{ code: number; reason: string }>;
  send(message: unknown): void;
  /** Of one channel, in the order heard. */
  of(channel: string): SocketUpdate[];
}

async function connect(key: string | null): Promise<Client> {
  const socket = new WebSocket(`${nodes.webapiUrl.replace("http", "ws")}/ws`, {
    headers: key === null ? {} : { authorization: `Bearer ${key}` },
  });
  open.add(socket);
  const heard: SocketUpdate[] = [];
  socket.on("message", (data) => heard.push(JSON.parse(String(data))));
  const closed = new Promise<{ code: number; reason: string }>((resolve) =>
    socket.once("close", (code, reason) => resolve({ code, reason: String(reason) })),
  );
  await new Promise<void>((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    heard,
    closed,
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    of: (channel) => heard.filter((update) => update.channel === channel),
  };
}

const creditOf = (channel: string) => ({ topic: "workspace_credit", channel });
const progressOf = (channel: string) => ({ topic: "bulksms_progress", channel });
const allProcesses = { topic: "system_stats", channel: "all" };
const addCredit = (id: string, amount: string) => nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount } });

describe("a client", () => {
  test("hears a snapshot of each channel, and then each change", async () => {
    const { id, key } = await nodes.makeWorkspace("10.0");
    const campaign = makeCampaign(id);
    const client = await connect(key);
    client.send({ subscribe: [creditOf(id), progressOf(campaign)] });
    await expect.poll(() => client.heard.length).toBe(2);
    expect(client.of(id)).toMatchObject([{ topic: "workspace_credit", is_snapshot: true, update: { credit: "10.0", version: 1 } }]);
    expect(client.of(campaign)).toMatchObject([
      { topic: "bulksms_progress", is_snapshot: true, update: { status: "running", contacts: 5 } },
    ]);
    await addCredit(id, "2.5");
    await expect.poll(() => client.of(id).at(-1)).toMatchObject({ is_snapshot: false, update: { credit: "12.5", version: 2 } });
    client.send({ unsubscribe: [creditOf(id)] });
    // the answer to this says that the request before it is done
    client.send({ subscribe: [progressOf(campaign)] });
    await expect.poll(() => client.of(campaign).length).toBe(2);
    await addCredit(id, "1");
    client.send({ subscribe: [creditOf(id)] });
    await expect.poll(() => client.of(id).map((update) => update.is_snapshot)).toEqual([true, false, true]);
  });

  test("with a key of the installation hears any workspace", async () => {
    const [one, two] = [await nodes.makeWorkspace("1.0"), await nodes.makeWorkspace("2.0")];
    const client = await connect(nodes.adminKey);
    client.send({ subscribe: [creditOf(one.id), creditOf(two.id.toUpperCase())] });
    await expect.poll(() => client.heard.map((update) => update.channel).sort()).toEqual([one.id, two.id].sort());
  });

  test("hears at most about ten updates a second of a channel, never an older one, and always the last", async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    const client = await connect(key);
    client.send({ subscribe: [creditOf(id)] });
    await expect.poll(() => client.heard.length).toBe(1);
    const startedAt = performance.now();
    for (let time = 0; time < 100; time++) await addCredit(id, "0.1");
    await expect.poll(() => client.of(id).at(-1)?.update.version).toBe(101);
    const tenthsOfSecond = (performance.now() - startedAt) / 100;
    expect(client.heard.length).toBeLessThanOrEqual(tenthsOfSecond + 3);
    const versions = client.of(id).map((update) => update.update.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  test("hears of a change whose publish was lost", async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    const client = await connect(key);
    client.send({ subscribe: [creditOf(id)] });
    await expect.poll(() => client.heard.length).toBe(1);
    // as after C27: committed, never published
    await topUp(nodes.owner, { workspaceId: id, transferId: randomUUID(), amountMilli: 500n });
    await expect.poll(() => client.of(id).at(-1)?.update, { timeout: 10_000 }).toMatchObject({ credit: "1.5", version: 2 });
  });

  test("with a key of the installation watches every process: the picture at once, then each second", async () => {
    const client = await connect(nodes.adminKey);
    client.send({ subscribe: [allProcesses] });
    await expect.poll(() => client.heard.length).toBeGreaterThan(0);
    expect(client.heard[0]).toMatchObject({ ...allProcesses, is_snapshot: true });
    const namesOf = (update: SocketUpdate) =>
      update.topic === "system_stats" ? update.update.processes.map(({ process }) => process) : [];
    await expect.poll(() => namesOf(client.heard.at(-1) as SocketUpdate), { timeout: 10_000 }).toEqual(["general_worker", "rpc", "webapi"]);
    const versions = client.heard.map(({ update }) => update.version);
    expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
  });

  test("is told by whichever process publishes, and an update that fits no schema is dropped", async () => {
    const { id, key } = await nodes.makeWorkspace();
    const campaign = makeCampaign(id);
    const client = await connect(key);
    client.send({ subscribe: [progressOf(campaign)] });
    await expect.poll(() => client.heard.length).toBe(1);
    const publisher = openPublisher({ redisUrl: redis.url("0"), namespace: nodes.redis.namespace });
    const progress = campaigns.get(campaign)?.update as TopicUpdates["bulksms_progress"];
    await expect
      .poll(() => {
        publisher.publish("bulksms_progress", campaign, { ...progress, version: 99, contacts: -1 });
        publisher.publish("bulksms_progress", campaign, { ...progress, version: 7, parts_sent: 3 });
        return client.heard.length;
      })
      .toBe(2);
    expect(client.heard[1]).toMatchObject({ is_snapshot: false, update: { parts_sent: 3, version: 7 } });
    publisher.close();
  });
});

describe("while", () => {
  test("salesapi is away, a subscription waits and begins when it is back; credit goes on meanwhile", async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    const campaign = makeCampaign(id);
    await stopSalesapi();
    const client = await connect(key);
    try {
      client.send({ subscribe: [progressOf(campaign), creditOf(id)] });
      await expect.poll(() => client.of(id).length).toBe(1);
      expect(client.of(campaign)).toEqual([]);
    } finally {
      salesapi = startSalesapi(salesapiPort);
      await once(salesapi, "listening");
    }
    await expect.poll(() => client.of(campaign).length, { timeout: 10_000 }).toBe(1);
    expect(client.of(campaign)[0]).toMatchObject({ is_snapshot: true });
  });

  test("salesapi is frozen, a lost publish of the credit is still seen at once, however many campaigns wait", async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    await stopSalesapi();
    let asked = 0;
    const frozen = createServer(() => {
      asked++;
    });
    frozen.listen(salesapiPort, "127.0.0.1");
    await once(frozen, "listening");
    const client = await connect(key);
    try {
      client.send({ subscribe: [creditOf(id)] });
      await expect.poll(() => client.of(id).length).toBe(1);
      client.send({ subscribe: Array.from({ length: 100 }, () => progressOf(randomUUID())) });
      // eight for the subscribe, the others for a round of repairs
      await expect.poll(() => asked, { timeout: 5_000 }).toBeGreaterThan(8);
      await topUp(nodes.owner, { workspaceId: id, transferId: randomUUID(), amountMilli: 500n });
      await expect.poll(() => client.of(id).at(-1)?.update, { timeout: 4_000 }).toMatchObject({ credit: "1.5" });
    } finally {
      client.socket.terminate();
      frozen.closeAllConnections();
      await new Promise((resolve) => frozen.close(resolve));
      salesapi = startSalesapi(salesapiPort);
      await once(salesapi, "listening");
    }
  });

  test("Redis is away, updates come by re-reading; and when it is back, by publishing again", async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    const client = await connect(key);
    client.send({ subscribe: [creditOf(id)] });
    await expect.poll(() => client.heard.length).toBe(1);
    const { port } = redis;
    await redis.stop();
    expect((await addCredit(id, "1")).status).toBe(201);
    await expect.poll(() => client.of(id).at(-1)?.update, { timeout: 10_000 }).toMatchObject({ credit: "2.0" });
    redis = await startRedisServer({ folder: redisFolder, preferredPort: port, isDurable: false });
    expect(redis.port).toBe(port);
    const publisher = openPublisher({ redisUrl: redis.url("0"), namespace: nodes.redis.namespace });
    const update = { workspace_id: id, credit: "77.0", available: "77.0", held: "0.0", spent: "0.0", version: 77 };
    // only a publish can bring this: the database does not say so
    await expect
      .poll(
        () => {
          publisher.publish("workspace_credit", id, update);
          return client.of(id).at(-1)?.update.version;
        },
        { timeout: 10_000 },
      )
      .toBe(77);
    publisher.close();
  });
});

describe("a bad socket has a clear end:", () => {
  test("no key, an unknown key: 401 at upgrade", async () => {
    await expect(connect(null)).rejects.toThrow("401");
    await expect(connect("bk_unknown")).rejects.toThrow("401");
  });

  test("a page of another site: 403 at upgrade", async () => {
    const socket = new WebSocket(`${nodes.webapiUrl.replace("http", "ws")}/ws`, {
      headers: { authorization: `Bearer ${nodes.adminKey}`, origin: "https://evil.example" },
    });
    const [error] = await once(socket, "error");
    expect(String(error)).toContain("403");
  });

  test("a foreign or unknown channel: 4403", async () => {
    const [mine, other] = [await nodes.makeWorkspace(), await nodes.makeWorkspace()];
    const foreignCampaign = makeCampaign(other.id);
    const channels = [creditOf(other.id), creditOf(randomUUID()), progressOf(foreignCampaign), progressOf(randomUUID()), allProcesses];
    for (const channel of channels) {
      const client = await connect(mine.key);
      client.send({ subscribe: [channel] });
      expect(await client.closed, JSON.stringify(channel)).toMatchObject({ code: 4403 });
      expect(client.heard).toEqual([]);
    }
    const admin = await connect(nodes.adminKey);
    admin.send({ subscribe: [creditOf(randomUUID())] });
    expect(await admin.closed).toMatchObject({ code: 4403 });
  });

  test("broken JSON or an unknown form: 4400", async () => {
    const { id, key } = await nodes.makeWorkspace();
    const hundredAndOne = Array.from({ length: 101 }, () => creditOf(id));
    const unknown = [
      "{",
      "",
      "null",
      "[]",
      {},
      { subscribe: [] },
      { subscribe: creditOf(id) },
      { subscribe: [{ topic: "everything", channel: id }] },
      { subscribe: [{ topic: "workspace_credit", channel: "*" }] },
      { subscribe: [{ topic: "workspace_credit", channel: "all" }] },
      { subscribe: [{ topic: "system_stats", channel: id }] },
      { subscribe: [{ ...creditOf(id), extra: 1 }] },
      { subscribe: [creditOf(id)], unsubscribe: [creditOf(id)] },
      { subscribe: hundredAndOne },
      Buffer.from(JSON.stringify({ subscribe: [creditOf(id)] })),
    ];
    for (const message of unknown) {
      const client = await connect(key);
      if (Buffer.isBuffer(message)) client.socket.send(message);
      else client.send(message);
      expect(await client.closed, String(JSON.stringify(message)).slice(0, 100)).toMatchObject({ code: 4400 });
    }
  });

  test("more channels than a socket may have: 4400", async () => {
    const client = await connect(nodes.adminKey);
    for (let request = 0; request < 6; request++) {
      const workspaces = await nodes.owner<{ id: string }[]>`
        insert into workspace (name) select 'many' from generate_series(1, 100) returning id`;
      client.send({ subscribe: workspaces.map((workspace) => creditOf(workspace.id)) });
    }
    expect(await client.closed).toMatchObject({ code: 4400 });
  });

  test("a huge frame: 1009", async () => {
    const client = await connect(nodes.adminKey);
    client.send("x".repeat(1_000_000));
    expect(await client.closed).toMatchObject({ code: 1009 });
  });

  test("more sockets than a key may have: 429 at upgrade, until one has gone", async () => {
    const { key } = await nodes.makeWorkspace();
    const clients = await Promise.all(Array.from({ length: 100 }, () => connect(key)));
    await expect(connect(key)).rejects.toThrow("429");
    clients[0]?.socket.close();
    await clients[0]?.closed;
    await expect.poll(() => connect(key).then(() => "open", String)).toBe("open");
  });
});

test("a bad client disturbs no other, and the end of webapi is said with 1001", async () => {
  const { id, key } = await nodes.makeWorkspace("1.0");
  const [good, bad] = [await connect(key), await connect(key)];
  good.send({ subscribe: [creditOf(id)] });
  bad.send("{");
  expect((await bad.closed).code).toBe(4400);
  await addCredit(id, "1");
  await expect.poll(() => good.of(id).at(-1)?.update).toMatchObject({ credit: "2.0" });
  await nodes.stopWebapi();
  expect(await good.closed).toMatchObject({ code: 1001 });
});

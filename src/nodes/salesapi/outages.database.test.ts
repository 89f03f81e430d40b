// What salesapi and sales_worker do while Postgres or Redis is away.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type SalesNodes, startSalesNodes } from "../../../testing/sales_nodes.ts";
import { makeReceipt, sendReceipts } from "../../../testing/test_carrier.ts";
import { waitFor } from "../../../testing/wait_for.ts";
import { readConfig } from "../../platform/config.ts";
import { createLog } from "../../platform/log.ts";
import * as salesapi from "./main.ts";

/** Nobody listens there. */
const redisAway = "redis://127.0.0.1:1";

let nodes: SalesNodes;
let workspace: { id: string; key: string };
const rows = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

beforeAll(async () => {
  nodes = await startSalesNodes({ settings: { BULKSMS_REDIS_URL: redisAway } });
  workspace = await nodes.credit.makeWorkspace("100");
});
afterAll(() => nodes.stop());

describe("while Redis is away", () => {
  it("a campaign is run, submitted, and takes its receipts from the rows alone; its charges wait, and are settled by a worker that has Redis", async () => {
    const id = await nodes.create(workspace.key, 30);
    const answer = await nodes.command("run", workspace.key, id);
    expect([answer.status, answer.body.status]).toEqual([202, "running"]);
    await nodes.campaign(id, (row) => row.queued === 30);
    expect((await nodes.receive(id, rows(1, 30), "delivered")).status).toBe(200);
    expect(await nodes.campaign(id)).toMatchObject({ status: "running", delivered: 30, parts_sent: 30n });
    const [waiting] = await nodes.owner`select tries from credit_outbox where bulksms_id = ${id}`;
    expect(waiting?.tries).toBe(0); // the back-off does not grow in vain
    const ready = await nodes.http("GET", "/ready");
    expect([ready.status, ready.body.checks]).toEqual([503, { postgres: "ok", redis: "silent", rpc: "ok" }]);

    const back = await nodes.startWorker({ BULKSMS_REDIS_URL: nodes.credit.redis.url });
    await nodes.campaign(id, (row) => row.status === "finished");
    await back.stop();
  });
});

describe("while Postgres is away", () => {
  it("every endpoint answers 503 with Retry-After within 2 s, and no receipt is answered 2xx; all is well once it is back", async () => {
    const id = await nodes.create(workspace.key, 10);
    await nodes.command("run", workspace.key, id);
    await nodes.campaign(id, (row) => row.queued === 10);
    const gate = await openGate(new URL(nodes.environment.BULKSMS_SALESAPI_DATABASE_URL as string));
    const settings = readConfig(
      { ...nodes.environment, BULKSMS_SALESAPI_PORT: "0", BULKSMS_SALESAPI_DATABASE_URL: gate.url },
      salesapi.config,
    );
    const node = salesapi.create(settings, createLog("test", { level: "fatal", format: "json" }));
    await node.start();
    const url = `http://127.0.0.1:${node.port()}`;
    const ask = async (method: string, path: string, body?: unknown) => {
      const startedAt = performance.now();
      const response = await fetch(url + path, {
        method,
        headers: { authorization: `Bearer ${workspace.key}`, ...(body === undefined ? {} : { "content-type": "application/json" }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const { code } = (await response.json()) as { code: string };
      return {
        status: response.status,
        code,
        retryAfter: response.headers.get("retry-after"),
        isQuick: performance.now() - startedAt < 2_000,
      };
    };
    expect((await ask("GET", "/bulksms")).status).toBe(200);
    await gate.close();
    for (const [method, path, body] of [
      ["GET", "/bulksms"],
      ["GET", `/bulksms/${id}`],
      ["GET", `/bulksms/${id}/messages`],
      ["GET", `/bulksms/${id}/report.csv`],
      ["POST", "/run", { bulksms_id: id }],
      ["POST", "/pause", { bulksms_id: id }],
    ] as const) {
      expect(await ask(method, path, body), path).toEqual({ status: 503, code: "service_unavailable", retryAfter: "2", isQuick: true });
    }
    const refused = await sendReceipts(url, makeReceipt(id, 1, "sent"), { secret: nodes.carrier.secret });
    expect(refused).toMatchObject({ status: 503, body: { code: "service_unavailable" } });
    await gate.open();
    const body = { receipts: rows(1, 10).map((rowNo) => makeReceipt(id, rowNo, "delivered")) };
    await waitFor(
      "receipts to be taken again",
      async () => (await sendReceipts(url, body, { secret: nodes.carrier.secret })).status === 200,
    );
    await node.stop();
    await gate.close();
    expect(await nodes.campaign(id, (row) => row.delivered === 10)).toMatchObject({ parts_sent: 10n });
  });
});

/** A way to a database that can be shut: connections are cut, and new ones refused. */
async function openGate(database: URL): Promise<{ url: string; open(): Promise<void>; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const join = (socket: Socket) => {
    const other = connect(Number(database.port), database.hostname);
    for (const [from, to] of [
      [socket, other],
      [other, socket],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("close", () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  };
  let server = createServer(join);
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(database);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return {
    url: url.href,
    open() {
      server = createServer(join);
      return listen(port);
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

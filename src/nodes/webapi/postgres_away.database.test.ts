// webapi whose database is away (refuses connections) or frozen (takes them and says nothing),
// behind a TCP proxy.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type CreditNodes, startCreditNodes } from "../../../testing/credit_nodes.ts";
import { createTestDatabase } from "../../../testing/engines.ts";

let nodes: CreditNodes;
let proxy: Awaited<ReturnType<typeof startProxy>>;
beforeAll(async () => {
  proxy = await startProxy();
  nodes = await startCreditNodes({ webapiDatabaseUrl: proxy.through });
});
afterAll(async () => {
  await proxy?.up();
  await nodes?.stop();
  proxy?.close();
});

/** A TCP proxy before Postgres that can be gone or frozen. */
async function startProxy() {
  const probe = await createTestDatabase("ds");
  const target = new URL(probe.ownerUrl);
  await probe.drop();
  const sockets = new Set<Socket>();
  let isFrozen = false;
  const pass = (from: Socket, to: Socket) => {
    sockets.add(from);
    from.on("data", (bytes) => {
      if (!isFrozen) to.write(bytes);
    });
    from.on("error", () => {});
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
  };
  const server: Server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname);
    pass(client, database);
    pass(database, client);
  });
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const listen = async (port: number) => {
    server.listen(port, "127.0.0.1");
    await once(server, "listening");
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    through(url: string) {
      const through = new URL(url);
      through.hostname = "127.0.0.1";
      through.port = String(port);
      return through.href;
    },
    async down() {
      server.close();
      cut();
    },
    freeze() {
      isFrozen = true;
    },
    async up() {
      isFrozen = false;
      cut(); // what was swallowed while frozen is lost, as after a restart
      if (!server.listening) await listen(port);
    },
    close() {
      server.close();
      cut();
    },
  };
}

for (const [state, fall] of [
  ["away", () => proxy.down()],
  ["frozen", async () => proxy.freeze()],
] as const) {
  test(`while Postgres is ${state}, a request is refused with 503 and Retry-After; a top-up asked again by its key is added once`, async () => {
    const { id, key } = await nodes.makeWorkspace("1.0");
    await nodes.http("GET", `/workspaces/${id}`, { key });
    const topUp = () =>
      nodes.http("POST", `/workspaces/${id}/credit`, { body: { amount: "2" }, headers: { "idempotency-key": `while-${state}` } });
    await fall();
    try {
      const requests = [nodes.http("GET", `/workspaces/${id}`, { key }), nodes.http("GET", "/keys", { key }), topUp()];
      for (const refused of await Promise.all(requests)) {
        expect(refused.body).toMatchObject({ status: 503, code: "service_unavailable", is_without_effect: false });
        expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      }
      // rpc has its own connection: the credit is still shown
      expect((await nodes.http("GET", `/workspaces/${id}/credit`, { key })).body).toMatchObject({ credit: "1.0" });
      expect((await nodes.http("GET", "/ready", { key: null })).body).toMatchObject({
        status: "not ready",
        checks: { postgres: "silent" },
      });
    } finally {
      await proxy.up();
    }
    await expect.poll(async () => (await topUp()).status, { timeout: 20_000 }).toBe(201);
    expect((await nodes.http("GET", `/workspaces/${id}`, { key })).body).toMatchObject({ credit: "3.0" });
  });
}

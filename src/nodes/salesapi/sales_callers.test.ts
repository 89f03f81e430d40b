// The promise of an answer within 2 s covers the whole request: what authentication took is not
// granted to the database once more.
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { createHttpServer, listen } from "../../platform/http.ts";
import { createLog } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { openPostgres } from "../../platform/postgres.ts";
import { sleep } from "../../platform/time/sleep.ts";
import { readRoutes } from "./read_routes.ts";
import { createSalesCallers } from "./sales_callers.ts";

const workspaceId = "0199d3c0-0000-7000-8000-000000000001";
const slowMs = 1_500;

/** Takes connections and never says a word, as a frozen database does. */
async function listenFrozen() {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => {})));
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A salesapi whose database is frozen, and whose rpc takes `authenticationMs` to know a key. */
async function startFrozen(authenticationMs: number) {
  const database = await listenFrozen();
  const app = await createHttpServer({
    ...{ name: "salesapi", description: "a test", checks: {}, host: "127.0.0.1", allowedHosts: [], requestsPerMinute: 50 },
    log: createLog("salesapi", { level: "fatal", format: "json" }),
    metrics: createMetrics("salesapi"),
  });
  const callers = createSalesCallers(
    async () => {
      await sleep(authenticationMs);
      return { keyId: "a key", workspaceId, scopes: new Set(["read"] as const), seesSystem: false };
    },
    () => false,
  );
  const sql = openPostgres(`postgres://nobody@127.0.0.1:${database.port}/none`, { applicationName: "a test", connections: 1 });
  readRoutes(app, { sql, callers, internalToken: "a token" });
  const port = await listen(app, { host: "127.0.0.1", port: 0 });
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await app.close();
      database.close();
      await sql.end({ timeout: 0 }).catch(() => {});
    },
  };
}

test.each([
  ["its database is frozen", slowMs],
  ["rpc is frozen", 60_000],
])("after a slow authentication, and while %s, an answer still comes within 2 s of the request", async (_what, authenticationMs) => {
  const node = await startFrozen(authenticationMs);
  const startedAt = performance.now();
  const response = await fetch(`${node.url}/bulksms`, { headers: { authorization: "Bearer a key" } });
  const tookMs = performance.now() - startedAt;
  expect(response.status).toBe(503);
  expect(response.headers.get("retry-after")).toBe("2");
  expect(tookMs).toBeLessThan(1_900 + slowMs / 2); // forgetting the authentication: 3,400
  await node.stop();
});

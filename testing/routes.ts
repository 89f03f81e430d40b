// Every HTTP route of the system, without the processes behind them: what their schemas promise can
// be read and compared. No route may be called.

import { callbackSecretRoutes } from "../src/nodes/salesapi/callback_secret_routes.ts";
import { carrierRoutes } from "../src/nodes/salesapi/carrier_routes.ts";
import { commandRoutes } from "../src/nodes/salesapi/command_routes.ts";
import { createRoute } from "../src/nodes/salesapi/create_route.ts";
import { messageRoutes } from "../src/nodes/salesapi/message_routes.ts";
import { readRoutes } from "../src/nodes/salesapi/read_routes.ts";
import { receiptsRoute } from "../src/nodes/salesapi/receipts_route.ts";
import { addCreditRoutes } from "../src/nodes/webapi/credit_routes.ts";
import { addKeyRoutes } from "../src/nodes/webapi/key_routes.ts";
import { addPriceRoutes } from "../src/nodes/webapi/price_routes.ts";
import { addSessionRoutes } from "../src/nodes/webapi/session_routes.ts";
import { addWorkspaceRoutes } from "../src/nodes/webapi/workspace_routes.ts";
import { createHttpServer, type HttpServer } from "../src/platform/http.ts";
import { createLog } from "../src/platform/log.ts";
import { createMetrics } from "../src/platform/metrics.ts";
import { addBatchHttpRoutes } from "../src/simulator/dialects/batch_http.ts";

export interface FoundRoute {
  process: string;
  method: string;
  path: string;
  isHidden: boolean;
  /** Status -> the schema of its answer. */
  answers: Readonly<Record<string, unknown>>;
}

/** Stands for whatever only an answering route would use. */
// biome-ignore lint/suspicious/noExplicitAny: no route is called
const unused: any = new Proxy(() => unused, { get: (_target, name) => (name === Symbol.toPrimitive ? () => "unused" : unused) });

const adders: Readonly<Record<string, (app: HttpServer) => void | Promise<void>>> = {
  async salesapi(app) {
    await createRoute(app, unused);
    commandRoutes(app, unused);
    messageRoutes(app, unused);
    readRoutes(app, { sql: unused, callers: unused, internalToken: "unused" });
    carrierRoutes(app, unused);
    callbackSecretRoutes(app, { sql: unused, seal: unused, callers: unused, log: unused });
    await receiptsRoute(app, unused);
  },
  webapi(app) {
    addWorkspaceRoutes(app, unused);
    addCreditRoutes(app, unused);
    addPriceRoutes(app, unused);
    addKeyRoutes(app, unused);
    addSessionRoutes(app, unused);
  },
  simulator: (app) => addBatchHttpRoutes(app, { simulator: unused, key: "unused", peaks: unused }),
};

/** @returns all routes, and the OpenAPI document of each process */
export async function readRoutesOfAll(): Promise<{ routes: FoundRoute[]; documents: Record<string, unknown> }> {
  const routes: FoundRoute[] = [];
  const documents: Record<string, unknown> = {};
  for (const [name, add] of Object.entries(adders)) {
    const app = await createHttpServer({
      ...{ name, description: "a test", checks: {}, host: "127.0.0.1", allowedHosts: [], requestsPerMinute: null },
      log: createLog(name, { level: "fatal", format: "json" }),
      metrics: createMetrics(name),
    });
    app.addHook("onRoute", ({ method, url, schema }) => {
      for (const one of [method].flat()) {
        const { hide = false, response = {} } = (schema ?? {}) as { hide?: boolean; response?: Record<string, unknown> };
        if (one !== "HEAD") routes.push({ process: name, method: one, path: url, isHidden: hide, answers: response });
      }
    });
    await add(app);
    await app.ready();
    documents[name] = app.swagger();
    await app.close();
  }
  return { routes, documents };
}

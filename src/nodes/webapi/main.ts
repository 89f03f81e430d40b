// webapi: workspaces, credit, API keys, the console's pages and sessions, and live updates over
// WebSocket. Only wires; starts also while everything else is away.

import { createAuthenticator } from "../../accounts/authenticator.ts";
import { purgeConsoleSessions } from "../../accounts/console_sessions.ts";
import { purgeStoredAnswers } from "../../credit/idempotent_top_up.ts";
import { openPublisher } from "../../platform/broadcast.ts";
import { type Config, type Environment, readConfig, requireSafeListener } from "../../platform/config.ts";
import { openCreditClient } from "../../platform/grpc.ts";
import { createHttpServer, type HttpServer, listen } from "../../platform/http.ts";
import { openHttpClient } from "../../platform/http_client.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { closePostgres, openPostgres, pingPostgres } from "../../platform/postgres.ts";
import { closeRedis, openRedis, pingRedis } from "../../platform/redis.ts";
import { type SystemStats, startSystemStats } from "../../platform/system_stats.ts";
import { createCallers } from "./callers.ts";
import { createChannelSnapshots } from "./channel_snapshots.ts";
import { addConsolePages } from "./console_pages.ts";
import { addCreditRoutes } from "./credit_routes.ts";
import { addKeyRoutes } from "./key_routes.ts";
import { createLawsBoard } from "./laws_board.ts";
import { addPriceRoutes } from "./price_routes.ts";
import { addSessionRoutes } from "./session_routes.ts";
import { addSocketRoute, type Sockets } from "./sockets.ts";
import { createSystemBoard } from "./system_board.ts";
import { addWorkspaceRoutes } from "./workspace_routes.ts";

export const config = {
  host: "BULKSMS_HOST",
  port: "BULKSMS_WEBAPI_PORT",
  allowedHosts: "BULKSMS_ALLOWED_HOSTS",
  requestsPerMinute: "BULKSMS_REQUESTS_PER_MINUTE",
  databaseUrl: "BULKSMS_WEBAPI_DATABASE_URL",
  databaseConnections: "BULKSMS_DATABASE_CONNECTIONS",
  redisUrl: "BULKSMS_REDIS_URL",
  redisNamespace: "BULKSMS_REDIS_NAMESPACE",
  rpcAddress: "BULKSMS_RPC_ADDRESS",
  salesapiUrl: "BULKSMS_SALESAPI_URL",
  salesapiPublicUrl: "BULKSMS_SALESAPI_PUBLIC_URL",
  defaultCountry: "BULKSMS_DEFAULT_COUNTRY",
  textPartsMax: "BULKSMS_TEXT_PARTS_MAX",
  internalToken: "BULKSMS_INTERNAL_TOKEN",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

/**
 * salesapi reads one row for a snapshot; a subscriber would rather hear nothing yet than wait
 * longer.
 */
const snapshotTimeoutMs = 1_500;
/**
 * Answers are kept for a day and sessions for hours, so the pace of forgetting them hardly matters.
 */
const purgeIntervalMs = 600_000;

export interface WebapiNode extends Node {
  /** Known after `start`. */
  port(): number;
}

export function create(settings: Config<typeof config>, log: Log): WebapiNode {
  const metrics = createMetrics("webapi");
  const sql = openPostgres(settings.databaseUrl, {
    applicationName: "webapi",
    connections: settings.databaseConnections,
    isAnswering: true,
  });
  const redisOptions = { redisUrl: settings.redisUrl, namespace: settings.redisNamespace };
  const { internalToken } = settings;
  const publisher = openPublisher(redisOptions);
  const redis = openRedis(settings.redisUrl, { connectionName: "webapi.ready" });
  const creditClient = openCreditClient({ address: settings.rpcAddress, internalToken });
  const salesapi = openHttpClient(settings.salesapiUrl, { timeoutMs: snapshotTimeoutMs });
  const authenticate = createAuthenticator(creditClient);
  const callers = createCallers(authenticate);
  let app: HttpServer | undefined;
  let sockets: Sockets | undefined;
  let purge: NodeJS.Timeout | undefined;
  let boundPort: number | undefined;
  let stats: SystemStats | undefined;
  return {
    async start() {
      app = await createHttpServer({
        name: "webapi",
        description: "workspaces, credit, API keys, live updates",
        log,
        metrics,
        checks: { postgres: () => pingPostgres(sql), redis: () => pingRedis(redis), rpc: () => creditClient.ping() },
        host: settings.host,
        allowedHosts: settings.allowedHosts,
        requestsPerMinute: settings.requestsPerMinute,
      });
      addWorkspaceRoutes(app, { sql, callers });
      addCreditRoutes(app, { sql, creditClient, publisher, callers, log, metrics });
      addPriceRoutes(app, { sql, callers, log });
      addKeyRoutes(app, { sql, callers, log });
      const { salesapiUrl, salesapiPublicUrl } = settings;
      addSessionRoutes(app, { sql, authenticate, callers, log, sending: settings, salesapiUrl, salesapiPublicUrl });
      await addConsolePages(app, { salesapiUrl, salesapiPublicUrl });
      const board = createSystemBoard();
      const lawsBoard = createLawsBoard();
      const snapshots = createChannelSnapshots({ sql, salesapi, internalToken, board, lawsBoard });
      sockets = await addSocketRoute(app, { redis: redisOptions, snapshots, board, lawsBoard, authenticate, callers, log, metrics });
      purge = setInterval(() => {
        purgeStoredAnswers(sql).catch((error) => log.warn({ event: "idempotency.purge_failed", ...errorFields(error) }));
        purgeConsoleSessions(sql).catch((error) => log.warn({ event: "session.purge_failed", ...errorFields(error) }));
      }, purgeIntervalMs);
      boundPort = await listen(app, settings);
      stats = startSystemStats({ process: "webapi", registry: metrics.registry, publisher, levels: ["sockets"] });
      log.info({ event: "webapi.listening", port: boundPort });
    },
    async stop() {
      stats?.stop();
      clearInterval(purge);
      await sockets?.close();
      await app?.close();
      creditClient.close();
      await salesapi.close();
      publisher.close();
      closeRedis(redis);
      await closePostgres(sql);
    },
    port() {
      if (boundPort === undefined) throw new Error("webapi has not started");
      return boundPort;
    },
  };
}

export function main(): Promise<void> {
  return runNode("webapi", () => readNodeConfig(process.env), create);
}

/** The settings; beyond loopback none of its secrets may be weak. @throws ConfigError */
export function readNodeConfig(environment: Environment): Config<typeof config> {
  const settings = readConfig(environment, config);
  requireSafeListener(settings.host, { BULKSMS_INTERNAL_TOKEN: settings.internalToken });
  return settings;
}

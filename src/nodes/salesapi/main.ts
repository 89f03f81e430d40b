// salesapi: campaigns over HTTP, receipts from carriers. Only wires; takes receipts while Redis and
// rpc are away.
import { setMaxListeners } from "node:events";
import { createAuthenticator } from "../../accounts/authenticator.ts";
import { openPriceBook } from "../../campaign/pricing/price_book.ts";
import { openProgressPublisher } from "../../campaign/reads/progress.ts";
import { openPublisher } from "../../platform/broadcast.ts";
import { type Config, ConfigError, type Environment, readConfig, requireSafeListener } from "../../platform/config.ts";
import { openCreditClient } from "../../platform/grpc.ts";
import { createHttpServer, type HttpServer, listen } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { closePostgres, openPostgres, pingPostgres } from "../../platform/postgres.ts";
import { openQueue } from "../../platform/queue.ts";
import { closeRedis, openRedis, pingRedis } from "../../platform/redis.ts";
import { openFileSeal } from "../../platform/seal_keys.ts";
import { type SystemStats, startSystemStats } from "../../platform/system_stats.ts";
import { callbackSecretRoutes } from "./callback_secret_routes.ts";
import { carrierRoutes } from "./carrier_routes.ts";
import { commandRoutes } from "./command_routes.ts";
import { allowConsoleOrigins, consoleOrigins, isOneOf } from "./console_origins.ts";
import { createRoute } from "./create_route.ts";
import { messageRoutes } from "./message_routes.ts";
import { readRoutes } from "./read_routes.ts";
import { openReceiptIntake } from "./receipt_intake.ts";
import { openReceiptsTaking, receiptsRoute } from "./receipts_route.ts";
import { createSalesCallers } from "./sales_callers.ts";
import { twilioReceiptsRoute } from "./twilio_receipts_route.ts";

export const config = {
  host: "BULKSMS_HOST",
  port: "BULKSMS_SALESAPI_PORT",
  allowedHosts: "BULKSMS_ALLOWED_HOSTS",
  requestsPerMinute: "BULKSMS_REQUESTS_PER_MINUTE",
  databaseUrl: "BULKSMS_SALESAPI_DATABASE_URL",
  databaseConnections: "BULKSMS_DATABASE_CONNECTIONS",
  redisUrl: "BULKSMS_REDIS_URL",
  redisNamespace: "BULKSMS_REDIS_NAMESPACE",
  rpcAddress: "BULKSMS_RPC_ADDRESS",
  internalToken: "BULKSMS_INTERNAL_TOKEN",
  webapiUrl: "BULKSMS_WEBAPI_URL",
  consoleOrigins: "BULKSMS_CONSOLE_ORIGINS",
  defaultCountry: "BULKSMS_DEFAULT_COUNTRY",
  defaultCarrier: "BULKSMS_DEFAULT_CARRIER",
  carrierKeys: "BULKSMS_CARRIER_KEYS",
  callbackPrivateTargets: "BULKSMS_CALLBACK_PRIVATE_TARGETS",
  uploadBytesMax: "BULKSMS_UPLOAD_BYTES_MAX",
  uploadRowsMax: "BULKSMS_UPLOAD_ROWS_MAX",
  textPartsMax: "BULKSMS_TEXT_PARTS_MAX",
  chunkRows: "BULKSMS_CHUNK_ROWS",
  importLeaseMs: "BULKSMS_IMPORT_LEASE_MS",
  deadlineS: "BULKSMS_DEADLINE_S",
  receiptSecrets: "BULKSMS_RECEIPT_SECRETS",
  receiptBatchMax: "BULKSMS_RECEIPT_BATCH_MAX",
  receiptQueueMax: "BULKSMS_RECEIPT_QUEUE_MAX",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

export interface SalesapiNode extends Node {
  /** Known after `start`. */
  port(): number;
}

export function create(settings: Config<typeof config>, log: Log): SalesapiNode {
  if (settings.receiptSecrets.length === 0) throw new ConfigError(["BULKSMS_RECEIPT_SECRETS: names no secret"]);
  const metrics = createMetrics("salesapi");
  const { databaseUrl, databaseConnections: connections } = settings;
  const sql = openPostgres(databaseUrl, { applicationName: "salesapi", connections, isAnswering: true });
  const redisOptions = { redisUrl: settings.redisUrl, namespace: settings.redisNamespace };
  const publisher = openPublisher(redisOptions);
  const progress = openProgressPublisher(publisher);
  const sales = openQueue("sales", redisOptions);
  const redis = openRedis(settings.redisUrl, { connectionName: "salesapi.ready" });
  const credit = openCreditClient({ address: settings.rpcAddress, internalToken: settings.internalToken });
  const authenticate = createAuthenticator(credit);
  const origins = consoleOrigins(settings.webapiUrl, settings.consoleOrigins);
  const callers = createSalesCallers(authenticate, isOneOf(origins));

  const batcher = openReceiptIntake({
    sql,
    progress,
    sales,
    metrics,
    log,
    batchMax: settings.receiptBatchMax,
    queueMax: settings.receiptQueueMax,
  });
  metrics.gauge("queue_sales_rings_dropped", "Rings of this process that Redis did not take", () => sales.dropped());

  const stopping = new AbortController();
  setMaxListeners(0, stopping.signal); // each upload and import has one
  let app: HttpServer | undefined;
  let boundPort: number | undefined;
  let stats: SystemStats | undefined;
  return {
    async start() {
      const receipts = openReceiptsTaking({ batcher, secrets: settings.receiptSecrets, metrics });
      app = await createHttpServer({
        name: "salesapi",
        description: "campaigns, receipts",
        log,
        metrics,
        checks: { postgres: () => pingPostgres(sql), redis: () => pingRedis(redis), rpc: () => credit.ping() },
        host: settings.host,
        allowedHosts: settings.allowedHosts,
        requestsPerMinute: settings.requestsPerMinute,
        directRoutes: receipts.directRoutes,
      });
      allowConsoleOrigins(app, origins);
      const prices = openPriceBook({ sql, credit, log });
      await createRoute(app, { sql, callers, prices, settings, signal: stopping.signal, log });
      const { importLeaseMs } = settings;
      commandRoutes(app, { sql, credit, callers, sales, progress, prices, importLeaseMs, carrierDefaults: settings, log });
      messageRoutes(app, { sql, credit, callers, sales, progress, prices, settings, log });
      readRoutes(app, { sql, callers, internalToken: settings.internalToken });
      await receiptsRoute(app, receipts);
      const seal = openFileSeal(settings.carrierKeys);
      carrierRoutes(app, { sql, seal, callers, defaults: settings, log });
      callbackSecretRoutes(app, { sql, seal, callers, log });
      await twilioReceiptsRoute(app, { sql, openSecret: seal.open, onCommitted: batcher.tell });
      boundPort = await listen(app, settings);
      stats = startSystemStats({ process: "salesapi", registry: metrics.registry, publisher, levels: ["receipts_waiting"] });
      log.info({ event: "salesapi.listening", port: boundPort });
    },
    async stop() {
      stats?.stop();
      stopping.abort(); // uploads and imports end as interrupted: a file may take longer than a drain
      await app?.close(); // answers what is in hand, so their receipts are committed
      await batcher.close();
      progress.close();
      await sales.close();
      credit.close();
      publisher.close();
      closeRedis(redis);
      await closePostgres(sql);
    },
    port() {
      if (boundPort === undefined) throw new Error("salesapi has not started");
      return boundPort;
    },
  };
}

export function main(): Promise<void> {
  return runNode("salesapi", () => readNodeConfig(process.env), create);
}

/** The settings; beyond loopback none of its secrets may be weak. @throws ConfigError */
export function readNodeConfig(environment: Environment): Config<typeof config> {
  const settings = readConfig(environment, config);
  requireSafeListener(settings.host, { BULKSMS_INTERNAL_TOKEN: settings.internalToken, BULKSMS_RECEIPT_SECRETS: settings.receiptSecrets });
  return settings;
}

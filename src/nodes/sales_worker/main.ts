// sales_worker: submits, relays charges, sweeps. Only wires; works on from the rows while Redis,
// rpc or the carrier are away.

import type { LinkedCarrier, LinkManagerOptions } from "../../campaign/links/link_manager.ts";
import { openProgressPublisher } from "../../campaign/reads/progress.ts";
import { type Sweeper, startSweeper } from "../../campaign/sweeper.ts";
import { openCarrierClient } from "../../carriers/batch_http/carrier_client.ts";
import { openCarrierInquirer, openCarrierLink } from "../../carriers/open_link.ts";
import { openPublisher } from "../../platform/broadcast.ts";
import { type Config, ConfigError, readConfig } from "../../platform/config.ts";
import { openCreditClient } from "../../platform/grpc.ts";
import { startManagementServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { closePostgres, openPostgres, pingPostgres } from "../../platform/postgres.ts";
import { openQueue, type QueueWorker, startQueueWorker } from "../../platform/queue.ts";
import { closeRedis, openRedis, pingRedis } from "../../platform/redis.ts";
import { openFileSeal } from "../../platform/seal_keys.ts";
import { type SystemStats, startSystemStats } from "../../platform/system_stats.ts";
import { type Callbacks, startCallbacks } from "./callbacks.ts";
import { openCampaignWork } from "./campaign_work.ts";

export const config = {
  host: "BULKSMS_HOST",
  managementPort: "BULKSMS_SALES_WORKER_MANAGEMENT_PORT",
  allowedHosts: "BULKSMS_ALLOWED_HOSTS",
  databaseUrl: "BULKSMS_SALES_WORKER_DATABASE_URL",
  databaseConnections: "BULKSMS_DATABASE_CONNECTIONS",
  redisUrl: "BULKSMS_REDIS_URL",
  redisNamespace: "BULKSMS_REDIS_NAMESPACE",
  rpcAddress: "BULKSMS_RPC_ADDRESS",
  internalToken: "BULKSMS_INTERNAL_TOKEN",
  simulatorUrl: "BULKSMS_SIMULATOR_URL",
  simulatorKey: "BULKSMS_SIMULATOR_KEY",
  carrierKeys: "BULKSMS_CARRIER_KEYS",
  callbackPrivateTargets: "BULKSMS_CALLBACK_PRIVATE_TARGETS",
  leaseMs: "BULKSMS_LEASE_MS",
  submitTimeoutMs: "BULKSMS_SUBMIT_TIMEOUT_MS",
  dispatchConcurrency: "BULKSMS_DISPATCH_CONCURRENCY",
  sweepIntervalMs: "BULKSMS_SWEEP_INTERVAL_MS",
  receiptHorizonS: "BULKSMS_RECEIPT_HORIZON_S",
  importLeaseMs: "BULKSMS_IMPORT_LEASE_MS",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

/** Concurrent jobs: none of them waits for a carrier, so a few keep the queue empty. */
const jobsAtOnce = 8;

export interface SalesWorkerNode extends Node {
  /** Known after `start`. */
  ports(): { management: number };
}

export function create(settings: Config<typeof config>, log: Log): SalesWorkerNode {
  if (settings.submitTimeoutMs >= settings.leaseMs) {
    throw new ConfigError(["BULKSMS_SUBMIT_TIMEOUT_MS: must be below BULKSMS_LEASE_MS, so that a body ends inside its lease"]);
  }
  const metrics = createMetrics("sales_worker");
  const redisOptions = { redisUrl: settings.redisUrl, namespace: settings.redisNamespace };
  const neighbours = openNeighbours(settings, redisOptions);
  const { sql, publisher, progress, sales, general, redis, credit, carrier } = neighbours;
  const work = openCampaignWork({
    sql,
    credit,
    carrier,
    ...carrierOpeners(settings.carrierKeys, log),
    progress,
    sales,
    general,
    isRedisUp: () => redis.status === "ready",
    settings,
    metrics,
    log,
  });

  let worker: QueueWorker | undefined;
  let sweeper: Sweeper | undefined;
  let callbacks: Callbacks | undefined;
  let management: Awaited<ReturnType<typeof startManagementServer>> | undefined;
  let stats: SystemStats | undefined;
  return {
    async start() {
      management = await startManagementServer({
        name: "sales_worker",
        log,
        metrics,
        host: settings.host,
        port: settings.managementPort,
        allowedHosts: settings.allowedHosts,
        checks: { postgres: () => pingPostgres(sql), redis: () => pingRedis(redis), rpc: () => credit.ping() },
      });
      sweeper = startSweeper({
        sql,
        intervalMs: settings.sweepIntervalMs,
        receiptHorizonS: settings.receiptHorizonS,
        importLeaseMs: settings.importLeaseMs,
        log,
        advance: work.advance,
        relay: async () => work.relay(),
        onProgress: progress.changed,
        onRepair: work.onRepair,
      });
      callbacks = startCallbacks({ sql, settings, metrics, log });
      worker = startQueueWorker("sales", { ...redisOptions, concurrency: jobsAtOnce, log, handlers: work.handlers });
      stats = startSystemStats({
        process: "sales_worker",
        registry: metrics.registry,
        publisher,
        levels: ["chunks_in_hand", "outbox_unconfirmed", "queue_sales_waiting"],
      });
      log.info({ event: "sales_worker.listening", managementPort: management.port });
    },
    async stop() {
      stats?.stop();
      await worker?.close();
      await sweeper?.close();
      await callbacks?.close();
      await work.close();
      await neighbours.close();
      await management?.close();
    },
    ports() {
      if (management === undefined) throw new Error("sales_worker has not started");
      return { management: management.port };
    },
  };
}

/** How links and questions to carriers are opened, each with the carrier's own secret. */
function carrierOpeners(keysFile: string, log: Log): Pick<LinkManagerOptions, "openLink" | "openInquirer"> {
  const seal = openFileSeal(keysFile);
  const secretOf = ({ sealedSecret, carrierId }: LinkedCarrier): string => seal.open(sealedSecret, carrierId);
  return {
    openLink: (carrier, events) => openCarrierLink(carrier.settings, secretOf(carrier), log, events),
    openInquirer: (carrier) => openCarrierInquirer(carrier.settings, () => secretOf(carrier)),
  };
}

/** What the process talks to. */
function openNeighbours(settings: Config<typeof config>, redisOptions: { redisUrl: string; namespace: string }) {
  const sql = openPostgres(settings.databaseUrl, {
    applicationName: "sales_worker",
    connections: settings.databaseConnections,
    isAnswering: true,
  });
  const publisher = openPublisher(redisOptions);
  const progress = openProgressPublisher(publisher);
  const sales = openQueue("sales", redisOptions);
  const general = openQueue("general", redisOptions);
  const redis = openRedis(settings.redisUrl, { connectionName: "sales_worker.ready" });
  const credit = openCreditClient({ address: settings.rpcAddress, internalToken: settings.internalToken });
  const carrier = openCarrierClient({
    url: settings.simulatorUrl,
    key: settings.simulatorKey,
    timeoutMs: settings.submitTimeoutMs,
    connections: settings.dispatchConcurrency,
  });
  return {
    sql,
    publisher,
    progress,
    sales,
    general,
    redis,
    credit,
    carrier,
    async close() {
      progress.close();
      await Promise.all([sales.close(), general.close()]);
      await carrier.close();
      credit.close();
      publisher.close();
      closeRedis(redis);
      await closePostgres(sql);
    },
  };
}

export function main(): Promise<void> {
  return runNode("sales_worker", () => readConfig(process.env, config), create);
}

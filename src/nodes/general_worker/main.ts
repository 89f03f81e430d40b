// general_worker: processes the queue `general`, which settles credit. Only wiring; it starts even
// while Postgres and Redis are away.
import { openPublisher } from "../../platform/broadcast.ts";
import { type Config, readConfig } from "../../platform/config.ts";
import { startManagementServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { closePostgres, openPostgres, pingPostgres } from "../../platform/postgres.ts";
import { openQueue, type QueueWorker, startQueueWorker } from "../../platform/queue.ts";
import { closeRedis, openRedis, pingRedis } from "../../platform/redis.ts";
import { type SystemStats, startSystemStats } from "../../platform/system_stats.ts";
import { createSettleCredit } from "./settle_credit.ts";

export const config = {
  host: "BULKSMS_HOST",
  managementPort: "BULKSMS_GENERAL_WORKER_MANAGEMENT_PORT",
  allowedHosts: "BULKSMS_ALLOWED_HOSTS",
  databaseUrl: "BULKSMS_GENERAL_WORKER_DATABASE_URL",
  databaseConnections: "BULKSMS_DATABASE_CONNECTIONS",
  redisUrl: "BULKSMS_REDIS_URL",
  redisNamespace: "BULKSMS_REDIS_NAMESPACE",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

/**
 * Batches of one workspace wait for each other in the database; more concurrency only helps when
 * several workspaces send.
 */
const settlesAtOnce = 4;

export interface GeneralWorkerNode extends Node {
  /** Available after `start`. */
  ports(): { management: number };
}

export function create(settings: Config<typeof config>, log: Log): GeneralWorkerNode {
  const metrics = createMetrics("general_worker");
  const sql = openPostgres(settings.databaseUrl, {
    applicationName: "general_worker",
    connections: settings.databaseConnections,
    isAnswering: true,
  });
  const redisOptions = { redisUrl: settings.redisUrl, namespace: settings.redisNamespace };
  const publisher = openPublisher(redisOptions);
  const sales = openQueue("sales", redisOptions);
  const general = openQueue("general", redisOptions);
  const redis = openRedis(settings.redisUrl, { connectionName: "general_worker.ready" });
  metrics.gauge("queue_general_waiting", "Jobs waiting in queue general", async () => (await general.counts()).waiting ?? 0);
  metrics.gauge("queue_sales_rings_dropped", "Rings of this process that Redis did not take", () => sales.dropped());
  let worker: QueueWorker | undefined;
  let management: Awaited<ReturnType<typeof startManagementServer>> | undefined;
  let stats: SystemStats | undefined;
  return {
    async start() {
      management = await startManagementServer({
        name: "general_worker",
        log,
        metrics,
        host: settings.host,
        port: settings.managementPort,
        allowedHosts: settings.allowedHosts,
        checks: { postgres: () => pingPostgres(sql), redis: () => pingRedis(redis) },
      });
      worker = startQueueWorker("general", {
        ...redisOptions,
        concurrency: settlesAtOnce,
        log,
        handlers: { settle_credit: createSettleCredit({ sql, publisher, sales, log, metrics }) },
      });
      stats = startSystemStats({ process: "general_worker", registry: metrics.registry, publisher, levels: ["queue_general_waiting"] });
      log.info({ event: "general_worker.listening", managementPort: management.port });
    },
    async stop() {
      stats?.stop();
      await worker?.close();
      // after the worker, whose last jobs still ring and publish
      await sales.close();
      await general.close();
      publisher.close();
      closeRedis(redis);
      await closePostgres(sql);
      await management?.close();
    },
    ports() {
      if (management === undefined) throw new Error("general_worker has not started");
      return { management: management.port };
    },
  };
}

export function main(): Promise<void> {
  return runNode("general_worker", () => readConfig(process.env, config), create);
}

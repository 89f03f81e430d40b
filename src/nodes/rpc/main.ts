// rpc: credit over gRPC, for webapi, salesapi and sales_worker. Only wiring; it starts even while
// Postgres and Redis are away.
import { CreditServiceService } from "../../contracts/generated/credit.ts";
import { openPublisher } from "../../platform/broadcast.ts";
import { type Config, type Environment, readConfig, requireSafeListener } from "../../platform/config.ts";
import { type GrpcServer, startGrpcServer } from "../../platform/grpc.ts";
import { startManagementServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import { createMetrics } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { closePostgres, openPostgres, pingPostgres } from "../../platform/postgres.ts";
import { closeRedis, openRedis, pingRedis } from "../../platform/redis.ts";
import { type SystemStats, startSystemStats } from "../../platform/system_stats.ts";
import { createCreditService } from "./credit_service.ts";

export const config = {
  host: "BULKSMS_HOST",
  port: "BULKSMS_RPC_PORT",
  managementPort: "BULKSMS_RPC_MANAGEMENT_PORT",
  allowedHosts: "BULKSMS_ALLOWED_HOSTS",
  databaseUrl: "BULKSMS_RPC_DATABASE_URL",
  databaseConnections: "BULKSMS_DATABASE_CONNECTIONS",
  redisUrl: "BULKSMS_REDIS_URL",
  redisNamespace: "BULKSMS_REDIS_NAMESPACE",
  internalToken: "BULKSMS_INTERNAL_TOKEN",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

/**
 * Calls last milliseconds; one that still runs after this is waiting for a lock, and its caller
 * retries elsewhere.
 */
const drainMs = 5_000;

export interface RpcNode extends Node {
  /** Available after `start`; differ from the settings where those are 0. */
  ports(): { grpc: number; management: number };
}

export function create(settings: Config<typeof config>, log: Log): RpcNode {
  const metrics = createMetrics("rpc");
  const sql = openPostgres(settings.databaseUrl, { applicationName: "rpc", connections: settings.databaseConnections, isAnswering: true });
  const broadcast = { redisUrl: settings.redisUrl, namespace: settings.redisNamespace };
  const publisher = openPublisher(broadcast);
  const redis = openRedis(settings.redisUrl, { connectionName: "rpc.ready" });
  let server: GrpcServer | undefined;
  let management: Awaited<ReturnType<typeof startManagementServer>> | undefined;
  let stats: SystemStats | undefined;
  return {
    async start() {
      management = await startManagementServer({
        name: "rpc",
        log,
        metrics,
        host: settings.host,
        port: settings.managementPort,
        allowedHosts: settings.allowedHosts,
        checks: { postgres: () => pingPostgres(sql), redis: () => pingRedis(redis) },
      });
      server = await startGrpcServer({
        host: settings.host,
        port: settings.port,
        services: [
          {
            name: "bulksms.credit.v1.CreditService",
            definition: CreditServiceService,
            implementation: createCreditService({ sql, publisher, internalToken: settings.internalToken, log, metrics }),
            protoFile: "credit.proto",
          },
        ],
        log,
      });
      stats = startSystemStats({ process: "rpc", registry: metrics.registry, publisher });
      log.info({ event: "rpc.listening", port: server.port, managementPort: management.port });
    },
    async stop() {
      stats?.stop();
      server?.setServing(false);
      await server?.stop(drainMs);
      publisher.close();
      closeRedis(redis);
      await closePostgres(sql);
      await management?.close();
    },
    ports() {
      if (server === undefined || management === undefined) throw new Error("rpc has not started");
      return { grpc: server.port, management: management.port };
    },
  };
}

export function main(): Promise<void> {
  return runNode("rpc", () => readNodeConfig(process.env), create);
}

/** Reads the settings; beyond loopback none of the secrets may be weak. @throws ConfigError */
export function readNodeConfig(environment: Environment): Config<typeof config> {
  const settings = readConfig(environment, config);
  requireSafeListener(settings.host, { BULKSMS_INTERNAL_TOKEN: settings.internalToken });
  return settings;
}

// sales_worker: submits, relays charges, sweeps. Only wires; works on from the rows while Redis, rpc or the carrier are away.
import { type AdvanceDependencies, advance } from "../../campaign/advance.ts";
import { changeStatus } from "../../campaign/campaign_rows.ts";
import { openCarrierClient } from "../../campaign/carrier_client.ts";
import { openDispatcher } from "../../campaign/dispatcher.ts";
import { confirmOutbox, countUnconfirmed, relayOutbox } from "../../campaign/outbox.ts";
import { openProgressPublisher } from "../../campaign/progress.ts";
import { type Sweeper, startSweeper } from "../../campaign/sweeper.ts";
import { openPublisher } from "../../platform/broadcast.ts";
import { type Config, ConfigError, readConfig } from "../../platform/config.ts";
import { openCreditClient } from "../../platform/grpc.ts";
import { startManagementServer } from "../../platform/http.ts";
import type { Log } from "../../platform/log.ts";
import { createMetrics, secondsBuckets } from "../../platform/metrics.ts";
import { type Node, runNode } from "../../platform/node.ts";
import { closePostgres, openPostgres, pingPostgres } from "../../platform/postgres.ts";
import { openQueue, type QueueWorker, startQueueWorker } from "../../platform/queue.ts";
import { closeRedis, openRedis, pingRedis } from "../../platform/redis.ts";
import { coalesce } from "./coalesce.ts";

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
  carrierUrl: "BULKSMS_CARRIER_URL",
  carrierKey: "BULKSMS_CARRIER_KEY",
  leaseMs: "BULKSMS_LEASE_MS",
  submitTimeoutMs: "BULKSMS_SUBMIT_TIMEOUT_MS",
  dispatchConcurrency: "BULKSMS_DISPATCH_CONCURRENCY",
  sweepIntervalMs: "BULKSMS_SWEEP_INTERVAL_MS",
  receiptHorizonS: "BULKSMS_RECEIPT_HORIZON_S",
  importLeaseMs: "BULKSMS_IMPORT_LEASE_MS",
  logLevel: "BULKSMS_LOG_LEVEL",
  logFormat: "BULKSMS_LOG_FORMAT",
} as const;

/** Jobs at once: none of them waits for a carrier, so a few keep the queue empty. */
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
  const sql = openPostgres(settings.databaseUrl, { applicationName: "sales_worker", connections: settings.databaseConnections });
  const redisOptions = { redisUrl: settings.redisUrl, namespace: settings.redisNamespace };
  const publisher = openPublisher(redisOptions);
  const progress = openProgressPublisher(publisher);
  const sales = openQueue("sales", redisOptions);
  const general = openQueue("general", redisOptions);
  const redis = openRedis(settings.redisUrl, { connectionName: "sales_worker.ready" });
  const credit = openCreditClient({ address: settings.rpcAddress, internalToken: settings.internalToken });
  const carrier = openCarrierClient({
    url: settings.carrierUrl,
    key: settings.carrierKey,
    timeoutMs: settings.submitTimeoutMs,
    connections: settings.dispatchConcurrency,
  });

  const submits = metrics.counter("submits_total", "Bodies submitted to the carrier, by what its answer meant", ["outcome"]);
  const submitSeconds = metrics.histogram("submit_seconds", "One body, from its first byte to the carrier's answer", secondsBuckets);
  const messagesSubmitted = metrics.counter("messages_submitted_total", "Messages in bodies that the carrier answered");
  const outboxRelayed = metrics.counter("outbox_relayed_total", "Outbox rows sent to general_worker, repeats included");
  const outboxConfirmed = metrics.counter("outbox_confirmed_total", "Outbox rows that the ledger has");
  const repairs = metrics.counter("sweeper_repairs_total", "Steps that the sweeper took up", ["status"]);
  metrics.gauge("outbox_unconfirmed", "Outbox rows that wait for the ledger", () => countUnconfirmed(sql));
  metrics.gauge("queue_rings_dropped", "Rings of this process that Redis did not take", () => sales.dropped() + general.dropped());

  const dispatcher = openDispatcher({
    sql,
    carrier,
    leaseMs: settings.leaseMs,
    submitTimeoutMs: settings.submitTimeoutMs,
    concurrency: settings.dispatchConcurrency,
    log,
    ringOthers: (bulksmsId) => sales.ring("dispatch_chunk", { bulksms_id: bulksmsId }),
    onIdle: (bulksmsId) => lookAgain(bulksmsId),
    onProgress: progress.changed,
    onSubmit(outcome, durationMs, messages) {
      submits.inc({ outcome });
      submitSeconds.observe(durationMs / 1_000);
      if (outcome === "answered") messagesSubmitted.inc(messages);
    },
    async pauseRefused(bulksmsId, lastError) {
      const paused = await changeStatus(sql, bulksmsId, { from: ["running"], to: "paused", lastError });
      if (paused === null) return;
      log.warn({ event: "campaign.paused", bulksmsId, lastError });
      progress.changed(paused);
    },
  });
  metrics.gauge("chunks_in_hand", "Chunks that this process is submitting", () => dispatcher.chunksInHand());

  const steps: AdvanceDependencies = {
    sql,
    credit,
    onProgress: progress.changed,
    /** Here at once, and by a job for each other worker that may share the work. */
    ringDispatch(bulksmsId) {
      dispatcher.ring(bulksmsId);
      for (let ring = 0; ring < settings.dispatchConcurrency; ring++) sales.ring("dispatch_chunk", { bulksms_id: bulksmsId });
    },
  };
  /** The dispatcher has nothing to submit: perhaps the campaign is at its end, or being canceled. */
  const lookAgain = coalesce((bulksmsId: string) => advance({ ...steps, ringDispatch: () => {} }, bulksmsId), log);
  const relay = coalesce(async () => {
    // without Redis a claim would only grow the back-off of its rows
    if (redis.status === "ready") outboxRelayed.inc(await relayOutbox(sql, (job) => general.ring("settle_credit", job)));
  }, log);

  let worker: QueueWorker | undefined;
  let sweeper: Sweeper | undefined;
  let management: Awaited<ReturnType<typeof startManagementServer>> | undefined;
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
        advance: (bulksmsId) => advance(steps, bulksmsId),
        relay: async () => relay(""),
        onProgress: progress.changed,
        onRepair: (status) => repairs.inc({ status }),
      });
      worker = startQueueWorker("sales", {
        ...redisOptions,
        concurrency: jobsAtOnce,
        log,
        handlers: {
          run_bulksms: ({ bulksms_id }) => advance(steps, bulksms_id),
          dispatch_chunk: async ({ bulksms_id }) => dispatcher.ring(bulksms_id),
          relay_outbox: async () => relay(""),
          async credit_settled({ outbox_ids }) {
            outboxConfirmed.inc(outbox_ids.length);
            for (const bulksmsId of await confirmOutbox(sql, outbox_ids)) lookAgain(bulksmsId);
          },
        },
      });
      log.info({ event: "sales_worker.listening", managementPort: management.port });
    },
    async stop() {
      await worker?.close();
      await sweeper?.close();
      await dispatcher.close();
      await Promise.all([lookAgain.idle(), relay.idle()]);
      progress.close();
      await Promise.all([sales.close(), general.close()]);
      await carrier.close();
      credit.close();
      publisher.close();
      closeRedis(redis);
      await closePostgres(sql);
      await management?.close();
    },
    ports() {
      if (management === undefined) throw new Error("sales_worker has not started");
      return { management: management.port };
    },
  };
}

export function main(): Promise<void> {
  return runNode("sales_worker", () => readConfig(process.env, config), create);
}

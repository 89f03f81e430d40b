// What a sales_worker does for campaigns, whoever asks: the dispatcher, the next step of a
// campaign, the relay; with their metrics. Wired by main to jobs and sweeper.

import { confirmOutbox, countUnconfirmed, relayOutbox } from "../../campaign/charging/outbox.ts";
import { type Dispatcher, openDispatcher } from "../../campaign/dispatch/dispatcher.ts";
import { type AdvanceDependencies, advance } from "../../campaign/lifecycle/advance.ts";
import { changeStatus } from "../../campaign/lifecycle/campaign_rows.ts";
import { type LinkManager, type LinkManagerOptions, openLinkManager } from "../../campaign/links/link_manager.ts";
import type { ProgressPublisher } from "../../campaign/reads/progress.ts";
import type { CarrierClient } from "../../carriers/carrier.ts";
import type { BulksmsStatus } from "../../contracts/states.ts";
import { reachFailpoint } from "../../platform/failpoint.ts";
import type { CreditClient } from "../../platform/grpc.ts";
import { errorFields, type Log } from "../../platform/log.ts";
import { type Metrics, secondsBuckets } from "../../platform/metrics.ts";
import type { Sql } from "../../platform/postgres.ts";
import type { RingingQueue, WorkerOptions } from "../../platform/queue.ts";
import { coalesce } from "../../platform/time/coalesce.ts";

export interface CampaignWorkOptions {
  sql: Sql;
  credit: CreditClient;
  carrier: CarrierClient;
  /** Opens a link to a carrier that is not the simulator. */
  openLink: LinkManagerOptions["openLink"];
  openInquirer: LinkManagerOptions["openInquirer"];
  progress: ProgressPublisher;
  sales: RingingQueue<"sales">;
  general: RingingQueue<"general">;
  isRedisUp(): boolean;
  settings: { leaseMs: number; submitTimeoutMs: number; dispatchConcurrency: number };
  metrics: Metrics;
  log: Log;
}

export interface CampaignWork {
  /** The next step of a campaign, by its row. */
  advance(bulksmsId: string): Promise<void>;
  /** Sends due outbox rows; never waits. */
  relay(): void;
  onRepair(status: BulksmsStatus): void;
  /** Of queue sales. */
  handlers: WorkerOptions<"sales">["handlers"];
  /** Begins no new body, waits for what is in hand. */
  close(): Promise<void>;
}

export function openCampaignWork(options: CampaignWorkOptions): CampaignWork {
  const { sql, credit, progress, sales, general, metrics, log } = options;
  const relayed = metrics.counter("outbox_relayed_total", "Outbox rows sent to general_worker, repeats included");
  const confirmed = metrics.counter("outbox_confirmed_total", "Outbox rows that the ledger has");
  const repairs = metrics.counter("sweeper_repairs_total", "Steps that the sweeper took up", ["status"]);
  metrics.gauge("outbox_unconfirmed", "Outbox rows that wait for the ledger", () => countUnconfirmed(sql));
  metrics.gauge("queue_sales_waiting", "Jobs waiting in queue sales", async () => (await sales.counts()).waiting ?? 0);
  metrics.gauge("queue_rings_dropped", "Rings of this process that Redis did not take", () => sales.dropped() + general.dropped());

  const dispatcher = openMeasuredDispatcher(options, (bulksmsId) => checkAgain(bulksmsId));
  const links = openMeasuredLinks(
    options,
    (bulksmsId) => checkAgain(bulksmsId),
    () => relay("outbox"),
  );
  const steps: AdvanceDependencies = {
    sql,
    credit,
    onProgress: progress.changed,
    /** Here at once, and by jobs for the other workers, which may share the work. */
    ringDispatch(bulksmsId) {
      dispatcher.ring(bulksmsId);
      links.ring();
      for (let ring = 0; ring < options.settings.dispatchConcurrency; ring++) sales.ring("dispatch_chunk", { bulksms_id: bulksmsId });
    },
  };
  /** The sweeper asks again. */
  const logFailure = (error: unknown, key: string): void => log.warn({ event: "work.failed", key, ...errorFields(error) });
  /** There is nothing to submit: perhaps the campaign is at its end, or being canceled. */
  const checkAgain = coalesce((bulksmsId) => advance({ ...steps, ringDispatch: () => {} }, bulksmsId), logFailure);
  let isRelayShortOfRoom = false;
  const relay = coalesce(async () => {
    // without Redis a claim would only grow the back-off of its rows
    if (!options.isRedisUp()) return;
    const { rows, isShortOfRoom } = await relayOutbox(sql, {
      ring: (job) => general.ring("settle_credit", job),
      waiting: general.waiting,
    });
    relayed.inc(rows);
    isRelayShortOfRoom = isShortOfRoom;
  }, logFailure);

  return {
    advance: (bulksmsId) => advance(steps, bulksmsId),
    relay: () => relay("outbox"),
    onRepair: (status) => repairs.inc({ status }),
    handlers: {
      run_bulksms: ({ bulksms_id }) => advance(steps, bulksms_id),
      async dispatch_chunk({ bulksms_id }) {
        reachFailpoint("job_taken");
        dispatcher.ring(bulksms_id);
        links.ring();
      },
      relay_outbox: async () => relay("outbox"),
      async credit_settled({ outbox_ids }) {
        reachFailpoint("confirmation_received");
        const bulksmsIds = await confirmOutbox(sql, outbox_ids);
        confirmed.inc(outbox_ids.length);
        for (const bulksmsId of bulksmsIds) checkAgain(bulksmsId);
        // there is room again. Asked after every confirmation, relay and ledger would chase each
        // other: 56 rounds a second instead of salesapi's 10
        if (isRelayShortOfRoom) relay("outbox");
      },
    },
    async close() {
      await Promise.all([dispatcher.close(), links.close()]);
      await Promise.all([checkAgain.idle(), relay.idle()]);
    },
  };
}

function openMeasuredLinks(options: CampaignWorkOptions, onIdle: (bulksmsId: string) => void, onCharge: () => void): LinkManager {
  const { sql, openLink, openInquirer, progress, settings, metrics, log } = options;
  const anomalies = metrics.counter("link_anomalies_total", "Receipts of links that no message could take", ["kind"]);
  const links = openLinkManager({
    sql,
    leaseMs: settings.leaseMs,
    log,
    openLink,
    openInquirer,
    onProgress: progress.changed,
    onCharge,
    onAnomalies(counts) {
      for (const [kind, count] of Object.entries(counts)) anomalies.inc({ kind }, count);
    },
    onIdle,
  });
  metrics.gauge("links_held", "Links to carriers that this process holds", () => links.held());
  return links;
}

function openMeasuredDispatcher(options: CampaignWorkOptions, onIdle: (bulksmsId: string) => void): Dispatcher {
  const { sql, carrier, progress, sales, settings, metrics, log } = options;
  const submits = metrics.counter("submits_total", "Bodies submitted to the carrier, by what its answer meant", ["outcome"]);
  const submitSeconds = metrics.histogram("submit_seconds", "One body, from its first byte to the carrier's answer", secondsBuckets);
  const messagesSubmitted = metrics.counter("messages_submitted_total", "Messages in bodies that the carrier answered");
  const dispatcher = openDispatcher({
    sql,
    carrier,
    leaseMs: settings.leaseMs,
    submitTimeoutMs: settings.submitTimeoutMs,
    concurrency: settings.dispatchConcurrency,
    log,
    ringOthers: (bulksmsId) => sales.ring("dispatch_chunk", { bulksms_id: bulksmsId }),
    onIdle,
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
  return dispatcher;
}

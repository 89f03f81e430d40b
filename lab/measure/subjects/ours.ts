// Our system as everything that measures starts it: the real processes with the product's own
// defaults and full durability, and a simulator that answers every message. Used by the benchmark,
// the evaluation, the run of everyone in Finland and the console's measurement.
import { isDeepStrictEqual } from "node:util";
import type { CampaignState } from "../../../src/cli/campaign_watch.ts";
import { connect } from "../../../src/cli/connection.ts";
import { settings as settingTable } from "../../../src/contracts/settings.ts";
import { readSystemState } from "../../../src/local/data_folder.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { topUpCredit } from "../../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../../testing/cluster.ts";
import { beginCampaign, type Created, createFromFile, type SentRun, untilFinished } from "./our_campaigns.ts";

/**
 * All that differs from what a user gets who sets nothing: the outside world, which answers every
 * message at once.
 */
export const measuredSettings: SystemSettings = { BULKSMS_SIMULATOR_PROFILE: "answered", BULKSMS_SIMULATOR_SPEED: "max" };

/** Of the simulator; a change restarts it. */
export interface SimulatorMode {
  /** 1: single receipts from a stock HTTP client. */
  receiptsPerBody: number;
  /** Receipt requests in flight in total, and per connection. */
  inFlight: number;
  pipelining: number;
  /** Parts per second; 0: no limit. */
  partsPerSecond: number;
  /** Where it sends its receipts, if not to the only salesapi. */
  receiptsUrl?: string;
}

/** Receipts in bodies, as the simulator sends them by default. */
export const inBodies: SimulatorMode = {
  receiptsPerBody: settingTable.BULKSMS_SIMULATOR_RECEIPTS_PER_BODY.default,
  inFlight: settingTable.BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY.default,
  pipelining: settingTable.BULKSMS_SIMULATOR_CALLBACK_PIPELINING.default,
  partsPerSecond: 0,
};
/**
 * Single receipts: one request each, up to 64 of them pipelined on a connection (HTTP/1.1
 * pipelining of undici).
 */
export const singly: SimulatorMode = { receiptsPerBody: 1, inFlight: 512, pipelining: 64, partsPerSecond: 0 };
/** Single receipts from a sender that waits for each answer on its connection. */
export const singlyUnpipelined: SimulatorMode = { receiptsPerBody: 1, inFlight: 256, pipelining: 1, partsPerSecond: 0 };

/** Enough for everything that is ever measured on one system. */
const toppedUpCredits = "100000000.0";

export interface OurSystem {
  cluster: Cluster;
  /** salesdb as the audit sees it. */
  check: Sql;
  /** Of the owner of each database. */
  ownerUrls: readonly string[];
  /** @returns whether it was restarted: its first campaign then compiles its code. */
  setSimulator(mode: SimulatorMode): Promise<boolean>;
  /** POST /create of a file. */
  create(file: string, fields?: { text: string; carrier?: string }): Promise<Created>;
  /** POST /run. */
  begin(id: string): Promise<number>;
  /** @throws when it does not move for a minute, or has not ended within the limit */
  untilFinished(
    created: Pick<Created, "id" | "contacts">,
    options?: { onChange?: (state: CampaignState) => void; limitMs?: number },
  ): Promise<Pick<SentRun, "endedMs" | "campaign">>;
  /** Runs a created campaign to its end. */
  send(created: Pick<Created, "id" | "contacts">, onChange?: (state: CampaignState) => void): Promise<SentRun>;
  /** Of processes and engines. */
  pids(): Record<string, number | null>;
  stop(): Promise<void>;
}

export interface OursOptions {
  /** Divides the simulator's delays; `max`: no delays. */
  speed?: string;
  /** More of the outside world: listeners of the simulator. */
  settings?: SystemSettings;
}

export async function startOurs({ speed, settings }: OursOptions = {}): Promise<OurSystem> {
  let mode = inBodies;
  const cluster = await startCluster({
    defaults: "product",
    settings: { ...measuredSettings, ...(speed === undefined ? {} : { BULKSMS_SIMULATOR_SPEED: speed }), ...settings },
    intervention: { settingsOf: (name, own) => (name === "simulator" ? { ...own, ...settingsOfMode(mode) } : own) },
  });
  const connection = connect(cluster.dataFolder, {});
  const check = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  await topUpCredit(cluster, toppedUpCredits);
  const ways = { connection, check };
  return {
    cluster,
    check,
    ownerUrls: [cluster.settings.BULKSMS_DS_OWNER_URL ?? "", cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? ""],
    async setSimulator(next) {
      if (isDeepStrictEqual(next, mode)) return false;
      mode = next;
      await restartSimulator(cluster);
      return true;
    },
    create: (file, fields = { text: "Hello" }) => createFromFile(ways, file, fields),
    begin: (id) => beginCampaign(ways, id),
    untilFinished: (created, options) => untilFinished(ways, created, options),
    async send(created, onChange = () => {}) {
      const startedMs = await beginCampaign(ways, created.id);
      return { startedMs, ...(await untilFinished(ways, created, { onChange })) };
    },
    pids: () => pidsOf(cluster),
    async stop() {
      await Promise.all([connection.close(), check.end({ timeout: 1 })]);
      await cluster.stop();
    },
  };
}

export const settingsOfMode = ({ receiptsPerBody, partsPerSecond, inFlight, pipelining, receiptsUrl }: SimulatorMode): SystemSettings => ({
  BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: String(receiptsPerBody),
  BULKSMS_SIMULATOR_MPS_MAX: String(partsPerSecond),
  BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY: String(inFlight),
  BULKSMS_SIMULATOR_CALLBACK_PIPELINING: String(pipelining),
  ...(receiptsUrl === undefined ? {} : { BULKSMS_SIMULATOR_RECEIPTS_URL: receiptsUrl }),
});

async function restartSimulator(cluster: Cluster): Promise<void> {
  const before = cluster.pids().simulator;
  cluster.kill("simulator", "SIGTERM");
  await cluster.waitFor("the simulator in its other mode", () => cluster.pids().simulator !== before && cluster.isReady("simulator"));
}

/** Processes and engines. */
function pidsOf(cluster: Cluster): Record<string, number | null> {
  const engines = readSystemState(cluster.dataFolder)?.engines ?? {};
  return { ...cluster.pids(), ...Object.fromEntries(Object.entries(engines).map(([name, { pid }]) => [name, pid])) };
}

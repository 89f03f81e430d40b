// Our system in the benchmark and in the run of everyone in Finland: the real processes with full
// durability and all checks, a carrier without delays, campaigns created and run as a client would.
import { isDeepStrictEqual } from "node:util";
import type { CampaignState } from "../../../src/cli/campaign_watch.ts";
import { type Connection, connect } from "../../../src/cli/connection.ts";
import { openContacts } from "../../../src/cli/contacts_source.ts";
import type { CreateAnswer } from "../../../src/contracts/http.ts";
import { type MessageStatus, messageStatuses } from "../../../src/contracts/states.ts";
import { checkLaws, type LawsReport } from "../../../src/laws/check_laws.ts";
import { readSystemState } from "../../../src/local/data_folder.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { lawSourcesOf, topUpCredit } from "../../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../../testing/cluster.ts";
import { perMessage } from "./measured_run.ts";
import { openUsageMeter } from "./process_usage.ts";
import { openServers, type Servers } from "./servers.ts";

/**
 * The product's defaults in place of the short times for tests; the carrier answers everything at
 * once.
 */
const benchmarkSettings: SystemSettings = {
  BULKSMS_SIMULATOR_PROFILE: "answered",
  BULKSMS_SIMULATOR_SPEED: "max",
  BULKSMS_SWEEP_INTERVAL_MS: "500",
  BULKSMS_LEASE_MS: "10000",
  BULKSMS_SUBMIT_TIMEOUT_MS: "5000",
};
/** Receipts in bodies of 100, as the carrier sends them by default. */
export const inBodies: SimulatorMode = { receiptsPerBody: 100, partsPerSecond: 0 };
/**
 * Single receipts: one request each, up to 64 of them pipelined on a connection (HTTP/1.1
 * pipelining of undici).
 */
export const singly: SimulatorMode = { receiptsPerBody: 1, partsPerSecond: 0, inFlight: 512, pipelining: 64 };
/** Single receipts from a sender that waits for each answer on its connection. */
export const singlyUnpipelined: SimulatorMode = { receiptsPerBody: 1, partsPerSecond: 0, inFlight: 256, pipelining: 1 };

/** Enough for every campaign of a benchmark. */
const toppedUpCredits = "100000000.0";
const endPollMs = 50;

/** Settings of the carrier; a change restarts it. */
export interface SimulatorMode {
  /** 1: single receipts from a stock HTTP client. */
  receiptsPerBody: number;
  /** Receipt requests in flight in total, and per connection; the carrier's defaults if omitted. */
  inFlight?: number;
  pipelining?: number;
  /** Parts per second; 0: no limit. */
  partsPerSecond: number;
  /** Where it sends its receipts, if not to the only salesapi. */
  receiptsUrl?: string;
}

export interface Created {
  id: string;
  contacts: number;
  rejected: number;
  seconds: number;
}

/** By the clock of this machine, which is also the databases'. */
export interface SentRun {
  startedMs: number;
  endedMs: number;
  /** As it ended. */
  campaign: CampaignState;
}

export interface OurRun {
  bulksmsId: string;
  seconds: number;
  cpuMicrosPerMessage: Record<string, number>;
  walBytesPerMessage: number;
  peakRssMib: Record<string, number>;
  lawsBroken: string[];
}

export interface OurSystem {
  cluster: Cluster;
  servers: Servers;
  /** As the owner of salesdb's server. */
  salesdbOwnerUrl: string;
  /** @returns whether it was restarted: its first campaign then compiles its code. */
  setSimulator(mode: SimulatorMode): Promise<boolean>;
  /** POST /create of a file. */
  create(file: string): Promise<Created>;
  /** Runs a created campaign to its end, and measures nothing but that. */
  send(created: Pick<Created, "id" | "contacts">, onChange?: (state: CampaignState) => void): Promise<SentRun>;
  /**
   * Runs a created campaign to its end, measured, and checks its laws. `others`: further processes
   * to measure, by name.
   */
  run(created: Pick<Created, "id" | "contacts">, others?: Record<string, number>): Promise<OurRun>;
  /** Of processes and engines. */
  pids(): Record<string, number | null>;
  stop(): Promise<void>;
}

export async function startOurs(settings: SystemSettings = {}): Promise<OurSystem> {
  let mode = inBodies;
  const cluster = await startCluster({
    settings: { ...benchmarkSettings, ...settings },
    intervention: { settingsOf: (name, own) => (name === "simulator" ? { ...own, ...settingsOfMode(mode) } : own) },
  });
  const connection = connect(cluster.dataFolder, {});
  const servers = openServers([cluster.settings.BULKSMS_DS_OWNER_URL ?? "", cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? ""]);
  const check = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "benchmark", connections: 1 });
  await topUpCredit(cluster, toppedUpCredits);
  const parts = { cluster, connection, servers, check };
  return {
    cluster,
    servers,
    salesdbOwnerUrl: cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? "",
    async setSimulator(next) {
      if (isDeepStrictEqual(settingsOfMode(next), settingsOfMode(mode))) return false;
      mode = next;
      await restartSimulator(cluster);
      return true;
    },
    async create(file) {
      const source = await openContacts(file);
      const startedAt = performance.now();
      const { id, contacts, rejected }: CreateAnswer = await connection.create({ source, fields: { text: "Hello" } });
      return { id, contacts, rejected, seconds: (performance.now() - startedAt) / 1_000 };
    },
    send: (created, onChange = () => {}) => sendToEnd(parts, created, onChange),
    run: (created, others = {}) => runToEnd(parts, created, others),
    pids: () => pidsOf(cluster),
    async stop() {
      await Promise.all([connection.close(), servers.close(), check.end({ timeout: 1 })]);
      await cluster.stop();
    },
  };
}

const settingsOfMode = ({ receiptsPerBody, partsPerSecond, inFlight, pipelining, receiptsUrl }: SimulatorMode): SystemSettings => ({
  BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: String(receiptsPerBody),
  BULKSMS_SIMULATOR_MPS_MAX: String(partsPerSecond),
  ...(inFlight === undefined ? {} : { BULKSMS_SIMULATOR_CALLBACK_CONCURRENCY: String(inFlight) }),
  ...(pipelining === undefined ? {} : { BULKSMS_SIMULATOR_CALLBACK_PIPELINING: String(pipelining) }),
  ...(receiptsUrl === undefined ? {} : { BULKSMS_SIMULATOR_RECEIPTS_URL: receiptsUrl }),
});

async function restartSimulator(cluster: Cluster): Promise<void> {
  const before = cluster.pids().simulator;
  cluster.kill("simulator", "SIGTERM");
  await cluster.waitFor("the carrier in its other mode", () => cluster.pids().simulator !== before && cluster.isReady("simulator"));
}

interface Parts {
  cluster: Cluster;
  connection: Connection;
  servers: Servers;
  check: Sql;
}

async function sendToEnd(
  { connection, check }: Parts,
  { id, contacts }: Pick<Created, "id" | "contacts">,
  onChange: (state: CampaignState) => void,
): Promise<SentRun> {
  const startedMs = Date.now();
  await connection.callSalesapi("the campaign was not run", "POST", "/run", { bulksms_id: id });
  return { startedMs, ...(await untilFinished(check, { id, contacts }, onChange)) };
}

async function runToEnd(parts: Parts, created: Pick<Created, "id" | "contacts">, others: Record<string, number>): Promise<OurRun> {
  const { cluster, servers } = parts;
  const { id, contacts } = created;
  await servers.settleDown();
  const usage = openUsageMeter({ ...pidsOf(cluster), ...others });
  const walBefore = await servers.walBytes();
  const { startedMs, endedMs } = await sendToEnd(parts, created, () => {});
  const cpuMicros = usage.cpuMicros();
  const walBytes = (await servers.walBytes()) - walBefore;
  const peakRssMib = usage.peakRssMib();
  const laws = await checkLaws(lawSourcesOf(cluster), { bulksmsId: id });
  return {
    bulksmsId: id,
    seconds: (endedMs - startedMs) / 1_000,
    cpuMicrosPerMessage: perMessage(cpuMicros, contacts),
    walBytesPerMessage: walBytes / contacts,
    peakRssMib,
    lawsBroken: lawsNotHeld(laws),
  };
}

/**
 * After a run with every message answered, each law has something to compare and nothing is in
 * flight: otherwise it counts as broken.
 */
export function lawsNotHeld({ laws, form }: LawsReport): string[] {
  return [...laws.filter(({ verdict }) => verdict !== "held").map(({ law }) => law), ...(form === "settled" ? [] : ["unsettled"])];
}

/** Processes and engines. */
function pidsOf(cluster: Cluster): Record<string, number | null> {
  const engines = readSystemState(cluster.dataFolder)?.engines ?? {};
  return { ...cluster.pids(), ...Object.fromEntries(Object.entries(engines).map(([name, { pid }]) => [name, pid])) };
}

interface CampaignRow extends Record<MessageStatus, number> {
  status: CampaignState["status"];
  parts: string;
  partsSent: string;
  lastError: string | null;
  endedAt: Date | null;
  version: string;
}

/** @throws when it does not move for a minute */
async function untilFinished(
  check: Sql,
  { id, contacts }: Pick<Created, "id" | "contacts">,
  onChange: (state: CampaignState) => void,
): Promise<Pick<SentRun, "endedMs" | "campaign">> {
  const stillMaxMs = 60_000;
  let movedAt = performance.now();
  let versionSeen = "";
  for (;;) {
    const [row] = await check<CampaignRow[]>`
      select status::text as status, parts::text as parts, parts_sent::text as "partsSent", last_error as "lastError", ended_at as "endedAt",
        version::text as version, ${check(messageStatuses as unknown as string[])}
      from bulksms where id = ${id}`;
    if (row !== undefined && row.version !== versionSeen) {
      versionSeen = row.version;
      movedAt = performance.now();
      onChange(stateOf(row, contacts));
    }
    if (row?.status === "finished" && row.endedAt !== null) return { endedMs: row.endedAt.getTime(), campaign: stateOf(row, contacts) };
    if (performance.now() - movedAt > stillMaxMs) throw new Error(`campaign ${id} of ${contacts} does not move from ${row?.status}`);
    await new Promise((resolve) => setTimeout(resolve, endPollMs));
  }
}

function stateOf(row: CampaignRow, contacts: number): CampaignState {
  const counts = Object.fromEntries(messageStatuses.map((status) => [status, row[status]])) as Record<MessageStatus, number>;
  const { status, parts, partsSent, lastError } = row;
  return { status, contacts, parts: Number(parts), partsSent: Number(partsSent), counts, lastError, credit: null, silent: null };
}

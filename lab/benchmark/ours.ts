// Our system under the benchmark: the real processes with every durability and check on, a carrier without delays, campaigns created and run as a client would.
import { isDeepStrictEqual } from "node:util";
import { type Connection, connect } from "../../src/cli/connection.ts";
import { checkLaws } from "../../src/laws/check_laws.ts";
import { readSystemState } from "../../src/platform/data_folder.ts";
import { openPostgres, type Sql } from "../../src/platform/postgres.ts";
import type { SystemSettings } from "../../src/platform/system_settings.ts";
import { lawSourcesOf } from "../cluster/campaigns.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { perMessage } from "./measured_run.ts";
import { openUsageMeter } from "./process_usage.ts";
import { openServers, type Servers } from "./servers.ts";

/** The product's defaults in place of the short times that tests want; the carrier answers everything, at once. */
const benchmarkSettings: SystemSettings = {
  BULKSMS_CARRIER_PROFILE: "answered",
  BULKSMS_CARRIER_SPEED: "max",
  BULKSMS_SWEEP_INTERVAL_MS: "500",
  BULKSMS_LEASE_MS: "10000",
  BULKSMS_SUBMIT_TIMEOUT_MS: "5000",
};
/** Enough for every campaign of a benchmark. */
const toppedUpCredits = "100000000.0";
const endPollMs = 50;

/** Of the carrier; a change starts it anew. */
export interface CarrierMode {
  /** 1: single receipts from a stock HTTP client. */
  receiptsPerBody: number;
  /** Parts a second; 0: no limit. */
  partsPerSecond: number;
  /** Where it brings its receipts when not to the one salesapi. */
  receiptsUrl?: string;
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
  setCarrier(mode: CarrierMode): Promise<void>;
  /** POST /create of a file. */
  create(file: string): Promise<{ id: string; contacts: number; seconds: number }>;
  /** Runs a created campaign to its end. `others`: further processes to be measured, by name. */
  run(created: { id: string; contacts: number }, others?: Record<string, number>): Promise<OurRun>;
  stop(): Promise<void>;
}

export async function startOurs(settings: SystemSettings = {}): Promise<OurSystem> {
  let mode: CarrierMode = { receiptsPerBody: 100, partsPerSecond: 0 };
  const cluster = await startCluster({
    settings: { ...benchmarkSettings, ...settings },
    intervention: { settingsOf: (name, own) => (name === "carrier" ? { ...own, ...settingsOfMode(mode) } : own) },
  });
  const connection = connect(cluster.dataFolder, {});
  const servers = openServers([cluster.settings.BULKSMS_DS_OWNER_URL ?? "", cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? ""]);
  const check = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "benchmark", connections: 1 });
  await topUp(cluster);
  return {
    cluster,
    servers,
    salesdbOwnerUrl: cluster.settings.BULKSMS_SALESDB_OWNER_URL ?? "",
    async setCarrier(next) {
      if (isDeepStrictEqual(settingsOfMode(next), settingsOfMode(mode))) return;
      mode = next;
      await restartCarrier(cluster);
    },
    async create(file) {
      const startedAt = performance.now();
      const { id, contacts } = await connection.create(file, { text: "Hello" });
      return { id, contacts, seconds: (performance.now() - startedAt) / 1_000 };
    },
    run: (created, others = {}) => runToEnd({ cluster, connection, servers, check }, created, others),
    async stop() {
      await Promise.all([connection.close(), servers.close(), check.end({ timeout: 1 })]);
      await cluster.stop();
    },
  };
}

const settingsOfMode = ({ receiptsPerBody, partsPerSecond, receiptsUrl }: CarrierMode): SystemSettings => ({
  BULKSMS_CARRIER_RECEIPTS_PER_BODY: String(receiptsPerBody),
  BULKSMS_CARRIER_MPS_MAX: String(partsPerSecond),
  ...(receiptsUrl === undefined ? {} : { BULKSMS_CARRIER_RECEIPTS_URL: receiptsUrl }),
});

async function topUp(cluster: Cluster): Promise<void> {
  const response = await fetch(`${cluster.urls.webapi}/workspaces/${cluster.workspaceId}/credit`, {
    method: "POST",
    headers: { authorization: `Bearer ${cluster.adminKey}`, "content-type": "application/json" },
    body: JSON.stringify({ amount: toppedUpCredits }),
  });
  if (response.status !== 201) throw new Error(`the top-up was answered ${response.status}: ${await response.text()}`);
}

async function restartCarrier(cluster: Cluster): Promise<void> {
  const before = cluster.pids().carrier;
  cluster.kill("carrier", "SIGTERM");
  await cluster.waitFor("the carrier in its other mode", () => cluster.pids().carrier !== before && cluster.isReady("carrier"));
}

interface Parts {
  cluster: Cluster;
  connection: Connection;
  servers: Servers;
  check: Sql;
}

async function runToEnd(
  { cluster, connection, servers, check }: Parts,
  { id, contacts }: { id: string; contacts: number },
  others: Record<string, number>,
): Promise<OurRun> {
  await servers.settleDown();
  const usage = openUsageMeter({ ...pidsOf(cluster), ...others });
  const walBefore = await servers.walBytes();
  const startedMs = Date.now();
  await connection.callSalesapi("the campaign was not run", "POST", "/run", { bulksms_id: id });
  const endedMs = await untilFinished(check, id, contacts);
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
    lawsBroken: [
      ...laws.laws.filter(({ verdict }) => verdict !== "held").map(({ law }) => law),
      ...(laws.form === "settled" ? [] : ["unsettled"]),
    ],
  };
}

/** Processes and engines. */
function pidsOf(cluster: Cluster): Record<string, number | null> {
  const engines = readSystemState(cluster.dataFolder)?.engines ?? {};
  return { ...cluster.pids(), ...Object.fromEntries(Object.entries(engines).map(([name, { pid }]) => [name, pid])) };
}

/** @returns when the campaign ended, by the database's clock, which is this machine's. @throws when it does not move for a minute */
async function untilFinished(check: Sql, id: string, contacts: number): Promise<number> {
  const stillMaxMs = 60_000;
  let movedAt = performance.now();
  let versionSeen = "";
  for (;;) {
    const [row] = await check<{ status: string; endedAt: Date | null; version: string }[]>`
      select status::text as status, ended_at as "endedAt", version::text as version from bulksms where id = ${id}`;
    if (row?.status === "finished" && row.endedAt !== null) return row.endedAt.getTime();
    if (row !== undefined && row.version !== versionSeen) {
      versionSeen = row.version;
      movedAt = performance.now();
    }
    if (performance.now() - movedAt > stillMaxMs) throw new Error(`campaign ${id} of ${contacts} stands still as ${row?.status}`);
    await new Promise((resolve) => setTimeout(resolve, endPollMs));
  }
}

// The original's way as a system of its own: its databases, its Redis, its processes, and our
// simulated carrier, which tells it the same receipts as ours. Started by the benchmark and by the
// evaluation. What the comparison needs is rebuilt (original.md says what there was); what it does
// not need (gRPC for one look at the credit, migrations, console commands) is left out, which can
// only make it faster.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Queue } from "bullmq";
import { endChild, hasEnded, spawnBound } from "../../../../src/local/engines/bound_process.ts";
import { freePort } from "../../../../src/local/engines/free_port.ts";
import { startPostgresServer } from "../../../../src/local/engines/postgres_server.ts";
import { startRedisServer } from "../../../../src/local/engines/redis_server.ts";
import type { RunningEngine } from "../../../../src/local/engines/running_engine.ts";
import { openPostgres, type Sql } from "../../../../src/platform/postgres.ts";
import { closeRedis, openRedis } from "../../../../src/platform/redis.ts";
import { waitFor } from "../../../../testing/wait_for.ts";
import { type OriginalProcessName, type OriginalSettings, queueName, settingsVariable } from "./words.ts";

export interface OriginalOptions {
  /** Of the carrier. 1: each receipt is a request of its own. */
  receiptsPerBody: number;
  profile: string;
  speed: string;
  seed: number;
  concurrency: number;
  connections: number;
  /** sales_workers side by side. */
  workers: number;
}

/**
 * Tried with 10, 20, 50 and 100 concurrent jobs and with two workers, each twice, on a busy
 * machine: from 20 jobs on, CPU per message was 4.4 to 5.5 ms and did not depend on their number;
 * with 10 jobs, or with two workers, it was higher or equal. Every sent message waits for the
 * single row of its workspace.
 */
export const tunedOptions: OriginalOptions = {
  receiptsPerBody: 100,
  profile: "answered",
  speed: "max",
  seed: 7,
  concurrency: 50,
  connections: 20,
  workers: 1,
};

export interface OriginalSystem {
  options: OriginalOptions;
  ds: Sql;
  salesdb: Sql;
  /** Of every process and engine by name. */
  pids(): Record<string, number>;
  webapiUrl: string;
  /** Of both databases. */
  ownerUrls: readonly string[];
  /** The carrier's data folder: the witness of what really happened. */
  simulatorFolder: string;
  /**
   * A workspace with this credit and a campaign of this many contacts, whose rows are in salesdb.
   */
  create(contacts: number): Promise<OriginalCampaign>;
  run(campaign: OriginalCampaign): Promise<void>;
  /** Resolves when the carrier has sent everything and no job is left. */
  untilQuiet(campaign: OriginalCampaign, limitMs: number): Promise<void>;
  /** Jobs waiting and active. */
  queueDepth(): Promise<number>;
  /** Receipts that its carrier got a 2xx for since it was started. */
  receiptsAnswered(): Promise<number>;
  stop(): Promise<void>;
}

export interface OriginalCampaign {
  id: string;
  workspaceId: string;
  contacts: number;
  /** Credits of its workspace before the run. */
  credit: number;
}

const host = "127.0.0.1";
const compiledProgram = join(import.meta.dirname, "..", "..", "..", "..", "bin", "bulksms.js");
const processMain = join(import.meta.dirname, "main.ts");
const readyMaxMs = 30_000;
const stopMaxMs = 5_000;

export async function startOriginal(options: Partial<OriginalOptions> = {}): Promise<OriginalSystem> {
  const all = { ...tunedOptions, ...options };
  const folder = mkdtempSync(join(tmpdir(), "bulksms-original-"));
  chmodSync(folder, 0o711);
  const children = new Map<string, ChildProcess>();
  const engines = await startEngines(folder);
  const stop = async (): Promise<void> => {
    await Promise.all([...children.values()].map((child) => endChild(child, "SIGTERM", stopMaxMs)));
    await Promise.all(Object.values(engines).map((engine) => engine.stop()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const settings = await settingsOf(engines, all);
    await Promise.all([makeSchema(settings.dsUrl, "ds.sql"), makeSchema(settings.salesdbUrl, "salesdb.sql")]);
    await startProcesses(children, settings, all, join(folder, "simulator"));
    return openSystem({ all, settings, engines, children, simulatorFolder: join(folder, "simulator"), stop });
  } catch (error) {
    await stop();
    throw error;
  }
}

type Engines = Record<"ds" | "salesdb" | "redis", RunningEngine>;

/** The same servers with the same settings as ours, all durability on. */
async function startEngines(folder: string): Promise<Engines> {
  const postgres = (name: string) =>
    startPostgresServer({
      folder: join(folder, name),
      mark: randomUUID(),
      preferredPort: 0,
      password: randomUUID(),
      databases: [name],
    });
  const [ds, salesdb, redis] = await Promise.all([
    postgres("ds"),
    postgres("salesdb"),
    startRedisServer({ folder: join(folder, "redis"), preferredPort: 0 }),
  ]);
  return { ds, salesdb, redis };
}

async function settingsOf(engines: Engines, { concurrency, connections }: OriginalOptions): Promise<OriginalSettings> {
  const taken = new Set<number>();
  const port = async (): Promise<number> => {
    const found = await freePort(host, 0, taken);
    taken.add(found);
    return found;
  };
  return {
    dsUrl: engines.ds.url("ds"),
    salesdbUrl: engines.salesdb.url("salesdb"),
    redisUrl: engines.redis.url("0"),
    webapiPort: await port(),
    salesapiPort: await port(),
    simulatorUrl: `http://${host}:${await port()}`,
    simulatorKey: randomUUID(),
    receiptSecret: randomUUID(),
    concurrency,
    connections,
  };
}

async function makeSchema(url: string, file: string): Promise<void> {
  const sql = openPostgres(url, { applicationName: "original schema", connections: 1 });
  try {
    await sql.unsafe(readFileSync(join(import.meta.dirname, file), "utf8"));
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function startProcesses(
  children: Map<string, ChildProcess>,
  settings: OriginalSettings,
  options: OriginalOptions,
  simulatorFolder: string,
): Promise<void> {
  mkdirSync(simulatorFolder, { recursive: true });
  const environment = inheritedEnvironment();
  const start = async (name: OriginalProcessName, label: string = name): Promise<void> => {
    const child = spawnBound(process.execPath, ["--import", "tsx", processMain, name], "KILL", {
      env: { ...environment, [settingsVariable]: JSON.stringify(settings) },
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.set(label, child);
    await untilReady(child, label, /^ready$/m);
  };
  const carrier = spawn(process.execPath, [compiledProgram, "simulator", "serve"], {
    env: { ...environment, ...simulatorSettings(settings, options, simulatorFolder) },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  children.set("simulator", carrier);
  const workers = Array.from({ length: options.workers }, (_, index) => (index === 0 ? "sales_worker" : `sales_worker ${index + 1}`));
  await Promise.all([
    untilReady(carrier, "simulator", /simulator\.listening/),
    start("webapi"),
    start("salesapi"),
    ...workers.map((label) => start("sales_worker", label)),
  ]);
}

function simulatorSettings(settings: OriginalSettings, options: OriginalOptions, folder: string): Record<string, string> {
  return {
    BULKSMS_SIMULATOR_PORT: new URL(settings.simulatorUrl).port,
    BULKSMS_SIMULATOR_KEY: settings.simulatorKey,
    BULKSMS_SIMULATOR_DATA: folder,
    BULKSMS_SIMULATOR_SEED: String(options.seed),
    BULKSMS_SIMULATOR_PROFILE: options.profile,
    BULKSMS_SIMULATOR_SPEED: options.speed,
    BULKSMS_SIMULATOR_RECEIPTS_URL: `http://${host}:${settings.salesapiPort}/receipts/simulated`,
    BULKSMS_SIMULATOR_RECEIPTS_PER_BODY: String(options.receiptsPerBody),
    BULKSMS_RECEIPT_SECRETS: settings.receiptSecret,
    BULKSMS_LOG_LEVEL: "info",
  };
}

const inheritedEnvironment = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BULKSMS_")));

/** Resolves at the line that says so. @throws when the process ends before */
async function untilReady(child: ChildProcess, label: string, line: RegExp): Promise<void> {
  let said = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-10_000);
  });
  await waitFor(
    `the original's ${label}`,
    () => {
      if (hasEnded(child)) throw new Error(`it ended: ${said}`);
      return line.test(said);
    },
    readyMaxMs,
  );
}

function openSystem(parts: {
  all: OriginalOptions;
  settings: OriginalSettings;
  engines: Engines;
  children: ReadonlyMap<string, ChildProcess>;
  simulatorFolder: string;
  stop(): Promise<void>;
}): OriginalSystem {
  const { settings, children, engines } = parts;
  const ds = openPostgres(settings.dsUrl, { applicationName: "original lab", connections: 2 });
  const salesdb = openPostgres(settings.salesdbUrl, { applicationName: "original lab", connections: 2 });
  const redis = openRedis(settings.redisUrl, { connectionName: "original lab", isBlocking: true });
  const queue = new Queue(queueName, { connection: redis, skipVersionCheck: true });
  const queueDepth = async (): Promise<number> => {
    const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
    return Object.values(counts).reduce((sum, count) => sum + count, 0);
  };
  return {
    options: parts.all,
    ds,
    salesdb,
    webapiUrl: `http://${host}:${settings.webapiPort}`,
    ownerUrls: [settings.dsUrl, settings.salesdbUrl],
    simulatorFolder: parts.simulatorFolder,
    pids: () => ({
      ...Object.fromEntries([...children].map(([name, child]) => [name, child.pid ?? 0])),
      ...Object.fromEntries(Object.entries(engines).map(([name, engine]) => [name, engine.pid])),
    }),
    create: (contacts) => createCampaign({ ds, salesdb }, contacts),
    async run(campaign) {
      const body = { bulksms_id: campaign.id, workspace_id: campaign.workspaceId, text: "Hello" };
      const response = await fetch(`http://${host}:${settings.salesapiPort}/run`, { method: "POST", body: JSON.stringify(body) });
      if (response.status !== 202) throw new Error(`the original's run answered ${response.status}`);
    },
    async untilQuiet(campaign, limitMs) {
      await waitFor(`the original's campaign of ${campaign.contacts}`, () => isQuiet(settings, campaign, queueDepth), limitMs);
    },
    queueDepth,
    receiptsAnswered: async () => (await readStatistics(settings, "")).receipts_answered ?? 0,
    async stop() {
      await Promise.all([ds.end({ timeout: 1 }), salesdb.end({ timeout: 1 })]);
      closeRedis(redis);
      await queue.close().catch(() => {});
      await parts.stop();
    },
  };
}

async function createCampaign({ ds, salesdb }: { ds: Sql; salesdb: Sql }, contacts: number): Promise<OriginalCampaign> {
  const campaign = { id: randomUUID(), workspaceId: randomUUID(), contacts, credit: contacts };
  await ds`insert into workspace (id, name, credit) values (${campaign.workspaceId}, 'original', ${campaign.credit})`;
  await salesdb`insert into bulksms (id, workspace_id, text) values (${campaign.id}, ${campaign.workspaceId}, 'Hello')`;
  await salesdb`
    insert into bulksms_info (bulksms_id, row_no, phone)
    select ${campaign.id}, n, '+35840' || lpad(n::text, 7, '0') from generate_series(1, ${contacts}::int) n`;
  return campaign;
}

/** The carrier has accepted or refused all, has nothing more to tell, and no job waits. */
async function isQuiet(
  settings: OriginalSettings,
  { id, contacts }: OriginalCampaign,
  queueDepth: () => Promise<number>,
): Promise<boolean> {
  // the queue first: it is the last to be empty
  if ((await queueDepth()) > 0) return false;
  const all = await readStatistics(settings, "");
  if ((all.unfinished ?? 1) > 0 || (all.receipts_pending ?? 1) > 0) return false;
  const batch = await readStatistics(settings, `?batch_id=${id}`);
  return (batch.accepted ?? 0) + (batch.rejected ?? 0) >= contacts && (await queueDepth()) === 0;
}

async function readStatistics({ simulatorUrl, simulatorKey }: OriginalSettings, query: string): Promise<Record<string, number>> {
  const headers = { authorization: `Bearer ${simulatorKey}` };
  return (await (await fetch(`${simulatorUrl}/statistics${query}`, { headers })).json()) as Record<string, number>;
}

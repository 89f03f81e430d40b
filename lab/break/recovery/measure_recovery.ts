// Measures how soon a running campaign recovers its rate: after kill -9 of each process, and after
// a wipe of Redis. Called by lab/commands/recovery.ts. One long campaign on the real system with
// the product's own leases, intervals and pauses; the carrier answers at the pace of a network, so
// that it limits the rate, not this machine.
import { type ProcessName, processNames } from "../../../src/contracts/processes.ts";
import { checkLaws, type LawsReport } from "../../../src/laws/check_laws.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { openRedis } from "../../../src/platform/redis.ts";
import { deadlineIn } from "../../../src/platform/time/deadline.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { apiOf, createCampaign, lawSourcesOf, readCampaign, runCampaign, topUpCredit } from "../../../testing/campaigns.ts";
import { type Cluster, startCluster } from "../../../testing/cluster.ts";
import { csvOfMany } from "../../../testing/contacts.ts";
import { type FlowName, type Flows, flowNames, watchFlows } from "./flows.ts";
import { type FlowSample, type Recovery, rateBetween, recoveryOf } from "./recovery_time.ts";

/**
 * `sales_worker, all in hand`: killed while it holds every message of a campaign, so that its
 * leases must expire first.
 */
export type Blow = ProcessName | "redis wiped" | "sales_worker, all in hand";
export const blows: readonly Blow[] = [...processNames, "sales_worker, all in hand", "redis wiped"];

export interface RecoveryOptions {
  rounds: number;
  blows: readonly Blow[];
  onBlow?(measured: MeasuredBlow): void;
}

/** What one fault did. */
export interface MeasuredBlow {
  blow: Blow;
  round: number;
  /** Since the start. */
  atMs: number;
  /** Until the process reported ready again; null: the fault did not hit a process. */
  readyMs: number | null;
  /** Of the long campaign; null where another was hit. */
  flows: Readonly<Record<FlowName, Recovery>> | null;
  /** Of the slowest flow; null: not within the observed time. */
  recoveredMs: number | null;
}

export interface RecoveryReport {
  settings: SystemSettings;
  blows: readonly MeasuredBlow[];
  /** Of the whole run, at its end. */
  laws: LawsReport;
  samples: Flows["samples"];
  /** By the clock of the samples (performance.now). */
  startedAt: number;
  durationMs: number;
}

/** The rate is the mean over this time. */
const beforeMs = 4_000;
/** A longer recovery is a failure, whatever comes later. */
const watchMs = 14_000;
const steadyMaxMs = 120_000;
/**
 * The carrier's throughput on an idle machine: two bodies of 20 at once, 45 ms until their answer.
 */
const messagesPerSecondMax = 800;
const chunkRows = 20;
const chunksAtOnce = 2;

const recoverySettings: SystemSettings = {
  BULKSMS_SIMULATOR_PROFILE: "answered",
  BULKSMS_SIMULATOR_SPEED: "2",
  BULKSMS_CHUNK_ROWS: String(chunkRows),
  BULKSMS_DISPATCH_CONCURRENCY: String(chunksAtOnce),
  BULKSMS_LOG_LEVEL: "warn",
};

/** @throws Error when the system does not start, or its rate never becomes steady */
export async function measureRecovery(options: RecoveryOptions): Promise<RecoveryReport> {
  const startedAt = performance.now();
  const cluster = await startCluster({ defaults: "product", settings: recoverySettings });
  const flows = watchFlows(cluster);
  try {
    const measured: MeasuredBlow[] = [];
    const note = (blow: MeasuredBlow): void => {
      measured.push(blow);
      options.onBlow?.(blow);
    };
    const inCampaign = options.blows.filter((blow) => blow !== "sales_worker, all in hand");
    const bulksmsId = await runLongCampaign(cluster, Math.ceil(options.rounds * inCampaign.length * (beforeMs + watchMs) * 1.3 + 20_000));
    for (let round = 1; round <= options.rounds; round += 1) {
      for (const blow of inCampaign) note(await strike(cluster, flows, { blow, round, startedAt }));
    }
    await cancelRest(cluster, bulksmsId);
    for (let round = 1; round <= options.rounds && inCampaign.length < options.blows.length; round += 1) {
      note(await strikeInHand(cluster, { round, startedAt }));
    }
    return {
      settings: recoverySettings,
      blows: measured,
      laws: await checkLaws(lawSourcesOf(cluster)),
      samples: flows.samples,
      startedAt,
      durationMs: performance.now() - startedAt,
    };
  } finally {
    await flows.stop();
    await cluster.stop();
  }
}

/** Starts one that runs for at least `durationMs`. @returns its id */
async function runLongCampaign(cluster: Cluster, durationMs: number): Promise<string> {
  const contacts = Math.ceil((durationMs * messagesPerSecondMax) / 1_000);
  await topUpCredit(cluster, `${contacts}.0`);
  const { id } = await createCampaign(cluster, csvOfMany(contacts), "Hello");
  await runCampaign(cluster, id);
  return id;
}

interface BlowTime {
  round: number;
  startedAt: number;
}

/** One fault and its aftermath. Waits first until the rate is steady. */
async function strike(
  cluster: Cluster,
  flows: Flows,
  { blow, round, startedAt }: BlowTime & { blow: Exclude<Blow, "sales_worker, all in hand"> },
): Promise<MeasuredBlow> {
  await untilSteady(flows);
  const atMs = performance.now();
  const readyMs = blow === "redis wiped" ? await wipeRedis(cluster) : await killAndWait(cluster, blow);
  await sleep(atMs + watchMs - performance.now());
  const recoveryIn = (name: FlowName) => recoveryOf(flows.samples[name], atMs, beforeMs);
  const byFlow = { submitted: recoveryIn("submitted"), sent: recoveryIn("sent"), charged: recoveryIn("charged") };
  const times = flowNames.map((name) => byFlow[name].recoveredMs).filter((time) => time !== null);
  const recoveredMs = times.length < flowNames.length ? null : Math.max(...times);
  return { blow, round, atMs: atMs - startedAt, readyMs, flows: byFlow, recoveredMs };
}

async function killAndWait(cluster: Cluster, name: ProcessName): Promise<number> {
  const startedAt = performance.now();
  const pid = cluster.pids()[name];
  if (!cluster.kill(name, "SIGKILL")) throw new Error(`${name} is not running`);
  await cluster.waitFor(`${name} to be ready again`, () => cluster.pids()[name] !== pid && cluster.isReady(name));
  return performance.now() - startedAt;
}

async function wipeRedis(cluster: Cluster): Promise<null> {
  const redis = openRedis(cluster.settings.BULKSMS_REDIS_URL ?? "", { connectionName: "lab", isBlocking: true });
  try {
    if ((await redis.dbsize()) === 0) throw new Error("Redis was empty: there was nothing to wipe");
    await redis.flushall();
  } finally {
    redis.disconnect();
  }
  return null;
}

/**
 * A campaign of as many chunks as the worker takes at once; the carrier is frozen, so that all of
 * them are in progress at the kill. Recovered: the first of them moved.
 */
async function strikeInHand(cluster: Cluster, { round, startedAt }: BlowTime): Promise<MeasuredBlow> {
  const salesdb = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "lab recovery", connections: 1 });
  try {
    const { id } = await createCampaign(cluster, csvOfMany(chunkRows * chunksAtOnce), "Hello");
    cluster.kill("simulator", "SIGSTOP");
    await runCampaign(cluster, id);
    await cluster.waitFor("every chunk to be in hand", async () => {
      const rows = await salesdb`select from bulksms_chunk where bulksms_id = ${id} and state = 'leased' and intent_to = last_row`;
      return rows.length === chunksAtOnce;
    });
    const atMs = performance.now();
    const ready = killAndWait(cluster, "sales_worker");
    cluster.kill("simulator", "SIGCONT");
    await cluster.waitFor("the campaign to continue", async () => {
      const rows = await salesdb`select from bulksms_chunk where bulksms_id = ${id} and state = 'done'`;
      return rows.length > 0;
    });
    const recoveredMs = performance.now() - atMs;
    await cluster.waitFor("the campaign to finish", async () => (await readCampaign(cluster, id)).status === "finished");
    return { blow: "sales_worker, all in hand", round, atMs: atMs - startedAt, readyMs: await ready, flows: null, recoveredMs };
  } finally {
    cluster.kill("simulator", "SIGCONT");
    await salesdb.end({ timeout: 1 });
  }
}

/** All flows run, and their last two periods of two seconds differ by less than a sixth. */
async function untilSteady(flows: Flows): Promise<void> {
  const deadline = deadlineIn(steadyMaxMs);
  for (;;) {
    await sleep(250);
    const now = performance.now();
    if (flowNames.every((name) => isSteady(flows.samples[name], now))) return;
    if (deadline.isOver()) throw new Error(`the rate did not become steady: ${JSON.stringify(flows.totals())}`);
  }
}

function isSteady(samples: readonly FlowSample[], now: number): boolean {
  const first = rateBetween(samples, now - beforeMs, now - beforeMs / 2);
  const second = rateBetween(samples, now - beforeMs / 2, now);
  return first > 0 && second > 0 && Math.abs(first - second) < Math.max(first, second) / 6;
}

/**
 * Cancels what is no longer needed, so that everything comes to rest and the laws can be compared
 * as equalities.
 */
async function cancelRest(cluster: Cluster, bulksmsId: string): Promise<void> {
  await apiOf(cluster).command("cancel", bulksmsId);
  await cluster.waitFor("the campaign to end", async () => (await readCampaign(cluster, bulksmsId)).status === "canceled", 300_000);
}

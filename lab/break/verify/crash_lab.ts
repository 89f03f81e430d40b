// A cluster whose processes can be armed with a crash point, with read-only access to both
// databases. Shared by all crash experiments.
import type { FailpointName } from "../../../src/contracts/failpoints.ts";
import type { ProcessName } from "../../../src/contracts/processes.ts";
import { campaignSets } from "../../../src/contracts/states.ts";
import type { SystemSettings } from "../../../src/local/system_settings.ts";
import { openPostgres, type Sql } from "../../../src/platform/postgres.ts";
import { isOpenSql, statusIn } from "../../../src/platform/state_sql.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { dialectSettings } from "../../../testing/carriers.ts";
import { createRandom, deriveSeed } from "../../../testing/random.ts";
import { type LabCluster, startLabCluster } from "../lab_cluster.ts";
import { type Application, startApplication } from "./application.ts";
import { type CrashClient, openCrashClient } from "./crash_client.ts";

export interface CrashLab {
  cluster: LabCluster;
  salesdb: Sql;
  ds: Sql;
  client: CrashClient;
  /** Is told what becomes of texts. */
  application: Application;
  /**
   * Prefix of the names of this experiment's campaigns, so that experiments do not confuse them.
   */
  prefix: string;
  /**
   * Contacts of the campaigns of one experiment: they end one after another, so that others are in
   * flight when the first one ends.
   */
  sizes: readonly number[];
  /** In [0, 1): specific to this experiment, whichever others run. */
  random(): number;
  stop(): Promise<void>;
}

/** A dead import is taken over within seconds; all other settings are the lab's. */
const crashSettings = { BULKSMS_IMPORT_LEASE_MS: "2000" };
/** A start takes a second; on a busy machine it has taken half a minute. */
const readyMaxMs = 90_000;

/** Account of the simulator's SMPP listener through which one script sends. */
export const linkAccount = "lab";

const sizesDefault = [60, 100, 240];

/** @param settings over the lab's; those of crashes within an import unless others are given */
export async function startCrashLab(
  seed: number,
  sizes: readonly number[] = sizesDefault,
  settings: SystemSettings = crashSettings,
): Promise<CrashLab> {
  const own = { BULKSMS_CALLBACK_PRIVATE_TARGETS: "allow", ...(await dialectSettings([linkAccount])) };
  const cluster = await startLabCluster({ settings: { ...settings, ...own }, seed });
  const application = await startApplication();
  const look = { applicationName: "bulksms crash", connections: 2 };
  const salesdb = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", look);
  const ds = openPostgres(cluster.settings.BULKSMS_CHECK_DS_URL ?? "", look);
  return {
    cluster,
    salesdb,
    ds,
    client: openCrashClient(cluster),
    application,
    prefix: "",
    sizes,
    random: createRandom(seed),
    async stop() {
      application.stop();
      await Promise.all([salesdb.end({ timeout: 1 }), ds.end({ timeout: 1 })]);
      await cluster.stop();
    },
  };
}

/**
 * The same lab for one experiment: its own names, and random choices that depend only on the seed
 * and its name.
 */
export function labOf(lab: CrashLab, seed: number, experiment: string): CrashLab {
  const index = [...experiment].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7);
  return { ...lab, prefix: `${experiment} ${Date.now()}`, random: createRandom(deriveSeed(seed, index)) };
}

/**
 * Restarts the process with the crash point; its next start, after the crash, has only `settings`.
 */
export async function arm(lab: CrashLab, process: ProcessName, crashAt: string, settings: SystemSettings = {}): Promise<void> {
  try {
    await restart(lab, process, { ...settings, BULKSMS_CRASH_AT: crashAt });
  } finally {
    lab.cluster.setEnvironment(process, settings as Record<string, string>);
  }
}

/** Kills the process; it restarts with these settings over its own, now and after every death. */
export async function restart({ cluster }: CrashLab, process: ProcessName, settings: SystemSettings = {}): Promise<void> {
  cluster.setEnvironment(process, settings as Record<string, string>);
  const before = cluster.pids()[process];
  cluster.kill(process, "SIGKILL");
  await untilReadyAgain(cluster, process, before);
}

export async function untilReadyAgain(cluster: LabCluster, process: ProcessName, pidBefore: number | null | undefined): Promise<void> {
  await cluster.waitFor(
    `${process} to be ready again`,
    () => cluster.isReady(process) && cluster.pids()[process] !== pidBefore && cluster.pids()[process] !== null,
    readyMaxMs,
  );
}

export interface PointHit {
  name: FailpointName;
  hit: number;
  pid: number;
  /** By performance.now, a few milliseconds late. */
  atMs: number;
}

/**
 * Resolves when a process reports that it acts at this crash point; null when `isOver` comes first.
 */
export async function untilHit(
  { cluster }: CrashLab,
  name: FailpointName,
  eventsBefore: number,
  isOver: () => boolean,
): Promise<PointHit | null> {
  for (let seen = eventsBefore; ; ) {
    for (; seen < cluster.events.length; seen++) {
      const event = cluster.events[seen];
      if (event?.type !== "line" || event.stream !== "stderr" || !event.line.startsWith('{"event":"failpoint.')) continue;
      const said = JSON.parse(event.line) as Omit<PointHit, "atMs">;
      if (said.name === name) return { name, hit: said.hit, pid: said.pid, atMs: performance.now() };
    }
    if (isOver()) return null;
    await sleep(5);
  }
}

/**
 * Messages that the carrier may have and whose end is unknown: what a crash could lose or
 * duplicate.
 */
export async function countInFlight({ salesdb }: CrashLab): Promise<number> {
  const [row] = await salesdb<{ messages: number }[]>`
    select count(*)::int as messages from bulksms b
    join bulksms_chunk c on c.bulksms_id = b.id
    join bulksms_info m on m.bulksms_id = b.id and m.row_no between c.first_row and c.intent_to
    where ${statusIn(salesdb, "b.status", campaignSets.open)} and ${isOpenSql(salesdb, "m.status")}`;
  return row?.messages ?? 0;
}

// The crash points that are not a kill at a place in the code (C34 to C40): connections cut after a
// COMMIT, engines that stop or lose data, frozen workers, two of everything.
import { deepEqual, equal, ok } from "node:assert/strict";
import { type Jobs, settlesPerJobMax } from "../../../src/contracts/jobs.ts";
import { databaseNames, type ProcessName } from "../../../src/contracts/processes.ts";
import type { SettingName } from "../../../src/contracts/settings.ts";
import { campaignSets, isCampaignIn, messageSets } from "../../../src/contracts/states.ts";
import { openQueue } from "../../../src/platform/queue.ts";
import { openRedis } from "../../../src/platform/redis.ts";
import { statusIn, sumOfCounters } from "../../../src/platform/state_sql.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import { readMetric } from "../../../testing/campaigns.ts";
import { openCommitCutter } from "../../../testing/links/commit_cutter.ts";
import { postgresStopped } from "../faults/postgres.ts";
import { redisLostTail, redisWiped } from "../faults/redis.ts";
import type { Fault } from "../stage/scenario.ts";
import { arm, type CrashLab, countInFlight, restart, untilHit } from "./crash_lab.ts";
import type { PointName } from "./crash_points.ts";
import { brokenLaws, type CrashRow, untilMoving } from "./crash_row.ts";
import { type ScriptedCampaign, scripts, untilEnded, untilInFlight } from "./crash_scripts.ts";

export interface CrashExperiment {
  point: PointName;
  where: string;
  process: string;
  /**
   * Runs beside the campaigns from their start; sets what the row shows.
   * @throws AssertionError when something is wrong
   */
  disturb(scene: Scene): Promise<void>;
}

interface Scene {
  lab: CrashLab;
  row: CrashRow;
  /** Grows as campaigns are created. */
  campaigns: readonly ScriptedCampaign[];
  /** Resolves when messages are in flight. */
  untilInFlight(): Promise<void>;
  /** Resolves when all campaigns have ended. */
  untilEnded(): Promise<void>;
}

/**
 * Share of commits whose answer is cut: high enough to hit each kind, low enough that five tries
 * succeed.
 */
const cutShares: Partial<Record<ProcessName, number>> = { salesapi: 0.15, sales_worker: 0.15, rpc: 0.4, general_worker: 0.3 };
const databaseSettings = {
  salesapi: "BULKSMS_SALESAPI_DATABASE_URL",
  sales_worker: "BULKSMS_SALES_WORKER_DATABASE_URL",
  rpc: "BULKSMS_RPC_DATABASE_URL",
  general_worker: "BULKSMS_GENERAL_WORKER_DATABASE_URL",
} as const satisfies Partial<Record<ProcessName, SettingName>>;

export const experiments: readonly CrashExperiment[] = [
  ...(Object.keys(databaseSettings) as (keyof typeof databaseSettings)[]).map(commitsCut),
  ...databaseNames.map((name) => engineFault("C35", name, "stopped at once", postgresStopped(name))),
  engineFault("C36", "redis", "everything forgotten", redisWiped),
  engineFault("C36", "redis", "last third of its file lost", redisLostTail),
  frozen("intent_committed"),
  frozen("submit_begins"),
  frozen("submit_answered"),
  { point: "C38", where: "three sweepers, three relays", process: "sales_worker", disturb: workAsThree },
  { point: "C39", where: "each settle four times, two workers", process: "general_worker", disturb: settleTogether },
  { point: "C40", where: "charges held back, then sent again", process: "general_worker", disturb: settleLate },
];

export async function performExperiment(lab: CrashLab, { point, where, process, disturb }: CrashExperiment): Promise<CrashRow> {
  const row: CrashRow = { point, where, process, hit: null, hitsSeen: 0, inFlight: 0, recoveredMs: null, verdict: "held", reasons: [] };
  const campaigns: ScriptedCampaign[] = [];
  let begin = (): void => {};
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const working = begun
    .then(() => scripts.send.work(lab, campaigns))
    .then(() =>
      untilEnded(
        lab,
        campaigns.map(({ id }) => id),
      ),
    );
  working.catch(() => {});
  const scene: Scene = {
    lab,
    row,
    campaigns,
    async untilInFlight() {
      begin();
      await lab.cluster.waitFor("a first campaign", () => campaigns.length > 0);
      await untilInFlight(lab, campaigns[0] as ScriptedCampaign);
    },
    untilEnded() {
      begin();
      return working;
    },
  };
  try {
    await disturb(scene);
    await working;
    await scripts.send.expects(lab, campaigns);
    row.reasons.push(...(await brokenLaws(lab)));
  } catch (error) {
    row.reasons.push(error instanceof Error ? error.message : String(error));
  }
  if (row.reasons.length > 0) row.verdict = "BROKE";
  else if (row.hitsSeen === 0) row.verdict = "not hit";
  return row;
}

/** C34. A process whose commits succeed, while some of their answers are lost. */
function commitsCut(process: keyof typeof databaseSettings): CrashExperiment {
  return {
    point: "C34",
    where: "COMMIT done, connection cut",
    process,
    async disturb({ lab, row, untilInFlight: inFlight, untilEnded: ended }) {
      const setting = databaseSettings[process];
      const url = new URL(lab.cluster.settings[setting] ?? "");
      const cutter = await openCommitCutter({ host: url.hostname, port: Number(url.port) }, () => lab.random() < (cutShares[process] ?? 0));
      try {
        url.port = String(cutter.port);
        await restart(lab, process, { [setting]: url.href });
        await inFlight();
        row.inFlight = await countInFlight(lab);
        await ended();
      } finally {
        row.hitsSeen = cutter.cuts();
        cutter.rest();
        await restart(lab, process);
        await cutter.close();
      }
    },
  };
}

/** C35, C36. */
function engineFault(point: PointName, engine: string, description: string, fault: Fault): CrashExperiment {
  return {
    point,
    where: `${engine} ${description}`,
    process: engine,
    async disturb({ lab, row, campaigns, untilInFlight: inFlight }) {
      await inFlight();
      await sleep(500 * lab.random());
      row.inFlight = await countInFlight(lab);
      const bulksmsIds = campaigns.map(({ id }) => id);
      const begunAt = performance.now();
      const never = () => Promise.reject(new Error("these faults wait for nothing"));
      const { cluster, random } = lab;
      const stage = {
        cluster,
        links: cluster.links,
        bulksmsIds,
        random,
        untilInFlight: never,
        untilEnded: never,
        inflict: never,
        note() {},
      };
      const end = await fault.begin(stage);
      row.hitsSeen = (await end()).touches;
      await untilMoving(lab);
      row.recoveredMs = performance.now() - begunAt;
    },
  };
}

/**
 * C37. A worker freezes in the middle of a chunk, another takes the chunk over when its lease has
 * expired, then the first one wakes. Frozen before its last check of the clock, it submits nothing
 * more; frozen after it, the carrier repeats its verdicts.
 */
function frozen(name: "intent_committed" | "submit_begins" | "submit_answered"): CrashExperiment {
  return {
    point: "C37",
    where: `frozen at ${name}`,
    process: "sales_worker",
    async disturb({ lab, row, campaigns, untilInFlight: inFlight, untilEnded: ended }) {
      const { cluster } = lab;
      const hit = 1 + Math.floor(lab.random() * 4);
      const eventsBefore = cluster.events.length;
      await arm(lab, "sales_worker", `${name}:${hit}:freeze`);
      const other = await cluster.startAnother("sales_worker");
      let isOver = false;
      const frozenOne = untilHit(lab, name, eventsBefore, () => isOver);
      await inFlight();
      const ending = ended().finally(() => {
        isOver = true;
      });
      ending.catch(() => {});
      const found = await frozenOne;
      if (found !== null) {
        const held = await readLeases(lab, campaigns);
        row.inFlight = await countInFlight(lab);
        await cluster.waitFor("its chunks to be taken over", async () => {
          const left = (await readLeases(lab, campaigns)).filter(({ owner }) => held.some((before) => before.owner === owner));
          if (left.length > 0) throw new Error(JSON.stringify(left));
          return true;
        });
        row.recoveredMs = performance.now() - found.atMs;
        row.hitsSeen = found.hit;
        ok(cluster.kill("sales_worker", "SIGCONT"), "the frozen worker is gone");
      }
      await ending;
      const batches = await Promise.all(campaigns.map((campaign) => lab.client.batch(campaign.id)));
      ok(
        batches.every(({ repeats_differing: differing }) => differing === 0),
        "a repeat carried another message",
      );
      if (name === "submit_begins") {
        const repeats = batches.reduce((sum, batch) => sum + (batch.repeats ?? 0), 0);
        ok(repeats > 0, "the worker that woke should have submitted its body once more");
      }
      await other.stop();
      await restart(lab, "sales_worker");
    },
  };
}

/** Leases, valid or expired, of chunks that are not done. */
async function readLeases({ salesdb }: CrashLab, campaigns: readonly ScriptedCampaign[]): Promise<{ owner: string; until: Date }[]> {
  return salesdb<{ owner: string; until: Date; campaign: string }[]>`
    select c.lease_owner as owner, c.lease_until as until, b.status::text as campaign from bulksms_chunk c join bulksms b on b.id = c.bulksms_id
    where c.bulksms_id = any (${campaigns.map(({ id }) => id)}::uuid[]) and c.state = 'leased'`;
}

/**
 * C38. No doorbell arrives, because Redis is wiped all the time: three sweepers find all work from
 * the rows, side by side.
 */
async function workAsThree({ lab, row, untilInFlight: inFlight, untilEnded: ended }: Scene): Promise<void> {
  const { cluster } = lab;
  const others = [await cluster.startAnother("sales_worker"), await cluster.startAnother("sales_worker")];
  const urls = [cluster.urls.sales_worker, ...others.map(({ url }) => url)];
  await inFlight();
  row.inFlight = await countInFlight(lab);
  // blocking clients wait for their connection
  const redis = openRedis(cluster.settings.BULKSMS_REDIS_URL ?? "", { connectionName: "lab", isBlocking: true });
  let isOver = false;
  const wiping = (async () => {
    while (!isOver) {
      await redis.flushall();
      await sleep(300);
    }
  })();
  try {
    await Promise.all([wiping, ended().finally(() => (isOver = true))]);
  } finally {
    redis.disconnect();
  }
  const relayed = await Promise.all(urls.map((url) => readMetric(url, "outbox_relayed_total")));
  row.hitsSeen = relayed.filter((rows) => rows > 0).length;
  ok(row.hitsSeen >= 2, `only ${row.hitsSeen} of 3 workers relayed charges (${relayed.join(", ")})`);
  await Promise.all(others.map((other) => other.stop()));
}

const redisOptions = ({ cluster }: CrashLab) => ({
  redisUrl: cluster.settings.BULKSMS_REDIS_URL ?? "",
  namespace: cluster.settings.BULKSMS_REDIS_NAMESPACE ?? "bulksms",
});

interface OutboxRow {
  id: string;
  holdId: string;
  amount: bigint;
}

/** One job per hold, as the relay splits them. */
function settleJobs(rows: readonly OutboxRow[]): Jobs["general"]["settle_credit"][] {
  return [...new Set(rows.map(({ holdId }) => holdId))].map((holdId) => ({
    hold_id: holdId,
    settles: rows
      .filter((row) => row.holdId === holdId)
      .slice(0, settlesPerJobMax)
      .map(({ id, amount }) => ({ outbox_id: id, amount_milli: String(amount) })),
  }));
}

async function readOutbox({ salesdb }: CrashLab, campaigns: readonly ScriptedCampaign[]): Promise<OutboxRow[]> {
  return salesdb<OutboxRow[]>`
    select id, hold_id as "holdId", amount from credit_outbox where bulksms_id = any (${campaigns.map(({ id }) => id)}::uuid[])`;
}

/**
 * C39. Every outbox row is sent to two workers four times at once, while they also get it from the
 * relay.
 */
async function settleTogether({ lab, row, campaigns, untilInFlight: inFlight, untilEnded: ended }: Scene): Promise<void> {
  const other = await lab.cluster.startAnother("general_worker");
  const urls = [lab.cluster.urls.general_worker, other.url];
  const repeatsOf = () => Promise.all(urls.map((url) => readMetric(url, "settles_total", 'result="repeated"')));
  const before = await repeatsOf();
  const queue = openQueue("general", redisOptions(lab));
  await inFlight();
  row.inFlight = await countInFlight(lab);
  let isOver = false;
  const told = new Set<string>();
  const ringing = (async () => {
    while (!isOver) {
      const fresh = (await readOutbox(lab, campaigns)).filter(({ id }) => !told.has(id));
      for (const { id } of fresh) told.add(id);
      for (const job of settleJobs(fresh)) for (let time = 0; time < 4; time++) queue.ring("settle_credit", job);
      await sleep(20);
    }
  })();
  await Promise.all([ringing, ended().finally(() => (isOver = true))]);
  await untilQueueIsEmpty(lab, queue);
  const after = await repeatsOf();
  row.hitsSeen = after.reduce((sum, repeats, index) => sum + repeats - (before[index] ?? 0), 0);
  await queue.close();
  await other.stop();
}

/**
 * C40. general_worker freezes between the ledger and its answer: every message ends, and no hold
 * may be released, because the ledger's answer is missing. At the end every charge is sent once
 * more: late settles against closed holds move nothing.
 */
async function settleLate({ lab, row, campaigns, untilInFlight: inFlight, untilEnded: ended }: Scene): Promise<void> {
  const { cluster } = lab;
  const eventsBefore = cluster.events.length;
  await arm(lab, "general_worker", "settle_committed:1:freeze");
  const found = untilHit(lab, "settle_committed", eventsBefore, () => false);
  await inFlight();
  const ending = ended();
  ending.catch(() => {});
  const hit = await found;
  row.inFlight = await countInFlight(lab);
  await cluster.waitFor("every message to end", async () => {
    const [open] = await lab.salesdb<{ messages: number; campaigns: number }[]>`
      select coalesce(sum(${sumOfCounters(lab.salesdb, "b", messageSets.open)}), 0)::int as messages, count(*)::int as campaigns
      from bulksms b where id = any (${campaigns.map(({ id }) => id)}::uuid[])`;
    return open?.campaigns === lab.sizes.length && open.messages === 0;
  });
  await sleep(1_000);
  const settling = campaignSets.held.filter((status) => !isCampaignIn("open", status));
  const [settled] = await lab.salesdb<{ campaigns: number }[]>`
    select count(*)::int as campaigns from bulksms where id = any (${campaigns.map(({ id }) => id)}::uuid[]) and ${statusIn(lab.salesdb, "status", settling)}`;
  equal(settled?.campaigns, 0, "a campaign has settled before its charges were confirmed");
  ok(cluster.kill("general_worker", "SIGCONT"), "the frozen worker is gone");
  row.hitsSeen = hit?.hit ?? 0;
  await ending;
  row.recoveredMs = hit === null ? null : performance.now() - hit.atMs;

  const before = await readLedger(lab);
  const queue = openQueue("general", redisOptions(lab));
  const jobs = settleJobs(await readOutbox(lab, campaigns));
  await cluster.waitFor("the late settles to be answered", async () => {
    for (const job of jobs) queue.ring("settle_credit", job);
    return (await readMetric(cluster.urls.general_worker, "settles_total", 'result="repeated"')) > 0;
  });
  await untilQueueIsEmpty(lab, queue);
  await queue.close();
  deepEqual(await readLedger(lab), before, "a late settle moved credit");
  await restart(lab, "general_worker");
}

async function readLedger({ ds }: CrashLab): Promise<unknown> {
  return ds`
    select (select count(*) from credit_ledger) as entries, (select sum(version) from workspace) as versions,
      (select count(*) from settle_refused) as refused`;
}

async function untilQueueIsEmpty({ cluster }: CrashLab, queue: ReturnType<typeof openQueue<"general">>): Promise<void> {
  await cluster.waitFor("the queue to be empty", async () => {
    const counts = await queue.counts();
    return (counts.waiting ?? 0) + (counts.active ?? 0) === 0;
  });
}

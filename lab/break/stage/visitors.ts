// People who use the system while a scenario breaks it: they read, top up, send small campaigns and
// watch over a WebSocket, and repeat unanswered requests with the same Idempotency-Key. This gives
// every link traffic, and proves that repeated requests have one effect.
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import { campaignSets } from "../../../src/contracts/states.ts";
import { openPostgres } from "../../../src/platform/postgres.ts";
import { statusNotIn } from "../../../src/platform/state_sql.ts";
import { within } from "../../../src/platform/time/deadline.ts";
import { sleep } from "../../../src/platform/time/sleep.ts";
import type { Answer } from "../../../testing/api_client.ts";
import { apiOf, csvOf } from "../../../testing/campaigns.ts";
import type { LabCluster } from "../lab_cluster.ts";

export interface Visitors {
  /**
   * Finishes every request in progress and waits for every small campaign to end.
   * @throws Error naming what was answered wrongly, not at all, or counted twice
   */
  conclude(): Promise<void>;
  /** Stops at once, without finishing anything. */
  close(): Promise<void>;
}

const pauseMs = 150;
/**
 * A request without an answer for this long counts as unanswered; the endpoints promise one within
 * 2 s.
 */
const answerMaxMs = 10_000;
/** Limit for everything still in progress when the faults are over. */
const concludeMaxMs = 60_000;
const smallContacts = 5;
const topUpCredits = "0.1";
const topUpMilli = 100;

interface Errands {
  cluster: LabCluster;
  isOver(): boolean;
  /** Answers that no fault excuses. */
  wrong: string[];
  topUps: number;
  campaigns: Set<string>;
}

/** @param bulksmsId of a campaign to read */
export async function openVisitors(cluster: LabCluster, bulksmsId: string): Promise<Visitors> {
  const before = await readTopUps(cluster);
  let isLeaving = false;
  let isClosed = false;
  const errands: Errands = { cluster, isOver: () => isClosed, wrong: [], topUps: 0, campaigns: new Set() };
  const visitor = async (errand: () => Promise<void>): Promise<void> => {
    while (!isLeaving) {
      await errand();
      await sleep(pauseMs);
    }
  };
  const visiting = Promise.all([
    visitor(() => readOnce(errands, bulksmsId)),
    visitor(() => topUpOnce(errands)),
    visitor(() => sendOnce(errands)),
    visitor(() => watchOnce(errands, bulksmsId)),
  ]);
  // conclude reports their errors; they must not count as unhandled rejections
  visiting.catch(() => {});
  return {
    async conclude() {
      isLeaving = true;
      await inTime(visiting, "requests to be answered after their repeats");
      await cluster.waitFor("the visitors' campaigns to end", () => haveEnded(cluster, errands.campaigns), concludeMaxMs);
      const after = await readTopUps(cluster);
      const added = { count: after.count - before.count, milli: after.milli - before.milli };
      if (added.count !== errands.topUps || added.milli !== errands.topUps * topUpMilli)
        errands.wrong.push(`${errands.topUps} top-ups were requested, the ledger has ${added.count} of ${added.milli} milli-credits`);
      if (errands.wrong.length > 0) throw new Error(`visitors: ${errands.wrong.slice(0, 5).join("; ")}`);
    },
    async close() {
      isLeaving = true;
      isClosed = true;
      await visiting;
    },
  };
}

async function readOnce(errands: Errands, bulksmsId: string): Promise<void> {
  const api = apiOf(errands.cluster, { timeoutMs: answerMaxMs });
  await ask(errands, "GET credit", () => api.credit(errands.cluster.workspaceId));
  await ask(errands, "GET campaign", () => api.campaign(bulksmsId));
}

async function topUpOnce(errands: Errands): Promise<void> {
  const { workspaceId, adminKey: key } = errands.cluster;
  const idempotencyKey = randomUUID();
  errands.topUps += 1;
  const api = apiOf(errands.cluster, { key, timeoutMs: answerMaxMs });
  await askUntilDone(errands, "POST credit", () => api.topUp(workspaceId, topUpCredits, idempotencyKey));
}

async function sendOnce(errands: Errands): Promise<void> {
  const name = randomUUID();
  const api = apiOf(errands.cluster, { timeoutMs: answerMaxMs });
  const fields = { text: "Hello {first_name}", name };
  const created = await askUntilDone(errands, "POST create", () => api.create(csvOf(smallContacts), fields, name));
  if (created === null) return;
  errands.campaigns.add(created.id);
  // 409: an earlier one, whose answer was lost, had its effect
  await askUntilDone(errands, "POST run", () => api.command("run", created.id), [409]);
}

/**
 * Subscribes, waits for the first update of each topic, disconnects. No socket is promised while
 * webapi or Redis is away.
 */
async function watchOnce({ cluster }: Errands, bulksmsId: string): Promise<void> {
  const url = new URL("/ws", (cluster.urls.webapi ?? "").replace(/^http/, "ws"));
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${cluster.apiKey}` }, handshakeTimeout: 2_000 });
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 3_000);
    const topics = new Set<string>();
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    socket.on("open", () => {
      const subscribe = [
        { topic: "bulksms_progress", channel: bulksmsId },
        { topic: "workspace_credit", channel: cluster.workspaceId },
      ];
      socket.send(JSON.stringify({ subscribe }));
    });
    socket.on("message", (data) => {
      topics.add((JSON.parse(data.toString()) as { topic: string }).topic);
      if (topics.size === 2) done();
    });
    socket.on("error", done);
    socket.on("close", done);
  });
  socket.terminate();
}

/** Until 2xx, or another status that says that it was done. Null when the run was given up. */
async function askUntilDone<T>(
  errands: Errands,
  what: string,
  request: () => Promise<Answer<T>>,
  alsoDone: readonly number[] = [],
): Promise<T | null> {
  while (!errands.isOver()) {
    const answer = await ask(errands, what, request);
    if (answer !== null && (answer.status < 300 || alsoDone.includes(answer.status))) return answer.body;
    await sleep(pauseMs);
  }
  return null;
}

/**
 * Null: no answer, as from a listener that is down. Notes answers that no fault excuses: a 500, a
 * refusal without a code.
 */
async function ask<T>(errands: Errands, what: string, request: () => Promise<Answer<T>>): Promise<Answer<T> | null> {
  try {
    const answer = await request();
    const { code } = answer.body;
    const isWrong = answer.status === 500 || (answer.status >= 400 && typeof code !== "string");
    if (isWrong) errands.wrong.push(`${what} answered ${answer.status}: ${JSON.stringify(answer.body).slice(0, 200)}`);
    return answer;
  } catch {
    return null;
  }
}

async function haveEnded(cluster: LabCluster, bulksmsIds: ReadonlySet<string>): Promise<boolean> {
  const sql = openPostgres(cluster.settings.BULKSMS_CHECK_SALESDB_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  try {
    const rows = await sql<{ id: string; status: string; last_error: string | null }[]>`
      select id, status::text, last_error from bulksms
      where id = any(${[...bulksmsIds]}) and ${statusNotIn(sql, "status", campaignSets.ended)}`;
    if (rows.length > 0) throw new Error(JSON.stringify(rows.slice(0, 3)));
    return true;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function readTopUps(cluster: LabCluster): Promise<{ count: number; milli: number }> {
  const sql = openPostgres(cluster.settings.BULKSMS_CHECK_DS_URL ?? "", { applicationName: "bulksms lab", connections: 1 });
  try {
    const [row] = await sql<{ count: bigint; milli: bigint }[]>`
      select count(*), coalesce(sum(amount), 0)::bigint as milli from credit_ledger
      where kind = 'top_up' and workspace_id = ${cluster.workspaceId}`;
    return { count: Number(row?.count ?? 0), milli: Number(row?.milli ?? 0) };
  } finally {
    await sql.end({ timeout: 1 });
  }
}

async function inTime(work: Promise<unknown>, what: string): Promise<void> {
  await within(concludeMaxMs, work, () => new Error(`waited ${concludeMaxMs} ms for ${what}, without success`));
}

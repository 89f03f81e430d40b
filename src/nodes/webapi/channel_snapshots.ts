// Where the state of a channel is read: a workspace's credit from our database, a campaign's
// progress from salesapi, the processes from what they published. Says who may see it.

import { progressAnswer } from "../../contracts/campaign_reads.ts";
import { isAppError } from "../../contracts/errors.ts";
import { type ChannelName, systemChannel, type TopicName, type TopicUpdates } from "../../contracts/topics.ts";
import { toCreditUpdate } from "../../credit/credit_update.ts";
import { readWorkspaces, workspacesPerReadMax } from "../../credit/workspaces.ts";
import type { HttpClient } from "../../platform/http_client.ts";
import { isConnectionError, isRetryable, type Sql } from "../../platform/postgres.ts";
import { eachInSlots } from "../../platform/time/slots.ts";
import type { LawsBoard } from "./laws_board.ts";
import type { SystemBoard } from "./system_board.ts";

/**
 * `workspaceId`: whose it is; null: of the whole installation, and no key of one workspace may see
 * it.
 */
export type Snapshot = { [T in TopicName]: { topic: T; channel: string; workspaceId: string | null; update: TopicUpdates[T] } }[TopicName];

/**
 * "absent": there is no such channel. "unavailable": the process that knows does not answer now;
 * try again later.
 */
export type SnapshotResult = Snapshot | "absent" | "unavailable";

export interface ChannelSnapshots {
  /** One result per name, in their order. Never throws for a dependency that is away. */
  read(names: readonly ChannelName[]): Promise<SnapshotResult[]>;
}

/** Asked of salesapi at once; more would only wait in its queue. */
const progressReadsAtOnce = 8;

export interface ChannelSnapshotsOptions {
  sql: Sql;
  salesapi: HttpClient;
  internalToken: string;
  board: SystemBoard;
  lawsBoard: LawsBoard;
}

export function createChannelSnapshots(options: ChannelSnapshotsOptions): ChannelSnapshots {
  const readers: Record<TopicName, (channels: string[]) => Promise<Map<string, SnapshotResult>>> = {
    workspace_credit: (channels) => readCredits(options.sql, channels),
    bulksms_progress: (channels) => readProgresses(options, channels),
    // what the processes do is not a customer's business: load and rates of all workspaces together
    system_stats: async () =>
      new Map([[systemChannel, { topic: "system_stats", channel: systemChannel, workspaceId: null, update: options.board.picture() }]]),
    // broken rows of all workspaces are named
    laws: async () =>
      new Map([[systemChannel, { topic: "laws", channel: systemChannel, workspaceId: null, update: options.lawsBoard.last() }]]),
  };
  return {
    async read(names) {
      const byTopic = new Map<TopicName, Set<string>>();
      for (const { topic, channel } of names) byTopic.set(topic, (byTopic.get(topic) ?? new Set()).add(channel));
      const results = new Map<TopicName, Map<string, SnapshotResult>>();
      await Promise.all([...byTopic].map(async ([topic, channels]) => results.set(topic, await readers[topic]([...channels]))));
      return names.map(({ topic, channel }) => results.get(topic)?.get(channel) ?? "absent");
    },
  };
}

async function readCredits(sql: Sql, workspaceIds: string[]): Promise<Map<string, SnapshotResult>> {
  const results = new Map<string, SnapshotResult>();
  for (let start = 0; start < workspaceIds.length; start += workspacesPerReadMax) {
    const ids = workspaceIds.slice(start, start + workspacesPerReadMax);
    try {
      for (const balance of await readWorkspaces(sql, ids)) {
        const { workspaceId } = balance;
        results.set(workspaceId, { topic: "workspace_credit", channel: workspaceId, workspaceId, update: toCreditUpdate(balance) });
      }
    } catch (error) {
      if (!isRetryable(error) && !isConnectionError(error)) throw error;
      for (const id of ids) results.set(id, "unavailable");
    }
  }
  return results;
}

async function readProgresses(
  options: { salesapi: HttpClient; internalToken: string },
  bulksmsIds: string[],
): Promise<Map<string, SnapshotResult>> {
  const results = new Map<string, SnapshotResult>();
  let isSilent = false;
  await eachInSlots(bulksmsIds, progressReadsAtOnce, async (id) => {
    // a process that does not answer for one will not for the next: nobody waits longer than one
    // time-out
    const result = isSilent ? "silent" : await readProgress(options, id);
    if (result === "silent") isSilent = true;
    results.set(id, result === "silent" ? "unavailable" : result);
  });
  return results;
}

async function readProgress(
  { salesapi, internalToken }: { salesapi: HttpClient; internalToken: string },
  bulksmsId: string,
): Promise<SnapshotResult | "silent"> {
  try {
    const { status, body } = await salesapi.request({
      method: "GET",
      path: `/internal/progress/${bulksmsId}`,
      headers: { authorization: `Bearer ${internalToken}` },
    });
    if (status === 404) return "absent";
    const answer = progressAnswer.safeParse(body);
    if (status !== 200 || !answer.success) return "unavailable";
    return { topic: "bulksms_progress", channel: bulksmsId, workspaceId: answer.data.workspace_id, update: answer.data.update };
  } catch (error) {
    if (isAppError(error, "service_unavailable", "deadline_exceeded")) return "silent";
    throw error;
  }
}

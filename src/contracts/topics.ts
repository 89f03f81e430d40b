// Pub/sub on Redis, and the WebSocket that carries it on: topics, payloads, the socket's messages.
// Publishers: rpc, general_worker, webapi for top-ups (workspace_credit), salesapi, sales_worker
// (bulksms_progress), every process that uses Redis (system_stats), `bulksms check --watch` (laws).
// Reader: webapi, and through it every client.
import { z } from "zod";
import { processNames } from "./processes.ts";
import { bulksmsStatuses, type MessageStatus, messageStatuses } from "./states.ts";

/**
 * A topic has channels; a channel is named by the id of its subject; system_stats and laws have
 * one, for the whole system.
 */
export const topicNames = ["workspace_credit", "bulksms_progress", "system_stats", "laws"] as const;
export type TopicName = (typeof topicNames)[number];

const credits = z.string();
const count = z.number().int().nonnegative();

/** Channel: workspace id. `credit` is what a person calls the credit: available + held. */
export const workspaceCreditUpdate = z.object({
  workspace_id: z.uuid(),
  credit: credits,
  available: credits,
  held: credits,
  spent: credits,
  /** Grows with every change: a reader drops what is not newer. */
  version: count,
});

/** Channel: bulksms id. */
export const bulksmsProgressUpdate = z.object({
  bulksms_id: z.uuid(),
  status: z.enum(bulksmsStatuses),
  contacts: count,
  parts_sent: count,
  /** What the sent messages cost. */
  charged: credits,
  counts: z.object(Object.fromEntries(messageStatuses.map((status) => [status, count])) as Record<MessageStatus, typeof count>),
  /** Of those expired: sent and charged, and no receipt comes from there. */
  unconfirmed: count,
  version: count,
});

/**
 * The only channel of system_stats and of laws: who watches the system cannot know its process ids
 * before.
 */
export const systemChannel = "all";

const amount = z.number().nonnegative();

/** What one process measured of itself since its last update, about a second ago. */
export const processStats = z.object({
  process: z.enum(processNames),
  pid: count,
  /**
   * Tells processes of one name apart, also where each container has pid 1; another one after a
   * restart.
   */
  instance: z.string().max(100),
  uptime_s: count,
  /**
   * Share of one core, user and system: 1 is one core busy, more is possible (garbage collection,
   * TLS and files have threads of their own).
   */
  cpu: amount,
  rss_bytes: count,
  heap_bytes: count,
  /** How late the event loop was. */
  loop_delay_p50_ms: amount,
  loop_delay_p99_ms: amount,
  /**
   * Growth per second of each of the process's own counters, by its name in /metrics without
   * `bulksms_` and `_total`.
   */
  rates: z.record(z.string(), amount),
  /** What waits or is in hand now, by its name in /metrics without `bulksms_`. */
  levels: z.record(z.string(), amount),
  /**
   * Since it was last heard of; 0 from the process itself. One that is silent for three seconds is
   * dead, frozen or cut off.
   */
  silent_ms: count,
});
export type ProcessStats = z.infer<typeof processStats>;

/**
 * Channel: `all`. A process publishes itself alone; what a socket hears has all that were heard of
 * within the last minute.
 */
export const systemStatsUpdate = z.object({ processes: z.array(processStats), version: count });

/** Rows that one law names at most in an update; `broken_count` has all. */
export const lawRowsShownMax = 20;

/** What one law was found to be. `unknown`: in the last pass a database did not answer. */
export const lawState = z.object({
  law: z.string().max(10),
  title: z.string().max(500),
  verdict: z.enum(["held", "broken", "nothing_to_check", "unknown"]),
  rows_compared: count,
  broken: z.array(z.object({ row: z.string().max(500), description: z.string().max(1_000) })).max(lawRowsShownMax),
  broken_count: count,
});
export type LawState = z.infer<typeof lawState>;

/**
 * Channel: `all`. The audit's last pass over the whole system; before the first one `laws` is empty
 * and `checked_at` null.
 */
export const lawsUpdate = z.object({
  laws: z.array(lawState).max(20),
  /**
   * settled: nothing was in flight, each law an equality; running: an inequality that holds at
   * every moment.
   */
  form: z.enum(["settled", "running"]),
  /** Whether the simulator's journal was there to compare with. */
  has_journal: z.boolean(),
  /** When the last complete pass ended, RFC 3339. */
  checked_at: z.string().nullable(),
  took_ms: count,
  /** How old this was when it was sent to the reader. */
  age_ms: count,
  /** Grows with every pass. */
  version: count,
});
export type LawsUpdate = z.infer<typeof lawsUpdate>;

export const topicUpdates = {
  workspace_credit: workspaceCreditUpdate,
  bulksms_progress: bulksmsProgressUpdate,
  system_stats: systemStatsUpdate,
  laws: lawsUpdate,
} as const;

export type TopicUpdates = { [T in TopicName]: z.infer<(typeof topicUpdates)[T]> };

/** One subscription of a socket. */
export const channelName = z.discriminatedUnion("topic", [
  z.strictObject({ topic: z.literal("workspace_credit"), channel: z.uuid() }),
  z.strictObject({ topic: z.literal("bulksms_progress"), channel: z.uuid() }),
  z.strictObject({ topic: z.literal("system_stats"), channel: z.literal(systemChannel) }),
  z.strictObject({ topic: z.literal("laws"), channel: z.literal(systemChannel) }),
]);
export interface ChannelName {
  topic: TopicName;
  channel: string;
}

/** What a client may say on GET /ws. */
export const socketRequest = z.union([
  z.strictObject({ subscribe: z.array(channelName).min(1).max(100) }),
  z.strictObject({ unsubscribe: z.array(channelName).min(1).max(100) }),
]);
export type SocketRequest = z.infer<typeof socketRequest>;

/** What the server sends: one update of one channel; the first after a subscribe is a snapshot. */
export type SocketUpdate = {
  [T in TopicName]: { topic: T; channel: string; is_snapshot: boolean; update: TopicUpdates[T] };
}[TopicName];

/** Close codes of GET /ws. */
export const socketCloseCodes = {
  requestInvalid: 4400,
  channelForbidden: 4403,
  messageTooBig: 1009,
  goingAway: 1001,
  tooSlow: 1013,
} as const;

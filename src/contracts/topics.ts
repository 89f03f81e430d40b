// Pub/sub on Redis, and the WebSocket that carries it on: topics, payloads, the socket's messages.
// Publishers: rpc, general_worker, webapi for top-ups (workspace_credit), salesapi, sales_worker (bulksms_progress), every process that uses Redis
// (system_stats). Reader: webapi, and through it every client.
import { z } from "zod";
import { processNames } from "./processes.ts";
import { bulksmsStatuses } from "./states.ts";

/** A topic has channels; a channel is named by the id of what it tells about; system_stats has one, which tells about all processes. */
export const topicNames = ["workspace_credit", "bulksms_progress", "system_stats"] as const;
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
  counts: z.object({
    pending: count,
    unknown: count,
    queued: count,
    sent: count,
    failed: count,
    undelivered: count,
    delivered: count,
    expired: count,
    canceled: count,
  }),
  version: count,
});

/** The only channel of system_stats: who watches the system cannot know its process ids before. */
export const systemChannel = "all";

const amount = z.number().nonnegative();

/** What one process measured of itself since its last update, about a second ago. */
export const processStats = z.object({
  process: z.enum(processNames),
  pid: count,
  /** Tells processes of one name apart, also where each container has pid 1; another one after a restart. */
  instance: z.string().max(100),
  uptime_s: count,
  /** Share of one core, user and system: 1 is one core busy, more is possible (garbage collection, TLS and files have threads of their own). */
  cpu: amount,
  rss_bytes: count,
  heap_bytes: count,
  /** How late the event loop was. */
  loop_delay_p50_ms: amount,
  loop_delay_p99_ms: amount,
  /** Growth a second of each of the process's own counters, by its name in /metrics without `bulksms_` and `_total`. */
  rates: z.record(z.string(), amount),
  /** What waits or is in hand now, by its name in /metrics without `bulksms_`. */
  levels: z.record(z.string(), amount),
  /** Since it was last heard of; 0 from the process itself. One that is silent for three seconds is dead, frozen or cut off. */
  silent_ms: count,
});
export type ProcessStats = z.infer<typeof processStats>;

/** Channel: `all`. A process publishes itself alone; what a socket hears has all that were heard of within the last minute. */
export const systemStatsUpdate = z.object({ processes: z.array(processStats), version: count });

export const topicUpdates = {
  workspace_credit: workspaceCreditUpdate,
  bulksms_progress: bulksmsProgressUpdate,
  system_stats: systemStatsUpdate,
} as const;

export type TopicUpdates = { [T in TopicName]: z.infer<(typeof topicUpdates)[T]> };

/** One subscription of a socket. */
export const channelName = z.discriminatedUnion("topic", [
  z.strictObject({ topic: z.literal("workspace_credit"), channel: z.uuid() }),
  z.strictObject({ topic: z.literal("bulksms_progress"), channel: z.uuid() }),
  z.strictObject({ topic: z.literal("system_stats"), channel: z.literal(systemChannel) }),
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

/** What the server says: one update of one channel; the first after a subscribe is a snapshot. */
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

// Pub/sub on Redis, and the WebSocket that carries it on: topics, payloads, the socket's messages.
// Publishers: rpc, general_worker, webapi for top-ups (workspace_credit), salesapi, sales_worker (bulksms_progress). Reader: webapi, and through it every client.
import { z } from "zod";
import { bulksmsStatuses } from "./states.ts";

/** A topic has channels; a channel is named by the id of what it tells about. */
export const topicNames = ["workspace_credit", "bulksms_progress"] as const;
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

export const topicUpdates = {
  workspace_credit: workspaceCreditUpdate,
  bulksms_progress: bulksmsProgressUpdate,
} as const;

export type TopicUpdates = { [T in TopicName]: z.infer<(typeof topicUpdates)[T]> };

/** One subscription of a socket. */
export const channelName = z.strictObject({ topic: z.enum(topicNames), channel: z.uuid() });
export type ChannelName = z.infer<typeof channelName>;

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

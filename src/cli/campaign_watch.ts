// Follows one campaign to its end: live over webapi's WebSocket, and by polling salesapi when the
// socket is silent. Used by send and the demo.
import { WebSocket } from "ws";
import { isAppError } from "../contracts/errors.ts";
import type { BulksmsAnswer, CreateAnswer } from "../contracts/http.ts";
import { type BulksmsStatus, isCampaignIn, type MessageStatus, messageCounts } from "../contracts/states.ts";
import type { SocketUpdate } from "../contracts/topics.ts";
import type { WorkspaceAnswer } from "../contracts/workspaces.ts";
import { sleep } from "../platform/time/sleep.ts";
import type { Connection } from "./connection.ts";

/**
 * A socket silent for this long is no longer trusted; then salesapi and webapi are polled at this
 * interval.
 */
const silenceMs = 1_500;
/** A lost socket is reopened after this. */
const reconnectMs = 1_000;
/** A process that died is back within seconds; this many tries, a second apart, outlast that. */
const restartTriesMax = 20;
/** Interval at which the watch checks the time. */
const tickMs = 250;

export interface CampaignState {
  status: BulksmsStatus;
  contacts: number;
  parts: number;
  partsSent: number;
  counts: Record<MessageStatus, number>;
  unconfirmed: number;
  lastError: string | null;
  /** Available + held of the workspace, a decimal string; null until it is known. */
  credit: string | null;
  /** A part of the system that does not answer now. */
  silent: string | null;
}

interface Watched {
  bulksmsId: string;
  workspaceId: string;
}

/**
 * Follows `created`, which was just set to run. Calls `onChange` with each new state until nothing
 * leaves it by itself (`ready`: refused for lack of credit), and returns the last one. Waits while
 * a process is down. Aborting `signal` ends the watch with null; the campaign continues.
 */
export async function watchCampaign(
  connection: Connection,
  created: CreateAnswer,
  options: { workspaceId: string; onChange(state: CampaignState): void; signal: AbortSignal },
): Promise<BulksmsAnswer | null> {
  const watched = { bulksmsId: created.id, workspaceId: options.workspaceId };
  const state: CampaignState = { ...untouched(created), credit: null, silent: null };
  let version = -1;
  let creditVersion = -1;
  let heardAt = Number.NEGATIVE_INFINITY;
  const socket = keepSocket(connection, watched, (message) => {
    heardAt = performance.now();
    if (message.topic === "workspace_credit" && message.update.version > creditVersion) {
      creditVersion = message.update.version;
      state.credit = message.update.credit;
    }
    if (message.topic === "bulksms_progress" && message.update.version > version) {
      const { status, contacts, parts_sent, counts, unconfirmed } = message.update;
      version = message.update.version;
      Object.assign(state, { status, contacts, partsSent: parts_sent, counts, unconfirmed, silent: null });
    }
    options.onChange(state);
  });
  try {
    let askedAt = Number.NEGATIVE_INFINITY;
    while (!options.signal.aborted) {
      const now = performance.now();
      const isDue = now - heardAt > silenceMs && now - askedAt > silenceMs;
      if (isDue || isCampaignIn("resting", state.status)) {
        askedAt = now;
        const campaign = await ask(connection, watched, state);
        options.onChange(state);
        if (campaign !== null && isCampaignIn("resting", campaign.status)) return campaign;
      }
      await sleep(tickMs, options.signal);
    }
    return null;
  } finally {
    socket.close();
  }
}

/** Both over HTTP. null: salesapi did not answer. */
async function ask(connection: Connection, watched: Watched, state: CampaignState): Promise<BulksmsAnswer | null> {
  try {
    const path = `/bulksms/${watched.bulksmsId}`;
    const campaign = await connection.callSalesapi<BulksmsAnswer>("the campaign cannot be read", "GET", path);
    Object.assign(state, stateOf(campaign), { silent: null });
    state.credit = await readCredit(connection, watched.workspaceId);
    return campaign;
  } catch (error) {
    if (!isAppError(error, "service_unavailable", "deadline_exceeded")) throw error;
    state.silent = error.message;
    return null;
  }
}

/** Available + held: what a person calls credit. */
export async function readCredit(connection: Connection, workspaceId: string): Promise<string> {
  const path = `/workspaces/${workspaceId}`;
  return (await connection.callWebapi<WorkspaceAnswer>("the credit cannot be read", "GET", path)).credit;
}

/** The same, when a process that was just killed may be restarting: waits for webapi. */
export async function readCreditPatiently(connection: Connection, workspaceId: string): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      return await readCredit(connection, workspaceId);
    } catch (error) {
      if (tries >= restartTriesMax || !isAppError(error, "service_unavailable", "deadline_exceeded")) throw error;
      await sleep(reconnectMs);
    }
  }
}

/** Just set to run: every message is pending. */
function untouched({ contacts, parts }: CreateAnswer): Omit<CampaignState, "credit" | "silent"> {
  const counts = messageCounts((status) => (status === "pending" ? contacts : 0));
  return { status: "running", contacts, parts, partsSent: 0, counts, unconfirmed: 0, lastError: null };
}

function stateOf(campaign: BulksmsAnswer): Omit<CampaignState, "credit" | "silent"> {
  const { status, contacts, parts, counts, unconfirmed } = campaign;
  return { status, contacts, parts, partsSent: campaign.parts_sent, counts, unconfirmed, lastError: campaign.last_error };
}

/** A subscribed socket that is reopened whenever it is lost. */
function keepSocket(connection: Connection, watched: Watched, onMessage: (message: SocketUpdate) => void): { close(): void } {
  let socket: WebSocket | null = null;
  let timer: NodeJS.Timeout | null = null;
  let isClosed = false;
  const open = (): void => {
    const url = new URL("/ws", connection.webapiUrl.replace(/^http/, "ws"));
    socket = new WebSocket(url, { headers: { authorization: `Bearer ${connection.apiKey}` }, handshakeTimeout: 3_000 });
    socket.on("open", () => {
      const subscribe = [
        { topic: "bulksms_progress", channel: watched.bulksmsId },
        { topic: "workspace_credit", channel: watched.workspaceId },
      ];
      socket?.send(JSON.stringify({ subscribe }));
    });
    socket.on("message", (data) => onMessage(JSON.parse(data.toString()) as SocketUpdate));
    // the error does not matter: polling continues, and the socket is retried
    socket.on("error", () => {});
    socket.on("close", () => {
      if (!isClosed) timer = setTimeout(open, reconnectMs);
    });
  };
  open();
  return {
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
      socket?.terminate();
    },
  };
}

// Listens to the credit on a WebSocket, as any client would, and records when each amount arrived.
// For both systems.
import { once } from "node:events";
import { WebSocket } from "ws";
import type { Total } from "../summary/lags.ts";

export interface CreditListener {
  /** SMS charged according to an update, with the time of day at which it arrived. */
  heard: readonly Total[];
  charged(): number;
  close(): void;
}

/**
 * @param chargedBy SMS charged according to one message, since the campaign began; null: the
 * message is about something else
 */
export async function listenToCredit(
  url: string,
  options: { headers?: Record<string, string>; subscribe?: unknown; chargedBy(message: unknown): number | null },
): Promise<CreditListener> {
  const socket = new WebSocket(url, { headers: options.headers ?? {} });
  const heard: Total[] = [];
  socket.on("message", (data) => {
    const total = options.chargedBy(JSON.parse(String(data)));
    if (total !== null && total > (heard.at(-1)?.total ?? 0)) heard.push({ atMs: Date.now(), total });
  });
  await once(socket, "open");
  if (options.subscribe !== undefined) socket.send(JSON.stringify(options.subscribe));
  // a lost socket leaves a shorter curve; the final charge is read from the database at the end
  socket.on("error", () => {});
  return { heard, charged: () => heard.at(-1)?.total ?? 0, close: () => socket.terminate() };
}

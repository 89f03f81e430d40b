// Listens to the credit on a WebSocket, as any client would, and keeps when it heard of how much.
// Of both systems.
import { once } from "node:events";
import { WebSocket } from "ws";
import type { Total } from "./lags.ts";

export interface CreditListener {
  /** SMS charged by what was heard, with the time of day it was heard at. */
  heard: readonly Total[];
  charged(): number;
  close(): void;
}

/**
 * @param chargedBy SMS charged by what one message says, since the campaign began; null: it says
 * nothing of that
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
  // a socket that is lost leaves a shorter curve; what was charged is read from the database in the
  // end
  socket.on("error", () => {});
  return { heard, charged: () => heard.at(-1)?.total ?? 0, close: () => socket.terminate() };
}

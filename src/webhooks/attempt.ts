// One attempt to deliver a body: signed anew (Standard Webhooks), sent, judged. What both senders
// share: sender.ts, which keeps its items in memory, and whoever keeps them in a database.
import { signWithAll } from "../protocols/standard_webhooks/webhook_signature.ts";
import type { ReceiverAnswer, ReceiverClient } from "./receiver_client.ts";

export interface Delivery {
  /** Each signs; at least one. */
  secrets: readonly string[];
  /** The header `webhook-id`: the same at every attempt. */
  id: string;
  /** JSON. */
  body: Buffer;
  /** With its query; that of the client's URL if not given. */
  path?: string;
}

/** Never throws. @returns the answer, and the headers that went out */
export async function attemptDelivery(
  client: ReceiverClient,
  { secrets, id, body, path }: Delivery,
): Promise<{ answer: ReceiverAnswer; headers: Record<string, string> }> {
  const headers = signWithAll({ secrets, id, timestampS: Math.floor(Date.now() / 1_000), body });
  headers["content-type"] = "application/json";
  return { answer: await client.post(headers, body, path), headers };
}

/** The receiver has it. Any other status, redirects too, is none of its acceptance. */
export const isDelivery = (status: number): boolean => status >= 200 && status < 300;

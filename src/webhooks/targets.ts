// Receivers of webhooks that customers have named: one attempt each time it is asked for, to any
// URL. A few connections per origin, kept while they are used; only to public addresses, unless all
// are allowed. Redirects are answers like any other. Whoever asks keeps what is to be sent, and
// when.
import { buildConnector } from "undici";
import { readRetryAfter } from "../platform/time/retry_after.ts";
import { createSlots, type Slots } from "../platform/time/slots.ts";
import { attemptDelivery, isDelivery } from "./attempt.ts";
import { type LookupAll, publicConnector } from "./public_connector.ts";
import { connectTimeoutMs, openReceiverClient, type ReceiverClient, type ReceiverLimits } from "./receiver_client.ts";

export interface TargetsOptions {
  arePrivateTargetsAllowed: boolean;
  /** From the first byte to the end of the answer. */
  attemptMs: number;
  /** Attempts to one origin at once. */
  atOnceMax: number;
  /** In place of DNS. */
  lookup?: LookupAll;
}

export interface TargetAnswer {
  /** Why it was not accepted: `status_503`, `no_answer`, `address_refused`; null: it was. */
  failure: string | null;
  /** What the receiver asked for, at most five minutes; 0: nothing. */
  retryAfterMs: number;
  /** Others to the same origin would not fare better now. */
  isOriginFailing: boolean;
}

export interface Targets {
  /** Never throws. Waits while the origin has as many attempts as it may have. */
  post(url: string, webhook: { secrets: readonly string[]; id: string; text: string }): Promise<TargetAnswer>;
  close(): Promise<void>;
}

interface Origin {
  slots: Slots;
  /** Not in use. */
  clients: ReceiverClient[];
  closing: NodeJS.Timeout | undefined;
}

/** Enough for any word of thanks; what is longer is not read. */
const answerBytesMax = 16 * 1024;
/** Connections of an origin are kept for this long without an attempt. */
const idleMs = 30_000;
const retryAfterMaxMs = 300_000;

export function openTargets({ arePrivateTargetsAllowed, attemptMs, atOnceMax, lookup }: TargetsOptions): Targets {
  const limits: ReceiverLimits = {
    attemptMs,
    answerBytesMax,
    connect: arePrivateTargetsAllowed ? buildConnector({ timeout: connectTimeoutMs }) : publicConnector(connectTimeoutMs, lookup),
  };
  const origins = new Map<string, Origin>();

  function originOf(name: string): Origin {
    let origin = origins.get(name);
    if (origin === undefined) {
      origin = { slots: createSlots(atOnceMax), clients: [], closing: undefined };
      origins.set(name, origin);
    }
    clearTimeout(origin.closing);
    return origin;
  }

  function closeWhenIdle(name: string, origin: Origin): void {
    clearTimeout(origin.closing);
    origin.closing = setTimeout(() => {
      if (origin.slots.inUse() > 0) return;
      origins.delete(name);
      void closeAll(origin);
    }, idleMs).unref();
  }

  return {
    post(url, { secrets, id, text }) {
      const { origin: name, pathname, search } = new URL(url);
      const origin = originOf(name);
      return origin.slots.run(async () => {
        const client = origin.clients.pop() ?? openReceiverClient(name, 1, limits);
        const { answer } = await attemptDelivery(client, { secrets, id, body: Buffer.from(text), path: pathname + search });
        origin.clients.push(client);
        closeWhenIdle(name, origin);
        return {
          failure: failureOf(answer.status, answer.isAddressRefused === true),
          retryAfterMs: readRetryAfter(answer.retryAfter, retryAfterMaxMs) ?? 0,
          isOriginFailing: answer.status === 0 || answer.status === 429 || answer.status === 503,
        };
      });
    },
    async close() {
      const all = [...origins.values()];
      origins.clear();
      for (const { closing } of all) clearTimeout(closing);
      await Promise.all(
        all.map(async (origin) => {
          await origin.slots.idle();
          await closeAll(origin);
        }),
      );
    },
  };
}

const closeAll = ({ clients }: Origin): Promise<unknown> => Promise.all(clients.splice(0).map((client) => client.close()));

function failureOf(status: number, isAddressRefused: boolean): string | null {
  if (isDelivery(status)) return null;
  if (status > 0) return `status_${status}`;
  return isAddressRefused ? "address_refused" : "no_answer";
}

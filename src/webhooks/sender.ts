// The ordered, signed, retrying sender of webhooks. Items share bodies; a body is signed anew at
// each attempt and repeated until a 2xx. Several lanes send at once; an item's key chooses its
// lane, and a lane has one body in flight, so items of one key arrive in the order in which they
// were pushed.

import { succeedsWithin } from "../platform/time/deadline.ts";
import { attemptDelivery, isDelivery } from "./attempt.ts";
import { createPairQueue, type PairQueue, type Pairs } from "./pair_queue.ts";
import { attemptTimeoutMs, openReceiverClient, type ReceiverClient } from "./receiver_client.ts";
import { createRetryWaits, type RetryWaits } from "./retry_waits.ts";

/** A single item refused this many times is quarantined: it no longer holds up its lane. */
const refusalsBeforeQuarantine = 3;
/**
 * At most this many items. With more, the receiver refuses everything, and the lanes may as well
 * wait.
 */
const quarantinedMax = 256;

/** A body as it goes out. */
export interface SenderBody {
  /** The header `webhook-id`: the same at every attempt to send the same items. */
  id: string;
  /** JSON. */
  text: string;
}

/**
 * Makes bodies of items, one after the other: `begin`, `add` for each item, `finish`, without
 * waiting in between. Called anew at each attempt.
 */
export interface BodyRenderer {
  begin(): void;
  /** False: the item need no longer be sent, and is not part of the body. */
  add(owner: number, what: number): boolean;
  /** The body of the items that were added; there was at least one. */
  finish(): SenderBody;
}

export interface SenderOptions {
  url: string;
  /** Signs each attempt (Standard Webhooks). */
  secret: string;
  itemsPerBody: number;
  /** Lanes: bodies in flight at once. */
  concurrency: number;
  /** How many of them share one connection (HTTP/1.1 pipelining). */
  pipelining: number;
  renderer: BodyRenderer;
  /** The item got its 2xx, or need no longer be sent: the sender has forgotten it. */
  done(owner: number, what: number, isDelivered: boolean): void;
  /** A body got its 2xx; headers and text as they went out. */
  onBodyDelivered(headers: Record<string, string>, text: string): void;
  /** After each attempt. Status 0: no answer. */
  onAttempt(status: number, seconds: number): void;
}

/** An item is a pair of whole numbers below 2^32, which mean something to its owner alone. */
export interface Sender {
  /** Queues one item; those of one key stay in order. Nothing goes out before `flush`. */
  push(key: number, owner: number, what: number): void;
  flush(): void;
  /** Items queued, in flight or waiting for another attempt. */
  pending(): number;
  /** Ends after the attempts in flight. Undelivered items are forgotten: their owner keeps them. */
  stop(): Promise<void>;
}

interface Answer {
  /** 0: no answer. */
  status: number;
  retryAfterMs: number;
}

interface Lane {
  queue: PairQueue;
  client: ReceiverClient;
  /**
   * The bytes of its body in flight, the same memory for one after the other: one buffer per body
   * would grow old before its answer, and tens of megabytes would wait for the collector.
   * Overwritten only when the attempt is answered or its connection is gone.
   */
  bytes: Buffer;
  isBusy: boolean;
}

interface Sending {
  readonly options: SenderOptions;
  readonly clients: readonly ReceiverClient[];
  readonly waits: RetryWaits;
  /** Lanes at work, and quarantined items. */
  readonly running: Set<Promise<void>>;
  isStopping: boolean;
  pending: number;
  quarantined: number;
}

export function createSender(options: SenderOptions): Sender {
  const { concurrency, pipelining, url } = options;
  const clients = Array.from({ length: Math.ceil(concurrency / pipelining) }, () => openReceiverClient(url, pipelining));
  const lanes: Lane[] = Array.from({ length: concurrency }, (_, index) => ({
    queue: createPairQueue(),
    client: clients[index % clients.length] as ReceiverClient,
    bytes: Buffer.alloc(0),
    isBusy: false,
  }));
  const waits = createRetryWaits();
  const sending: Sending = { options, clients, waits, running: new Set(), isStopping: false, pending: 0, quarantined: 0 };

  return {
    push(key, owner, what) {
      sending.pending += 1;
      (lanes[key % lanes.length] as Lane).queue.push(owner, what);
    },
    flush() {
      if (sending.isStopping) return;
      for (const lane of lanes) if (!lane.isBusy && lane.queue.size() > 0) start(sending, runLane(sending, lane));
    },
    pending: () => sending.pending,
    async stop() {
      sending.isStopping = true;
      waits.stop();
      // behind a frozen receiver each pipelined request would have its own time-out, one after the
      // other
      const ended = Promise.all(sending.running);
      if (!(await succeedsWithin(attemptTimeoutMs, ended))) void closeAll(sending);
      await ended;
      await closeAll(sending);
    },
  };
}

function start(sending: Sending, task: Promise<void>): void {
  sending.running.add(task);
  void task.finally(() => sending.running.delete(task));
}

function closeAll(sending: Sending): Promise<unknown> {
  return Promise.all(sending.clients.map((client) => client.close()));
}

async function runLane(sending: Sending, lane: Lane): Promise<void> {
  const { itemsPerBody } = sending.options;
  lane.isBusy = true;
  while (lane.queue.size() > 0 && !sending.isStopping) await deliver(sending, lane, lane.queue.take(itemsPerBody), false);
  lane.isBusy = false;
}

async function deliver(sending: Sending, lane: Lane, items: Pairs, isQuarantined: boolean): Promise<void> {
  for (let attempt = 1; !sending.isStopping; attempt++) {
    const body = render(sending, items);
    if (body === null) return;
    if (sending.waits.isPaused()) await sending.waits.untilPauseEnds();
    if (sending.isStopping) return;
    const { status, retryAfterMs } = await post(sending, lane, body);
    if (isDelivery(status)) {
      finish(sending, items);
      return;
    }
    if (isRefusalOfContent(status)) {
      if (items.owners.length > 1) {
        // one item must not hold back the others: halves, until the poison message stands alone
        const [first, second] = halves(items);
        await deliver(sending, lane, first, isQuarantined);
        await deliver(sending, lane, second, isQuarantined);
        return;
      }
      if (attempt >= refusalsBeforeQuarantine && !isQuarantined && sending.quarantined < quarantinedMax) {
        quarantine(sending, lane, items);
        return;
      }
    }
    await sending.waits.afterFailure(attempt, retryAfterMs, status === 0);
  }
}

/** Repeated from now on beside its lane, with bytes of its own. */
function quarantine(sending: Sending, lane: Lane, items: Pairs): void {
  sending.quarantined += 1;
  start(
    sending,
    deliver(sending, { ...lane, bytes: Buffer.alloc(0) }, items, true).finally(() => (sending.quarantined -= 1)),
  );
}

async function post(sending: Sending, lane: Lane, { id, text }: SenderBody): Promise<Answer> {
  const { secret, onAttempt, onBodyDelivered } = sending.options;
  const startedAt = performance.now();
  const { answer, headers } = await attemptDelivery(lane.client, { secrets: [secret], id, body: encode(lane, text) });
  const { status, retryAfter } = answer;
  onAttempt(status, (performance.now() - startedAt) / 1_000);
  if (!isDelivery(status)) return { status, retryAfterMs: sending.waits.obey(retryAfter) };
  sending.waits.wakeUnreachable();
  onBodyDelivered(headers, text);
  return { status, retryAfterMs: 0 };
}

/** Takes out of `items` what need no longer be sent; null when none is left. */
function render(sending: Sending, items: Pairs): SenderBody | null {
  const { renderer, done } = sending.options;
  const { owners, whats } = items;
  let kept = 0;
  renderer.begin();
  for (let at = 0; at < owners.length; at++) {
    const owner = owners[at] as number;
    const what = whats[at] as number;
    if (!renderer.add(owner, what)) {
      sending.pending -= 1;
      done(owner, what, false);
      continue;
    }
    owners[kept] = owner;
    whats[kept] = what;
    kept += 1;
  }
  if (kept < owners.length) {
    owners.length = kept;
    whats.length = kept;
  }
  return kept === 0 ? null : renderer.finish();
}

function finish(sending: Sending, { owners, whats }: Pairs): void {
  sending.pending -= owners.length;
  for (let at = 0; at < owners.length; at++) sending.options.done(owners[at] as number, whats[at] as number, true);
}

/** The text as UTF-8, in the lane's own memory. */
function encode(lane: Lane, text: string): Buffer {
  const size = Buffer.byteLength(text);
  if (lane.bytes.length < size) lane.bytes = Buffer.alloc(size * 2);
  // one byte per character is ASCII, which is written faster as latin1
  return lane.bytes.subarray(0, lane.bytes.write(text, size === text.length ? "latin1" : "utf8"));
}

/**
 * Statuses about the body itself, not about who sends it, how fast, or how the receiver is doing.
 */
function isRefusalOfContent(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

function halves({ owners, whats }: Pairs): [Pairs, Pairs] {
  const middle = owners.length >>> 1;
  return [
    { owners: owners.slice(0, middle), whats: whats.slice(0, middle) },
    { owners: owners.slice(middle), whats: whats.slice(middle) },
  ];
}

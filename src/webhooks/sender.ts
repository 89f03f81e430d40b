// Brings receipts to their receiver: bodies of many, signed anew at each attempt, repeated until a
// 2xx. Several lanes at once; a message has one lane, and a lane one body in flight, so its
// receipts arrive in the order in which they were told.
import { signWebhook } from "../protocols/standard_webhooks/webhook_signature.ts";
import { createPairQueue, type PairQueue, type Pairs } from "./pair_queue.ts";
import { attemptTimeoutMs, type CallbackClient, openCallbackClient } from "./receiver_client.ts";

const backoffFirstMs = 200;
export const backoffMaxMs = 30_000;
/** A Retry-After beyond this is not believed. */
const retryAfterMaxMs = 300_000;
/**
 * 128 rows side by side share a lane, so that a body names a narrow range of rows: what the
 * receiver updates best. Singly, any lane will do.
 */
const laneRowBits = { many: 7, single: 0 } as const;
/** A single receipt refused so often waits aside and no longer holds up its lane. */
const refusalsBeforeQuarantine = 3;
/**
 * So many may wait aside; with more the receiver refuses everything, and the lanes may as well
 * stand.
 */
const quarantinedMax = 256;

export interface CallbackOptions {
  url: string;
  secret: string;
  receiptsPerBody: number;
  /** Lanes: bodies in flight at once. */
  concurrency: number;
  /** Of them on one connection (HTTP/1.1 pipelining). */
  pipelining: number;
  /**
   * Begins a body: what renders its receipts as JSON, or gives null for one that is no longer to be
   * told.
   */
  renderer(): (owner: number, what: number) => { id: string; json: string } | null;
  /** It got its 2xx, or it was no longer to be told: it is nobody's any more. */
  done(owner: number, what: number, isAnswered: boolean): void;
  /** A body that got its 2xx, as it went out. */
  onBodyTaken(headers: Record<string, string>, text: string): void;
  /** Status 0: no answer. */
  onAttempt(status: number, seconds: number): void;
}

export interface Callbacks {
  /** Queues one receipt; `owner` and `row` choose its lane. Nothing goes out before `flush`. */
  push(row: number, owner: number, what: number): void;
  flush(): void;
  /** Receipts queued, in flight or waiting for another attempt. */
  pending(): number;
  /** Ends after the attempts in flight; what is unanswered stays in the journal. */
  stop(): Promise<void>;
}

interface Answer {
  /** 0: no answer. */
  status: number;
  retryAfterMs: number;
}

interface Lane {
  queue: PairQueue;
  client: CallbackClient;
  /**
   * The bytes of its body in flight, the same memory for one after the other: a buffer a body would
   * grow old before its answer, and tens of megabytes of them would wait for the collector.
   * Overwritten only when the attempt is answered or its connection is gone.
   */
  bytes: Buffer;
  isBusy: boolean;
}

export function createCallbacks(options: CallbackOptions): Callbacks {
  const { concurrency, pipelining, receiptsPerBody } = options;
  const clients = Array.from({ length: Math.ceil(concurrency / pipelining) }, () => openCallbackClient(options.url, pipelining));
  const lanes: Lane[] = Array.from({ length: concurrency }, (_, index) => ({
    queue: createPairQueue(),
    client: clients[index % clients.length] as CallbackClient,
    bytes: Buffer.alloc(0),
    isBusy: false,
  }));
  const rowBits = receiptsPerBody === 1 ? laneRowBits.single : laneRowBits.many;
  const running = new Set<Promise<void>>();
  /** Ends each wait; and whether it is one for a receiver that cannot be reached at all. */
  const waiting = new Map<() => void, boolean>();
  let isStopping = false;
  let pending = 0;
  let holdUntilMs = 0;
  let quarantinedCount = 0;

  function start(task: Promise<void>): void {
    running.add(task);
    void task.finally(() => running.delete(task));
  }

  async function runLane(lane: Lane): Promise<void> {
    lane.isBusy = true;
    while (lane.queue.size() > 0 && !isStopping) await deliver(lane, lane.queue.take(receiptsPerBody));
    lane.isBusy = false;
  }

  async function deliver(lane: Lane, body: Pairs, isQuarantined = false): Promise<void> {
    for (let attempt = 1; !isStopping; attempt++) {
      const rendered = renderBody(body);
      if (rendered === null) return;
      body = rendered.body;
      while (holdUntilMs > performance.now() && !isStopping) await wait(holdUntilMs - performance.now(), false);
      if (isStopping) return;
      const { status, retryAfterMs } = await post(lane, rendered);
      if (status >= 200 && status < 300) {
        finish(body);
        return;
      }
      if (isRefusalOfContent(status)) {
        if (body.owners.length > 1) {
          // one receipt must not hold back the others: halves, until the poison message stands
          // alone
          const [first, second] = halves(body);
          await deliver(lane, first);
          await deliver(lane, second);
          return;
        }
        if (attempt >= refusalsBeforeQuarantine && !isQuarantined && quarantinedCount < quarantinedMax) {
          quarantinedCount += 1;
          start(deliver({ ...lane, bytes: Buffer.alloc(0) }, body, true).finally(() => (quarantinedCount -= 1)));
          return;
        }
      }
      await wait(backoffMs(attempt, retryAfterMs), status === 0);
    }
  }

  async function post(lane: Lane, { id, text }: { id: string; text: string }): Promise<Answer> {
    const startedAt = performance.now();
    if (lane.bytes.length < text.length) lane.bytes = Buffer.alloc(text.length * 2);
    const body = lane.bytes.subarray(0, lane.bytes.write(text, "latin1")); // all of it is ASCII
    const headers = signWebhook({ secret: options.secret, id, timestampS: Math.floor(Date.now() / 1_000), body });
    headers["content-type"] = "application/json";
    const { status, retryAfter } = await lane.client.post(headers, body);
    options.onAttempt(status, (performance.now() - startedAt) / 1_000);
    const isAnswered = status >= 200 && status < 300;
    if (!isAnswered) return { status, retryAfterMs: obey(retryAfter) };
    wakeAll();
    options.onBodyTaken(headers, text);
    return { status, retryAfterMs: 0 };
  }

  /** Retry-After in seconds or as a date holds back all lanes; answers how long. */
  function obey(retryAfter: string | null): number {
    if (retryAfter === null) return 0;
    const waitMs = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
    if (!(waitMs > 0)) return 0;
    holdUntilMs = Math.max(holdUntilMs, performance.now() + Math.min(waitMs, retryAfterMaxMs));
    return Math.min(waitMs, retryAfterMaxMs);
  }

  /**
   * The receiver is back: every lane that could not reach it tries at once. Not those that it
   * refused, or they would never rest.
   */
  function wakeAll(): void {
    for (const [wake, isUnreachable] of waiting) if (isUnreachable || isStopping) wake();
  }

  function wait(waitMs: number, isUnreachable: boolean): Promise<void> {
    if (isStopping) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      waiting.set(wake, isUnreachable);
    });
  }

  /**
   * The body as it goes out, without those that are no longer to be told; null when none is left.
   */
  function renderBody(body: Pairs): { id: string; text: string; body: Pairs } | null {
    const render = options.renderer();
    const receipts: string[] = [];
    let firstId = "";
    let kept = 0;
    for (let at = 0; at < body.owners.length; at++) {
      const owner = body.owners[at] as number;
      const what = body.whats[at] as number;
      const receipt = render(owner, what);
      if (receipt === null) {
        pending -= 1;
        options.done(owner, what, false);
        continue;
      }
      if (kept === 0) firstId = receipt.id;
      receipts.push(receipt.json);
      body.owners[kept] = owner;
      body.whats[kept] = what;
      kept += 1;
    }
    if (kept === 0) return null;
    const left = kept === body.owners.length ? body : { owners: body.owners.slice(0, kept), whats: body.whats.slice(0, kept) };
    if (receiptsPerBody === 1) return { id: firstId, text: receipts[0] as string, body: left };
    return { id: `${firstId}+${kept}`, text: `{"receipts":[${receipts.join(",")}]}`, body: left };
  }

  const closeAll = () => Promise.all(clients.map((client) => client.close()));

  function finish(body: Pairs): void {
    pending -= body.owners.length;
    for (let at = 0; at < body.owners.length; at++) options.done(body.owners[at] as number, body.whats[at] as number, true);
  }

  return {
    push(row, owner, what) {
      pending += 1;
      (lanes[(owner + (row >>> rowBits)) % lanes.length] as Lane).queue.push(owner, what);
    },
    flush() {
      if (isStopping) return;
      for (const lane of lanes) if (!lane.isBusy && lane.queue.size() > 0) start(runLane(lane));
    },
    pending: () => pending,
    async stop() {
      isStopping = true;
      wakeAll();
      // behind a frozen receiver each pipelined request would have its own time-out, one after the
      // other
      const late = setTimeout(() => void closeAll(), attemptTimeoutMs);
      await Promise.all(running);
      clearTimeout(late);
      await closeAll();
    },
  };
}

/**
 * What the receiver asked for, else a doubling wait, both spread so that lanes do not come all at
 * once.
 */
function backoffMs(attempt: number, retryAfterMs: number): number {
  if (retryAfterMs > 0) return retryAfterMs * (1 + 0.2 * Math.random());
  return Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(attempt - 1, 16) * (0.5 + Math.random()));
}

/**
 * Statuses that speak of the body itself, and not of who sends it, how fast, or how the receiver
 * is.
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

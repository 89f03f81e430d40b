// Brings receipts to their receiver: bodies of many, signed anew at each attempt, repeated until a 2xx. Several lanes at once;
// a message has one lane, and a lane one body in flight, so its receipts arrive in the order in which they were told.
import { Pool } from "undici";
import { signWebhook } from "../platform/webhook_signature.ts";
import { createPairQueue, type PairQueue, type Pairs } from "./pair_queue.ts";

/** A receiver that commits before it answers may be frozen for seconds; holding the request is then the cheapest wait. */
const attemptTimeoutMs = 15_000;
const connectTimeoutMs = 3_000;
const backoffFirstMs = 200;
const backoffMaxMs = 30_000;
/** A Retry-After beyond this is not believed. */
const retryAfterMaxMs = 300_000;
/** Rows side by side share a lane, so that a body names a narrow range of rows: what the receiver updates best. */
const laneRowBits = 7;
/** A single receipt refused so often waits aside and no longer holds up its lane. */
const refusalsBeforeAside = 3;

export interface CallbackOptions {
  url: string;
  secret: string;
  receiptsPerBody: number;
  concurrency: number;
  /** The receipt as JSON, or null when it is no longer to be told. */
  render(owner: number, what: number): { id: string; json: string } | null;
  /** It got its 2xx, or `render` gave null: it is nobody's any more. */
  done(owner: number, what: number, isAnswered: boolean): void;
  onAttempt(outcome: "answered" | "refused" | "unreachable", receipts: number, seconds: number): void;
}

export interface Callbacks {
  /** Queues one receipt; `row` chooses its lane. Nothing goes out before `flush`. */
  push(row: number, owner: number, what: number): void;
  flush(): void;
  /** Receipts queued, in flight or waiting for another attempt. */
  pending(): number;
  /** Ends after the attempts in flight; what is unanswered stays in the journal. */
  stop(): Promise<void>;
}

interface Lane {
  queue: PairQueue;
  isBusy: boolean;
}

export function createCallbacks(options: CallbackOptions): Callbacks {
  const { pathname, search, origin } = new URL(options.url);
  const pool = new Pool(origin, {
    connections: options.concurrency,
    pipelining: 1,
    connect: { timeout: connectTimeoutMs },
    headersTimeout: attemptTimeoutMs,
    bodyTimeout: attemptTimeoutMs,
  });
  const lanes: Lane[] = Array.from({ length: options.concurrency }, () => ({ queue: createPairQueue(), isBusy: false }));
  const running = new Set<Promise<void>>();
  /** Ends the waits of lanes that back off. */
  const wakers = new Set<() => void>();
  let isStopping = false;
  let pending = 0;
  let holdUntilMs = 0;

  function start(task: Promise<void>): void {
    running.add(task);
    void task.finally(() => running.delete(task));
  }

  async function runLane(lane: Lane): Promise<void> {
    lane.isBusy = true;
    while (lane.queue.size() > 0 && !isStopping) await deliver(lane.queue.take(options.receiptsPerBody), 1);
    lane.isBusy = false;
  }

  async function deliver(body: Pairs, firstAttempt: number): Promise<void> {
    for (let attempt = firstAttempt; !isStopping; attempt++) {
      const rendered = renderBody(body);
      if (rendered === null) return;
      body = rendered.body;
      await waitUntil(holdUntilMs);
      if (isStopping) return;
      const status = await post(rendered);
      if (status >= 200 && status < 300) {
        finish(body);
        return;
      }
      if (isRefusalOfContent(status)) {
        if (body.owners.length > 1) {
          // one receipt must not hold back the others: halves, until the culprit stands alone
          const [first, second] = halves(body);
          await deliver(first, 1);
          await deliver(second, 1);
          return;
        }
        if (attempt === refusalsBeforeAside) {
          start(deliver(body, attempt + 1));
          return;
        }
      }
      // half to one and a half of a doubling wait
      const backoffMs = Math.min(backoffMaxMs, backoffFirstMs * 2 ** Math.min(attempt - 1, 16)) * (0.5 + Math.random());
      await waitUntil(performance.now() + Math.min(backoffMs, backoffMaxMs));
    }
  }

  async function post({ id, text, body }: { id: string; text: string; body: Pairs }): Promise<number> {
    const startedAt = performance.now();
    try {
      const headers = signWebhook({ secret: options.secret, id, timestampS: Math.floor(Date.now() / 1_000), body: text });
      const response = await pool.request({
        method: "POST",
        path: pathname + search,
        headers: { ...headers, "content-type": "application/json" },
        body: text,
      });
      await response.body.dump();
      const isAnswered = response.statusCode >= 200 && response.statusCode < 300;
      options.onAttempt(isAnswered ? "answered" : "refused", body.owners.length, (performance.now() - startedAt) / 1_000);
      if (isAnswered) wakeAll();
      else obey(response.headers["retry-after"]);
      return response.statusCode;
    } catch {
      options.onAttempt("unreachable", body.owners.length, (performance.now() - startedAt) / 1_000);
      return 0;
    }
  }

  /** Retry-After in seconds or as a date holds back all lanes. */
  function obey(retryAfter: string | string[] | undefined): void {
    if (typeof retryAfter !== "string") return;
    const waitMs = /^\d{1,9}$/.test(retryAfter) ? Number(retryAfter) * 1_000 : Date.parse(retryAfter) - Date.now();
    if (waitMs > 0) holdUntilMs = Math.max(holdUntilMs, performance.now() + Math.min(waitMs, retryAfterMaxMs));
  }

  /** The receiver is back: every lane that backs off tries at once. */
  function wakeAll(): void {
    for (const wake of wakers) wake();
  }

  async function waitUntil(timeMs: number): Promise<void> {
    const waitMs = timeMs - performance.now();
    if (waitMs <= 0 || isStopping) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        wakers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, waitMs);
      wakers.add(wake);
    });
  }

  /** The body as it goes out, without those that are no longer to be told; null when none is left. */
  function renderBody(body: Pairs): { id: string; text: string; body: Pairs } | null {
    const receipts: string[] = [];
    let firstId = "";
    let kept = 0;
    for (let at = 0; at < body.owners.length; at++) {
      const owner = body.owners[at] as number;
      const what = body.whats[at] as number;
      const receipt = options.render(owner, what);
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
    const left = { owners: body.owners.subarray(0, kept), whats: body.whats.subarray(0, kept) };
    if (options.receiptsPerBody === 1) return { id: firstId, text: receipts[0] as string, body: left };
    return { id: `${firstId}+${kept}`, text: `{"receipts":[${receipts.join(",")}]}`, body: left };
  }

  function finish(body: Pairs): void {
    pending -= body.owners.length;
    for (let at = 0; at < body.owners.length; at++) options.done(body.owners[at] as number, body.whats[at] as number, true);
  }

  return {
    push(row, owner, what) {
      pending += 1;
      (lanes[(row >>> laneRowBits) % lanes.length] as Lane).queue.push(owner, what);
    },
    flush() {
      if (isStopping) return;
      for (const lane of lanes) if (!lane.isBusy && lane.queue.size() > 0) start(runLane(lane));
    },
    pending: () => pending,
    async stop() {
      isStopping = true;
      wakeAll();
      await Promise.all(running);
      await pool.destroy();
    },
  };
}

/** Statuses that speak of the body itself, and not of who sends it, how fast, or how the receiver is. */
function isRefusalOfContent(status: number): boolean {
  return status === 400 || status === 413 || status === 422;
}

function halves({ owners, whats }: Pairs): [Pairs, Pairs] {
  const middle = owners.length >>> 1;
  return [
    { owners: owners.subarray(0, middle), whats: whats.subarray(0, middle) },
    { owners: owners.subarray(middle), whats: whats.subarray(middle) },
  ];
}

// Group commit: receipts of all requests wait in one bounded queue; one transaction is in flight;
// receipts that arrive meanwhile form the next batch. Opened by salesapi. A request's promise
// resolves only after the commit of all its receipts, so a 2xx means that they are stored.
import { AppError } from "../../contracts/errors.ts";
import { isDataError } from "../../platform/postgres.ts";
import { nextTurn } from "../../platform/time/next_turn.ts";
import { anomaliesAlone, pick, type ReceiptColumns } from "./receipt_parse.ts";
import type { CommittedReceipts } from "./receipts.ts";

export interface ReceiptBatcherOptions {
  /** Commits a batch in one transaction; retries connection errors itself. */
  commit(batch: readonly ReceiptColumns[]): Promise<CommittedReceipts>;
  /** Called after each commit, before the answers. */
  onCommitted(committed: CommittedReceipts, batch: { receipts: number; durationMs: number }): void;
  /** The database refused a receipt, which is now an anomaly. */
  onPoisonMessage(error: unknown): void;
  batchMax: number;
  queueMax: number;
}

export interface ReceiptBatcher {
  /**
   * Resolves when all these receipts are committed.
   * @throws AppError overloaded (queue full), draining, service_unavailable: none or some are
   * committed; the sender should repeat them all
   */
  add(receipts: ReceiptColumns): Promise<void>;
  waiting(): number;
  /** Commits what is queued and accepts nothing new. */
  close(): Promise<void>;
}

interface Waiting {
  receipts: ReceiptColumns;
  resolve(): void;
  reject(error: unknown): void;
}

export function openReceiptBatcher(options: ReceiptBatcherOptions): ReceiptBatcher {
  let queue: Waiting[] = [];
  let waitingReceipts = 0;
  let isClosing = false;
  let inFlight: Promise<void> | null = null;

  async function commitAll(): Promise<void> {
    // lets everything that has already arrived on its socket join the first batch
    await nextTurn();
    while (queue.length > 0) {
      const batch = takeBatch();
      try {
        await commitHalving(
          batch.map(({ receipts }) => receipts),
          options,
        );
        for (const waiting of batch) waiting.resolve();
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
  }

  /** Takes whole requests, at least one: a body has at most receiptsPerBodyMax. */
  function takeBatch(): Waiting[] {
    let count = 0;
    let end = 0;
    for (; end < queue.length; end++) {
      const { length } = (queue[end] as Waiting).receipts;
      if (end > 0 && count + length > options.batchMax) break;
      count += length;
    }
    const batch = queue.slice(0, end);
    queue = queue.slice(end);
    waitingReceipts -= count;
    return batch;
  }

  function ensureRunning(): void {
    if (inFlight !== null) return;
    inFlight = commitAll().finally(() => {
      inFlight = null;
      if (queue.length > 0) ensureRunning();
    });
  }

  return {
    add(receipts) {
      if (isClosing) return Promise.reject(new AppError("draining", "The process is shutting down.", { retryAfterS: 1 }));
      if (waitingReceipts + receipts.length > options.queueMax && waitingReceipts > 0) {
        return Promise.reject(new AppError("overloaded", "Too many receipts wait for their commit.", { retryAfterS: 1 }));
      }
      return new Promise((resolve, reject) => {
        queue.push({ receipts, resolve, reject });
        waitingReceipts += receipts.length;
        ensureRunning();
      });
    },
    waiting: () => waitingReceipts,
    async close() {
      isClosing = true;
      while (inFlight !== null) await inFlight;
    },
  };
}

/**
 * One bad receipt never fails a batch: on a data error the batch is halved until the poison message
 * stands alone, which is then kept as an anomaly.
 */
async function commitHalving(bodies: readonly ReceiptColumns[], options: ReceiptBatcherOptions): Promise<void> {
  const startedAt = performance.now();
  let committed: CommittedReceipts;
  try {
    committed = await options.commit(bodies);
  } catch (error) {
    if (!isDataError(error)) throw error;
    const halves = halvesOf(bodies);
    if (halves !== null) {
      await commitHalving(halves[0], options);
      await commitHalving(halves[1], options);
      return;
    }
    const [poisonMessage] = bodies as [ReceiptColumns];
    const [anomaly = poisonMessage.asAnomaly(0, "malformed")] = poisonMessage.anomalies;
    // even its anomaly was refused: a bug of ours
    if (poisonMessage.anomalies.length > 0 && anomaly.kind === "malformed") throw error;
    options.onPoisonMessage(error);
    await commitHalving([anomaliesAlone([{ ...anomaly, kind: "malformed" }])], options);
    return;
  }
  options.onCommitted(committed, {
    receipts: bodies.reduce((sum, { length }) => sum + length, 0),
    durationMs: performance.now() - startedAt,
  });
}

/**
 * Halves many bodies; a single body is split into anomalies and messages, then each of these is
 * halved. null for a single receipt.
 */
function halvesOf(bodies: readonly ReceiptColumns[]): [ReceiptColumns[], ReceiptColumns[]] | null {
  const middleOf = (length: number): number => Math.ceil(length / 2);
  if (bodies.length > 1) return [bodies.slice(0, middleOf(bodies.length)), bodies.slice(middleOf(bodies.length))];
  const [body] = bodies as [ReceiptColumns];
  const { anomalies } = body;
  const messages = Array.from({ length: body.length }, (_, n) => n).filter((n) => body.rowNos[n] !== 0);
  if (anomalies.length > 0 && messages.length > 0) return [[anomaliesAlone(anomalies)], [pick(body, messages)]];
  if (body.length === 1) return null;
  const middle = middleOf(body.length);
  if (anomalies.length > 0) return [[anomaliesAlone(anomalies.slice(0, middle))], [anomaliesAlone(anomalies.slice(middle))]];
  return [[pick(body, messages.slice(0, middle))], [pick(body, messages.slice(middle))]];
}

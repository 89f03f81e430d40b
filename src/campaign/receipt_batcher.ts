// Group commit: receipts of all requests wait in one bounded queue; one transaction is in flight; whoever arrives meanwhile forms the next batch.
// Opened by salesapi; a request's promise resolves only after the commit of all its receipts, so a 2xx is a fact.
import { AppError } from "../contracts/errors.ts";
import { isDataError } from "../platform/postgres.ts";
import { asAnomaly, type CheckedReceipt, isAnomaly } from "./receipt_parse.ts";
import type { CommittedReceipts } from "./receipts.ts";

export interface ReceiptBatcherOptions {
  /** One transaction of a batch; retries connection errors itself. */
  commit(batch: readonly CheckedReceipt[]): Promise<CommittedReceipts>;
  /** Called after each commit, before the answers. */
  onCommitted(committed: CommittedReceipts, batch: { receipts: number; durationMs: number }): void;
  /** A receipt that the database refused and that is now an anomaly. */
  onCulprit(error: unknown): void;
  batchMax: number;
  queueMax: number;
}

export interface ReceiptBatcher {
  /**
   * Resolves when all these receipts are committed.
   * @throws AppError overloaded (queue full), draining, service_unavailable: none or some are committed; sending them again is right.
   */
  add(receipts: readonly CheckedReceipt[]): Promise<void>;
  waiting(): number;
  /** Commits what waits, takes nothing new. */
  close(): Promise<void>;
}

interface Waiting {
  receipts: readonly CheckedReceipt[];
  resolve(): void;
  reject(error: unknown): void;
}

export function openReceiptBatcher(options: ReceiptBatcherOptions): ReceiptBatcher {
  let queue: Waiting[] = [];
  let waitingReceipts = 0;
  let isClosing = false;
  let inFlight: Promise<void> | null = null;

  async function commitAll(): Promise<void> {
    // let everything that has already arrived on its socket join the first batch
    await new Promise((resolve) => setImmediate(resolve));
    while (queue.length > 0) {
      const batch = takeBatch();
      const receipts = batch.flatMap((waiting) => waiting.receipts);
      try {
        await commitHalving(receipts, options);
        for (const waiting of batch) waiting.resolve();
      } catch (error) {
        for (const waiting of batch) waiting.reject(error);
      }
    }
  }

  /** Whole requests, at least one: a body has at most receiptsPerBodyMax. */
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

/** A batch never dies of one bad receipt: on a data error it is halved until the culprit stands alone and is kept as an anomaly. */
async function commitHalving(receipts: readonly CheckedReceipt[], options: ReceiptBatcherOptions): Promise<void> {
  const startedAt = performance.now();
  let committed: CommittedReceipts;
  try {
    committed = await options.commit(receipts);
  } catch (error) {
    if (!isDataError(error)) throw error;
    if (receipts.length > 1) {
      const middle = Math.ceil(receipts.length / 2);
      await commitHalving(receipts.slice(0, middle), options);
      await commitHalving(receipts.slice(middle), options);
      return;
    }
    const culprit = receipts[0] as CheckedReceipt;
    if (isAnomaly(culprit) && culprit.kind === "malformed") throw error; // even its anomaly was refused: a defect of ours
    options.onCulprit(error);
    await commitHalving([asAnomaly(culprit, "malformed")], options);
    return;
  }
  options.onCommitted(committed, { receipts: receipts.length, durationMs: performance.now() - startedAt });
}

// Group commit of receipts that a carrier brings one by one over HTTP: those that arrive during one
// commit share the next. Opened by salesapi, one per carrier.
import type { CarrierReceipt } from "../../carriers/link.ts";
import { AppError } from "../../contracts/errors.ts";
import { nextTurn } from "../../platform/time/next_turn.ts";

export interface ReceiptGroup {
  /**
   * Resolves once the receipt is committed.
   * @throws AppError overloaded: too many wait; otherwise what the commit threw: none of its
   * receipts is committed, the carrier should repeat them
   */
  add(receipt: CarrierReceipt): Promise<void>;
}

interface Waiting {
  receipt: CarrierReceipt;
  resolve(): void;
  reject(error: unknown): void;
}

const receiptsPerCommitMax = 500;
const waitingMax = 5_000;

export function openReceiptGroup(commit: (receipts: readonly CarrierReceipt[]) => Promise<void>): ReceiptGroup {
  const queue: Waiting[] = [];
  let isCommitting = false;

  async function commitAll(): Promise<void> {
    isCommitting = true;
    await nextTurn();
    while (queue.length > 0) {
      const batch = queue.splice(0, receiptsPerCommitMax);
      try {
        await commit(batch.map(({ receipt }) => receipt));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    isCommitting = false;
  }

  return {
    add(receipt) {
      if (queue.length >= waitingMax)
        return Promise.reject(new AppError("overloaded", "Too many receipts wait for their commit.", { retryAfterS: 1 }));
      return new Promise((resolve, reject) => {
        queue.push({ receipt, resolve, reject });
        if (!isCommitting) void commitAll();
      });
    },
  };
}

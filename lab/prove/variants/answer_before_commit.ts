// Replaces src/campaign/receipts/receipt_batcher.ts: the same batches, but nobody waits for their
// commit. Whatever a crash interrupts was acknowledged, and never comes again.
import {
  openReceiptBatcher as openRealBatcher,
  type ReceiptBatcher,
  type ReceiptBatcherOptions,
} from "../../../src/campaign/receipts/receipt_batcher.ts";

export * from "../../../src/campaign/receipts/receipt_batcher.ts";

export function openReceiptBatcher(options: ReceiptBatcherOptions): ReceiptBatcher {
  const batcher = openRealBatcher(options);
  return {
    ...batcher,
    async add(receipts) {
      // its promise is not awaited: that is the naive part
      batcher.add(receipts).catch(() => {});
    },
  };
}

// In place of src/campaign/receipts/receipt_batcher.ts: the same batches, but nobody waits for
// their commit. What a crash takes was promised, and never comes again.
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
      // its promise is left alone: that is the naive part
      batcher.add(receipts).catch(() => {});
    },
  };
}

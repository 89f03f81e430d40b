// The bodies of receipts: one receipt bare, or several as {"receipts": [...]}. Made anew at each
// attempt, without receipts that have been given up by then. Called by the sender, item by item.
import type { BodyRenderer } from "../webhooks/sender.ts";
import type { Network } from "./network.ts";
import { createReceiptText } from "./receipt_text.ts";
import { flag } from "./segment.ts";

/**
 * A receipt is retried until valid_until, the horizon, and this: a receiver that was away for
 * longer still learns of the end, as `late`.
 */
export const giveUpMarginMs = 24 * 3_600_000;

export function createReceiptBody({ options, clock, journal }: Network): BodyRenderer {
  const receiptOf = createReceiptText();
  const isSingle = options.receiptsPerBody === 1;
  let now = 0;
  let firstId = "";
  let receipts: string[] = [];
  return {
    begin() {
      now = clock.wallMs();
      receipts = [];
    },
    add(owner, what) {
      const { segment } = journal.byHandle(owner);
      const slot = what >>> 2;
      if (segment.is(slot, flag.gaveUp)) return false;
      const terms = segment.submitOf(slot);
      if (now > terms.validUntilMs + options.receiptHorizonMs + giveUpMarginMs) return false;
      const { id, json } = receiptOf(segment, slot, what & 3);
      if (receipts.length === 0) firstId = id;
      receipts.push(json);
      return true;
    },
    finish() {
      if (isSingle) return { id: firstId, text: receipts[0] as string };
      return { id: `${firstId}+${receipts.length}`, text: `{"receipts":[${receipts.join(",")}]}` };
    },
  };
}

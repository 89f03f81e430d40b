import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { messageStatuses, type ReceiptStatus, receiptStatuses } from "../../contracts/states.ts";
import { foldVerdict, isCharged, isFinal, isImplied, receive } from "./message_state.ts";

const anyStatus = fc.constantFrom(...messageStatuses);
const anyReceipts = fc.array(fc.constantFrom(...receiptStatuses), { minLength: 1, maxLength: 8 });

describe("the state of a message", () => {
  it("only grows, and never leaves a final state, whatever receipt comes", () => {
    for (const status of messageStatuses) {
      for (const receipt of receiptStatuses) {
        const next = receive(status, receipt);
        expect(messageStatuses.indexOf(next)).toBeGreaterThanOrEqual(messageStatuses.indexOf(status));
        if (isFinal(status)) expect(next).toBe(status);
      }
    }
  });

  it("ends as undelivered when it was sent and then failed, because it was charged", () => {
    expect(receive("sent", "failed")).toBe("undelivered");
    expect(receive("queued", "failed")).toBe("failed");
    expect(receive("unknown", "failed")).toBe("failed");
  });

  it("keeps a charged message charged", () => {
    for (const status of messageStatuses.filter(isCharged)) {
      for (const receipt of receiptStatuses) expect(isCharged(receive(status, receipt))).toBe(true);
    }
  });

  it("after any receipt that moved it implies that receipt", () => {
    for (const status of messageStatuses) {
      for (const receipt of receiptStatuses) {
        const next = receive(status, receipt);
        if (next !== status) expect(isImplied(next, receipt), `${status} + ${receipt}`).toBe(true);
      }
    }
  });

  it("is the same after a folded batch as after its receipts one by one, in any order and number", () => {
    fc.assert(
      fc.property(anyStatus, anyReceipts, (status, receipts) => {
        const oneByOne = receipts.reduce(receive, status);
        const verdict = receipts.reduce<ReceiptStatus | null>(foldVerdict, null) as ReceiptStatus;
        expect(receive(status, verdict)).toBe(oneByOne);
      }),
      { numRuns: randomRuns(5_000) },
    );
  });
});

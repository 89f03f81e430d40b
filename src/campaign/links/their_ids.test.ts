import fc from "fast-check";
import { expect, test } from "vitest";
import { type MessageStatus, messageSets, type ReceiptStatus, receiptStatuses } from "../../contracts/states.ts";
import { worstOf } from "./their_ids.ts";

const ends = receiptStatuses.filter((status) => (messageSets.final as readonly MessageStatus[]).includes(status));
const part = fc.constantFrom<ReceiptStatus | null>(null, ...receiptStatuses);

test.each<[(ReceiptStatus | null)[], ReceiptStatus]>([
  [["delivered", "delivered"], "delivered"],
  [["delivered", "undelivered"], "undelivered"],
  [["failed", "delivered"], "failed"],
  [["delivered", null], "sent"],
  [["delivered", "queued"], "sent"],
  [["queued", null], "queued"],
])("parts %j are together %s", (statuses, expected) => {
  expect(worstOf(statuses, statuses.length)).toBe(expected);
});

test("a message has its end when every part has one, whatever their order, and no better one than its worst part", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
      const together = worstOf(parts, parts.length);
      const areAllEnds = parts.every((one) => one !== null && ends.includes(one));
      expect(ends.includes(together)).toBe(areAllEnds);
      if (areAllEnds) expect(together === "delivered").toBe(parts.every((one) => one === "delivered"));
      // a part of which nothing is known yet
      expect(ends.includes(worstOf(parts, parts.length + 1))).toBe(false);
    }),
  );
});

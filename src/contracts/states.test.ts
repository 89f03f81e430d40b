// What the named sets promise to those who use them, whatever states there are.
import { describe, expect, test } from "vitest";
import {
  bulksmsStatuses,
  campaignSets,
  campaignsLeadingTo,
  countIn,
  firstFinalStatus,
  impliedReceipts,
  isCampaignIn,
  isMessageIn,
  type MessageStatus,
  messageLeadsTo,
  messageSets,
  messageStatuses,
  receiptStatuses,
} from "./states.ts";

const rank = (status: string): number => messageStatuses.indexOf(status as MessageStatus);

describe("a message state", () => {
  test("is final from the first final one on, and open before it", () => {
    for (const status of messageStatuses) expect(isMessageIn("final", status), status).toBe(rank(status) >= rank(firstFinalStatus));
  });

  test("leads only to states that exist, upward", () => {
    for (const status of messageStatuses) {
      for (const to of messageLeadsTo(status)) expect(rank(to), `${status} -> ${to}`).toBeGreaterThan(rank(status));
    }
  });

  test("is reached from another one, but for the first", () => {
    const reached = new Set(messageStatuses.flatMap(messageLeadsTo));
    expect(messageStatuses.filter((status) => !reached.has(status))).toEqual(messageStatuses.slice(0, 1));
  });

  test("is to be submitted, submitted or final; and a final one has arrived or missed", () => {
    for (const status of messageStatuses) {
      const stages = [isMessageIn("sendable", status), isMessageIn("submitted", status), isMessageIn("final", status)];
      expect(stages.filter(Boolean), status).toHaveLength(1);
      const hasArrived = impliedReceipts(status).includes("delivered");
      expect(isMessageIn("missed", status), status).toBe(isMessageIn("final", status) && !hasArrived);
    }
  });

  test("implies the receipt of its name, and is charged exactly when it implies sent", () => {
    for (const status of receiptStatuses) expect(impliedReceipts(status), status).toContain(status);
    for (const status of messageStatuses) expect(isMessageIn("charging", status), status).toBe(impliedReceipts(status).includes("sent"));
  });

  test("is reported by a receipt, or imposed, or precedes every receipt", () => {
    const ends = messageSets.final.filter((status) => !receiptStatuses.some((receipt) => receipt === status));
    expect(ends).toEqual(messageSets.imposed);
    for (const status of messageSets.imposed) expect(impliedReceipts(status), status).toEqual([]);
  });

  test("fits the four bits in which the laws keep it", () => {
    expect(messageStatuses.length).toBeLessThan(16);
  });

  test("is summed by its set, and what is not counted is zero", () => {
    expect(countIn("submitted", { unknown: 1, queued: 20, sent: 300, delivered: 4_000 })).toBe(321);
    expect(countIn("final", {})).toBe(0);
  });
});

describe("a campaign state", () => {
  test("is led to by another one, but for the first; and leads nowhere unless it has not ended", () => {
    const edges = bulksmsStatuses.flatMap((to) => campaignsLeadingTo(to).map((from) => ({ from, to })));
    expect(bulksmsStatuses.filter((status) => campaignsLeadingTo(status).length === 0)).toEqual(bulksmsStatuses.slice(0, 1));
    for (const status of bulksmsStatuses) {
      const isLeft = edges.some(({ from }) => from === status);
      expect(isLeft, status).toBe(!isCampaignIn("ended", status));
    }
  });

  test("rests once it has ended; is swept while its messages or its hold may be open", () => {
    for (const status of campaignSets.ended) expect(isCampaignIn("resting", status), status).toBe(true);
    for (const status of [...campaignSets.open, ...campaignSets.holding]) expect(isCampaignIn("due", status), status).toBe(true);
    for (const status of campaignSets.open) expect(isCampaignIn("holding", status) && isCampaignIn("ran", status), status).toBe(true);
  });

  test("has its messages when they may be sent, and has run when its hold is certain", () => {
    for (const status of campaignSets.ran) expect(isCampaignIn("imported", status), status).toBe(true);
    for (const status of campaignSets.held) expect(isCampaignIn("ran", status), status).toBe(true);
  });
});

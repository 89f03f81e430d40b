import { expect, it } from "vitest";
import { messageStates, receiptStats, stateOfNumber, stateOfStat } from "./message_states.ts";

it("each state is told by its number and by its word", () => {
  for (const [state, number] of Object.entries(messageStates)) {
    expect(stateOfNumber(number)).toBe(state);
    expect(stateOfStat(receiptStats[state as keyof typeof receiptStats])).toBe(state);
  }
});

it("a word is told in full, in seven letters and in any case", () => {
  expect(["DELIVERED", "Undeliverable", "accepted", "rejectd", "ENROUTE"].map(stateOfStat)).toEqual([
    "delivered",
    "undeliverable",
    "accepted",
    "rejected",
    "enroute",
  ]);
});

it("what no version of SMPP has is none of them", () => {
  expect([stateOfStat(""), stateOfStat("FAILED"), stateOfNumber(10), stateOfNumber(255)]).toEqual([null, null, null, null]);
});

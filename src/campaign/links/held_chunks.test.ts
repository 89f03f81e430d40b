// Whatever comes in whatever order: never more in flight than the window, never more intended
// without a recorded outcome than two windows, and no row is submitted again unless it was
// certainly not sent.
import fc from "fast-check";
import { expect, test } from "vitest";
import { type HeldChunk, HeldChunks, type HeldRow, restingIntent } from "./held_chunks.ts";

const chunkOf = (chunkNo: number, rows: number) => ({
  bulksmsId: "01995f2a-7c30-7d31-9d4e-0123456789ab",
  chunkNo,
  firstRow: chunkNo * 100 + 1,
  lastRow: chunkNo * 100 + rows,
  attempt: 1,
  leaseOwner: "owner",
});
const rowsOf = (chunkNo: number, rows: number) =>
  Array.from({ length: rows }, (_, index) => ({ rowNo: chunkNo * 100 + index + 1, phone: "358401234567", text: "Hello" }));

/** `ask`: the answer to the commit that asked for intents was lost, whether it stands or not. */
type Step = "intend" | "ask" | "submit" | "accept" | "throttle" | "record";
const steps = fc.array(fc.constantFrom<Step>("intend", "ask", "submit", "accept", "throttle", "record"), { maxLength: 200 });

test("in flight and intended stay within their bounds, and nothing that was sent is sent again", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 12 }), steps, (window, rows, taken) => {
      const held = new HeldChunks(window);
      const chunks = [0, 1].map((chunkNo) => held.add(chunkOf(chunkNo, rows), "Test", rowsOf(chunkNo, rows)));
      const inFlight = new Map<number, HeldRow>();
      const sent = new Set<number>();
      for (const step of taken) {
        act(held, step, inFlight, sent);
        expect(held.inFlight()).toBeLessThanOrEqual(window);
        expect(openIntended(chunks)).toBeLessThanOrEqual(2 * window);
      }
    }),
  );
});

function act(held: HeldChunks, step: Step, inFlight: Map<number, HeldRow>, sent: Set<number>): void {
  const [first] = inFlight;
  if (step === "intend" || step === "ask") {
    const intents = held.nextIntents();
    held.ask(intents);
    if (step === "intend") for (const { held: chunk, intentTo } of intents) held.grant(chunk, intentTo, granted);
  }
  if (step === "submit") {
    for (const { key, held: chunk, row } of held.takeSubmittable(3)) {
      expect(row.rowNo).toBeLessThanOrEqual(chunk.intentTo);
      expect(sent.has(row.rowNo)).toBe(false);
      sent.add(row.rowNo);
      inFlight.set(key, row);
    }
  }
  if ((step === "accept" || step === "throttle") && first !== undefined) {
    const [key, row] = first;
    inFlight.delete(key);
    if (step === "throttle") sent.delete(row.rowNo);
    expect(held.settle(key, step === "accept" ? { kind: "accepted", ids: ["1"] } : { kind: "throttled", retryAfterMs: 1 })).toBe(true);
    expect(held.settle(key, { kind: "accepted", ids: ["2"] })).toBe(false);
  }
  if (step === "record") {
    const { outcomes } = held;
    held.outcomes = [];
    held.record(outcomes);
  }
}

const granted = { intendedAt: new Date(0), validUntil: new Date(1_000) };

/** In the database, if every commit whose answer was lost stands. */
const openIntended = (chunks: readonly HeldChunk[]): number =>
  chunks.reduce((sum, { rows, askedTo }) => sum + rows.filter(({ rowNo, state }) => rowNo <= askedTo && state !== "recorded").length, 0);

test("the intent of a chunk at rest goes back before its first row that was certainly not sent", () => {
  const held = new HeldChunks(4);
  const chunk = held.add(chunkOf(0, 6), "Test", rowsOf(0, 6));
  chunk.intentTo = 4;
  const taken = held.takeSubmittable(4);
  held.settle(taken[0]?.key as number, { kind: "accepted", ids: ["1"] });
  held.settle(taken[1]?.key as number, { kind: "not_sent", reason: "the socket was full" });
  held.settle(taken[2]?.key as number, { kind: "accepted", ids: ["3"] });
  held.settle(taken[3]?.key as number, { kind: "accepted", ids: ["4"] });
  held.record(held.outcomes);
  expect(held.isAtRest(chunk)).toBe(true);
  expect(restingIntent(chunk)).toBe(1);
});

test("what has no outcome when a link is over is known by chunk, and late answers are still heard", () => {
  const held = new HeldChunks(2);
  const chunk = held.add(chunkOf(0, 3), "Test", rowsOf(0, 3));
  chunk.intentTo = 3;
  const [first, second] = held.takeSubmittable(2);
  expect(held.inDoubt().map(({ rows }) => rows.map(({ rowNo }) => rowNo))).toEqual([[1, 2]]);
  expect(held.settle(second?.key as number, { kind: "accepted", ids: ["late"] })).toBe(true);
  expect(held.inDoubt().map(({ rows }) => rows.map(({ rowNo }) => rowNo))).toEqual([[1]]);
  expect(held.outcomes).toHaveLength(1);
  expect(held.settle(first?.key as number, { kind: "rejected", errorCode: "8" })).toBe(true);
});

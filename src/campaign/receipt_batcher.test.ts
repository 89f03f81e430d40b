import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AppError, isAppError } from "../contracts/errors.ts";
import { openReceiptBatcher, type ReceiptBatcherOptions } from "./receipt_batcher.ts";
import { type CheckedReceipt, checkReceipt, isAnomaly } from "./receipt_parse.ts";

const bulksmsId = randomUUID();
const receipt = (rowNo: number, id = `r${rowNo}`): CheckedReceipt =>
  checkReceipt({ id, reference: `${bulksmsId}.${rowNo}`, status: "sent" });
const receipts = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => receipt(first + index));

/** A database that commits when told to; `refuses` names rows that it cannot take. */
function openTest(options: Partial<ReceiptBatcherOptions> = {}, refuses: (receipt: CheckedReceipt) => boolean = () => false) {
  const batches: CheckedReceipt[][] = [];
  let gate: Promise<void> = Promise.resolve();
  let inFlight = 0;
  let inFlightMax = 0;
  const batcher = openReceiptBatcher({
    async commit(batch) {
      inFlight++;
      inFlightMax = Math.max(inFlightMax, inFlight);
      await gate;
      inFlight--;
      if (batch.some((each) => refuses(each) && !isAnomaly(each))) throw Object.assign(new Error("check violation"), { code: "23514" });
      batches.push([...batch]);
      return { changed: [], hasCharge: false, anomalies: {} };
    },
    onCommitted: () => {},
    onCulprit: () => {},
    batchMax: 100,
    queueMax: 1_000,
    ...options,
  });
  const hold = () => {
    let open = () => {};
    gate = new Promise((resolve) => {
      open = resolve;
    });
    return open;
  };
  return { batcher, batches, hold, inFlightMax: () => inFlightMax };
}

describe("group commit", () => {
  it("answers only after the commit, has one transaction in flight, and makes one batch of what came meanwhile", async () => {
    const { batcher, batches, hold, inFlightMax } = openTest();
    const open = hold();
    let answered = 0;
    const answers = [batcher.add(receipts(1, 2)).then(() => answered++)];
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    for (let row = 3; row <= 30; row++) answers.push(batcher.add([receipt(row)]).then(() => answered++));
    expect(answered).toBe(0);
    open();
    await Promise.all(answers);
    expect(batches.map((batch) => batch.length)).toEqual([2, 28]);
    expect(inFlightMax()).toBe(1);
  });

  it("caps a batch, but never cuts a request's own receipts off from its answer", async () => {
    const { batcher, batches } = openTest({ batchMax: 10 });
    await Promise.all([batcher.add(receipts(1, 6)), batcher.add(receipts(7, 12)), batcher.add(receipts(13, 40))]);
    expect(batches.map((batch) => batch.length)).toEqual([6, 6, 28]);
  });

  it("halves a batch that the database refuses until the culprits stand alone, and keeps them as malformed", async () => {
    const { batcher, batches } = openTest({}, (each) => each.rowNo === 13 || each.rowNo === 57);
    await Promise.all([batcher.add(receipts(1, 40)), batcher.add(receipts(41, 80))]);
    const committed = batches.flat();
    expect(committed.map((each) => each.rowNo).sort((a, b) => Number(a) - Number(b))).toEqual(
      Array.from({ length: 80 }, (_, index) => index + 1),
    );
    expect(committed.filter(isAnomaly)).toMatchObject([
      { kind: "malformed", rowNo: 13, id: "r13" },
      { kind: "malformed", rowNo: 57 },
    ]);
  });

  it("refuses with 503 what its queue cannot hold, and takes again once it is empty", async () => {
    const { batcher, hold } = openTest({ queueMax: 10, batchMax: 10 });
    const open = hold();
    const first = batcher.add(receipts(1, 10));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const second = batcher.add(receipts(11, 20));
    await expect(batcher.add([receipt(21)])).rejects.toSatisfy((error: unknown) => isAppError(error, "overloaded"));
    open();
    await Promise.all([first, second]);
    await batcher.add([receipt(21)]);
  });

  it("passes a silent database on as 503, to the requests of that batch alone", async () => {
    let isDown = true;
    const { batcher } = openTest({
      commit: async () => {
        if (isDown) throw new AppError("service_unavailable", "The database does not answer.");
        return { changed: [], hasCharge: false, anomalies: {} };
      },
    });
    await expect(batcher.add([receipt(1)])).rejects.toSatisfy((error: unknown) => isAppError(error, "service_unavailable"));
    isDown = false;
    await batcher.add([receipt(1)]);
  });

  it("commits what waits when it closes, and takes nothing new", async () => {
    const { batcher, batches, hold } = openTest();
    const open = hold();
    const answer = batcher.add(receipts(1, 5));
    const closed = batcher.close();
    await expect(batcher.add([receipt(6)])).rejects.toSatisfy((error: unknown) => isAppError(error, "draining"));
    open();
    await Promise.all([answer, closed]);
    expect(batches.flat()).toHaveLength(5);
    expect(batcher.waiting()).toBe(0);
  });
});

import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { AppError, isAppError } from "../../contracts/errors.ts";
import { openReceiptBatcher, type ReceiptBatcherOptions } from "./receipt_batcher.ts";
import { type ReceiptColumns, toColumns } from "./receipt_parse.ts";

const bulksmsId = randomUUID();
const sent = (rowNo: number) => ({ id: `r${rowNo}`, reference: `${bulksmsId}.${rowNo}`, status: "sent" });
const bodyOf = (receipts: unknown[]): ReceiptColumns => toColumns(() => receipts);
const receipt = (rowNo: number) => bodyOf([sent(rowNo)]);
const receipts = (first: number, last: number) => bodyOf(Array.from({ length: last - first + 1 }, (_, index) => sent(first + index)));
const rowsOf = (batch: readonly ReceiptColumns[]) => batch.flatMap(({ rowNos }) => rowNos.filter((rowNo) => rowNo !== 0));
const sizeOf = (batch: readonly ReceiptColumns[]) => batch.reduce((sum, { length }) => sum + length, 0);

/** A database that commits on command; `refuses` selects rows that it rejects. */
function openTest(options: Partial<ReceiptBatcherOptions> = {}, refuses: (rowNo: number) => boolean = () => false) {
  const batches: ReceiptColumns[][] = [];
  let gate: Promise<void> = Promise.resolve();
  let inFlight = 0;
  let inFlightMax = 0;
  const batcher = openReceiptBatcher({
    async commit(batch) {
      inFlight++;
      inFlightMax = Math.max(inFlightMax, inFlight);
      await gate;
      inFlight--;
      if (rowsOf(batch).some(refuses)) throw Object.assign(new Error("check violation"), { code: "23514" });
      batches.push([...batch]);
      return { changed: [], hasCharge: false, anomalies: {} };
    },
    onCommitted: () => {},
    onPoisonMessage: () => {},
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
    for (let row = 3; row <= 30; row++) answers.push(batcher.add(receipt(row)).then(() => answered++));
    expect(answered).toBe(0);
    open();
    await Promise.all(answers);
    expect(batches.map(sizeOf)).toEqual([2, 28]);
    expect(inFlightMax()).toBe(1);
  });

  it("caps a batch, but never cuts a request's own receipts off from its answer", async () => {
    const { batcher, batches } = openTest({ batchMax: 10 });
    await Promise.all([batcher.add(receipts(1, 6)), batcher.add(receipts(7, 12)), batcher.add(receipts(13, 40))]);
    expect(batches.map(sizeOf)).toEqual([6, 6, 28]);
  });

  it("halves a batch that the database refuses until the poison messages stand alone, and keeps them as malformed", async () => {
    const { batcher, batches } = openTest({}, (rowNo) => rowNo === 13 || rowNo === 57);
    const unknown = { ...sent(1), id: "unknown", reference: "4711" };
    await Promise.all([
      batcher.add(receipts(1, 40)),
      batcher.add(bodyOf([unknown, ...Array.from({ length: 40 }, (_, index) => sent(41 + index))])),
    ]);
    const committed = rowsOf(batches.flat()).sort((a, b) => a - b);
    expect(committed).toEqual(Array.from({ length: 80 }, (_, index) => index + 1).filter((rowNo) => rowNo !== 13 && rowNo !== 57));
    expect(batches.flat().flatMap(({ anomalies }) => anomalies)).toMatchObject([
      { kind: "malformed", rowNo: 13, id: "r13", raw: sent(13) },
      { kind: "unknown_reference", id: "unknown" },
      { kind: "malformed", rowNo: 57, raw: sent(57) },
    ]);
    expect(sizeOf(batches.flat())).toBe(81);
  });

  it("refuses with 503 what its queue cannot hold, and takes again once it is empty", async () => {
    const { batcher, hold } = openTest({ queueMax: 10, batchMax: 10 });
    const open = hold();
    const first = batcher.add(receipts(1, 10));
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    const second = batcher.add(receipts(11, 20));
    await expect(batcher.add(receipt(21))).rejects.toSatisfy((error: unknown) => isAppError(error, "overloaded"));
    open();
    await Promise.all([first, second]);
    await batcher.add(receipt(21));
  });

  it("passes a silent database on as 503, to the requests of that batch alone", async () => {
    let isDown = true;
    const { batcher } = openTest({
      commit: async () => {
        if (isDown) throw new AppError("service_unavailable", "The database does not answer.");
        return { changed: [], hasCharge: false, anomalies: {} };
      },
    });
    await expect(batcher.add(receipt(1))).rejects.toSatisfy((error: unknown) => isAppError(error, "service_unavailable"));
    isDown = false;
    await batcher.add(receipt(1));
  });

  it("commits what waits when it closes, and takes nothing new", async () => {
    const { batcher, batches, hold } = openTest();
    const open = hold();
    const answer = batcher.add(receipts(1, 5));
    const closed = batcher.close();
    await expect(batcher.add(receipt(6))).rejects.toSatisfy((error: unknown) => isAppError(error, "draining"));
    open();
    await Promise.all([answer, closed]);
    expect(sizeOf(batches.flat())).toBe(5);
    expect(batcher.waiting()).toBe(0);
  });
});

import { randomUUID } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isAppError } from "../../contracts/errors.ts";
import { parseReceipts, type ReceiptColumns, storableJson, toColumns } from "./receipt_parse.ts";

const bulksmsId = randomUUID();
const good = { id: "r1", reference: `${bulksmsId}.7`, status: "sent", at: "2026-01-01T00:00:00.000Z" };
const parse = (value: unknown) => rowsOf(parseReceipts(Buffer.from(typeof value === "string" ? value : JSON.stringify(value))));
const judge = (receipt: unknown) => rowsOf(toColumns(() => [receipt]))[0];

/** One object per receipt: what a message may take, else the anomaly. */
function rowsOf({ length, bulksmsIds, rowNos, statuses, errorCodes, anomalies }: ReceiptColumns) {
  const aside = [...anomalies];
  return Array.from({ length }, (_, n) =>
    rowNos[n] === 0 ? aside.shift() : { bulksmsId: bulksmsIds[n], rowNo: rowNos[n], status: statuses[n], errorCode: errorCodes[n] },
  );
}

describe("the body of a receipts request", () => {
  it("is one receipt, or a list of them", () => {
    const expected = { bulksmsId, rowNo: 7, status: "sent", errorCode: null };
    expect(parse(good)).toMatchObject([expected]);
    expect(parse({ receipts: [good, { ...good, id: "r2", status: "failed", error_code: "barred" }] })).toMatchObject([
      expected,
      { status: "failed", errorCode: "barred" },
    ]);
  });

  it("is refused as a whole when it has another form", () => {
    for (const body of ["", "{", "null", "[]", '"text"', "7", "{}", { receipts: [] }, { receipts: "x" }, { receipts: {} }, [good]]) {
      expect(() => parse(body), JSON.stringify(body)).toThrow(
        expect.toSatisfy((error: unknown) => isAppError(error, "receipts_invalid", "json_invalid")),
      );
    }
    expect(() => parse({ receipts: Array(1_001).fill(good) })).toThrow("More than 1000");
  });

  it("keeps one bad receipt among good ones as malformed, under its own id", () => {
    const bad: Record<string, unknown>[] = [
      { ...good, id: "bad", reference: 7 },
      { ...good, id: "bad", reference: "x".repeat(129) },
      { ...good, id: "bad", reference: `${bulksmsId}.7\u0000` },
      { ...good, id: "bad", status: null },
      { ...good, id: "bad", error_code: { a: 1 } },
      { ...good, id: "bad", error_code: "x\u0000" },
      { ...good, id: "bad", at: "y".repeat(100) },
      { ...good, id: "bad", at: 7 },
    ];
    for (const receipt of bad) {
      const [first, second] = parse({ receipts: [receipt, good] });
      expect(first, JSON.stringify(receipt)).toMatchObject({ kind: "malformed", id: "bad" });
      expect(second).toMatchObject({ bulksmsId });
    }
  });

  it("gives back what came, for the anomaly that a receipt may still become", () => {
    const columns = parseReceipts(Buffer.from(JSON.stringify({ receipts: [good, { ...good, id: "r2", extra: [1] }] })));
    expect(columns.asAnomaly(1, "contradiction")).toEqual({
      ...{ id: "r2", kind: "contradiction", reference: good.reference, bulksmsId, rowNo: 7, status: "sent", errorCode: null },
      raw: { ...good, id: "r2", extra: [1] },
    });
  });

  it("is read again once, however many of its receipts become anomalies, and not before", () => {
    let reads = 0;
    const columns = toColumns(() => {
      reads += 1;
      return [good, { ...good, id: "r2" }];
    });
    expect(reads).toBe(1);
    expect([columns.asAnomaly(0, "late").id, columns.asAnomaly(1, "late").id, columns.asAnomaly(0, "late").id]).toEqual(["r1", "r2", "r1"]);
    expect(reads).toBe(2);
  });

  it("gives a malformed receipt without an id the same made-up one each time", () => {
    const [first, second, other] = parse({ receipts: [{ ...good, id: 7 }, { ...good, id: 7 }, "text"] });
    const idOf = (row: typeof first) => (row as { id?: string }).id;
    expect(idOf(first)).toMatch(/^malformed:/);
    expect(idOf(first)).toBe(idOf(second));
    expect(idOf(other)).not.toBe(idOf(first));
  });

  it("tells an unknown state word from an unknown reference", () => {
    expect(judge({ ...good, status: "read" })).toMatchObject({ kind: "unknown_status", bulksmsId, rowNo: 7 });
    for (const reference of [
      "7",
      `${bulksmsId}`,
      `${bulksmsId}.`,
      `${bulksmsId}.07`,
      `${bulksmsId}.-1`,
      `${bulksmsId}.7.7`,
      `${bulksmsId}.9999999999`,
    ]) {
      expect(judge({ ...good, reference }), reference).toMatchObject({ kind: "unknown_reference", bulksmsId: null });
    }
    expect(judge({ ...good, reference: `${bulksmsId.toUpperCase()}.7` })).toMatchObject({ bulksmsId, rowNo: 7 });
    expect(judge({ ...good, reference: `${bulksmsId}.2147483647` })).toMatchObject({ rowNo: 2_147_483_647 });
    expect(judge({ ...good, reference: `${bulksmsId}.2147483648` })).toMatchObject({ kind: "unknown_reference" });
  });

  it("reads each reference of a body that speaks of several campaigns", () => {
    const ids = [bulksmsId, randomUUID(), bulksmsId, randomUUID().toUpperCase(), bulksmsId];
    const parsed = parse({ receipts: ids.map((id, index) => ({ ...good, reference: `${id}.${index + 1}` })) });
    expect(parsed.map((receipt) => receipt?.bulksmsId)).toEqual(ids.map((id) => id.toLowerCase()));
    expect(parsed.map((receipt) => receipt?.rowNo)).toEqual([1, 2, 3, 4, 5]);
  });

  it("judges any JSON without throwing, and keeps it in a form that jsonb takes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const { id } of toColumns(() => [value]).anomalies) expect(id.length).toBeGreaterThan(0);
        const stored = storableJson(value);
        JSON.parse(stored);
        expect(stored).not.toMatch(/(^|[^\\])(\\\\)*\\u(0000|d[89a-f])/i);
        expect(stored.length).toBeLessThan(30_000);
      }),
    );
    let deep: unknown = 1;
    for (let level = 0; level < 100_000; level++) deep = [deep];
    // whether JSON.stringify gets to the bottom depends on the version of Node
    const short = expect.stringMatching(/^\[{1000,5000}$/);
    expect([{ unreadable: true }, { cut: short }]).toContainEqual(JSON.parse(storableJson(deep)));
  });
});

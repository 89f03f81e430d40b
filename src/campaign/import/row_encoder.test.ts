// The bytes of a COPY, read back by the format's own description.
import { describe, expect, it } from "vitest";
import type { GoodRow } from "../../contacts/csv/row_verdicts.ts";
import { createRowEncoder, type EncodedRows } from "./row_encoder.ts";

const bulksmsId = "0195f0b0-7b1e-7c00-8000-0000000000ff";

type DecodedRow = GoodRow & { id: string; rowNo: number; line: number };

/** What Postgres would read. */
function decode({ data }: EncodedRows): DecodedRow[] {
  expect(data.subarray(0, 11).toString("latin1")).toBe("PGCOPY\n\xff\r\n\0");
  const rows: DecodedRow[] = [];
  let at = 19;
  const next = (): Buffer | null => {
    const length = data.readInt32BE(at);
    at += 4 + Math.max(0, length);
    return length === -1 ? null : data.subarray(at - length, at);
  };
  for (; data.readInt16BE(at) !== -1; ) {
    expect(data.readInt16BE(at)).toBe(6);
    at += 2;
    const [id, rowNo, msisdn, parts, line, fields] = [next(), next(), next(), next(), next(), next()];
    rows.push({
      id: (id as Buffer).toString("hex"),
      rowNo: (rowNo as Buffer).readInt32BE(),
      msisdn: Number((msisdn as Buffer).readBigInt64BE()),
      parts: (parts as Buffer).readInt16BE(),
      line: (line as Buffer).readInt32BE(),
      fields: fields === null ? null : readTexts(fields),
    });
  }
  expect(at + 2).toBe(data.length);
  return rows;
}

function readTexts(array: Buffer): string[] {
  expect([0, 4, 8, 16].map((at) => array.readInt32BE(at))).toEqual([1, 0, 25, 1]);
  const texts: string[] = [];
  for (let at = 20; at < array.length; ) {
    const length = array.readInt32BE(at);
    texts.push(array.toString("utf8", at + 4, at + 4 + length));
    at += 4 + length;
  }
  expect(texts).toHaveLength(array.readInt32BE(12));
  return texts;
}

const rowsOf = (count: number, row: (index: number) => GoodRow): GoodRow[] => Array.from({ length: count }, (_, index) => row(index));

/** The rows of a file whose lines are `firstLine` and every third below it. */
function encode(encoder: ReturnType<typeof createRowEncoder>, rows: readonly GoodRow[], firstLine = 2): EncodedRows {
  for (const [index, row] of rows.entries()) encoder.add(row, firstLine + 3 * index);
  return encoder.take();
}

describe("the row encoder", () => {
  it("writes what was added, numbered from 1 through all batches", () => {
    const encoder = createRowEncoder(bulksmsId, 4);
    const first = rowsOf(3, (index) => ({ msisdn: 999_999_999_999_999 - index, parts: 1 + index, fields: null }));
    const second = rowsOf(9, (index) => ({ msisdn: 1_000_000 + index, parts: 255, fields: ["Väinö", "", "🎓".repeat(index * 50)] }));
    const id = bulksmsId.replaceAll("-", "");
    expect(decode(encode(encoder, first))).toEqual(first.map((row, index) => ({ ...row, id, rowNo: 1 + index, line: 2 + 3 * index })));
    expect(encoder.bytes).toBe(0);
    const lastLine = 2 ** 31 - 1;
    const taken = encode(encoder, second, lastLine - 24);
    expect(taken).toMatchObject({ firstRow: 4, count: 9 });
    expect(decode(taken)).toEqual(second.map((row, index) => ({ ...row, id, rowNo: 4 + index, line: lastLine - 24 + 3 * index })));
  });

  it("never writes into rows that were taken and not given back", () => {
    const encoder = createRowEncoder(bulksmsId, 4);
    const kept = encode(
      encoder,
      rowsOf(4, (index) => ({ msisdn: index, parts: 1, fields: null })),
    );
    const bytes = Buffer.from(kept.data);
    expect(encoder.take()).toMatchObject({ firstRow: 5, count: 0 });
    const givenBack = encode(
      encoder,
      rowsOf(4, (index) => ({ msisdn: index, parts: 2, fields: ["a"] })),
    );
    encoder.reuse(givenBack);
    const next = rowsOf(4, (index) => ({ msisdn: 70 + index, parts: 3, fields: null }));
    const taken = encode(encoder, next);
    expect(taken.data.buffer).toBe(givenBack.data.buffer);
    expect(decode(taken)).toMatchObject(next);
    expect(kept.data.equals(bytes)).toBe(true);
  });
});

import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AppError } from "../../contracts/errors.ts";
import { type CsvRows, cellOf, createCsvReader, csvLineBytesMax } from "./csv_reader.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

interface Rows {
  rows: string[][];
  lines: number[];
}

/** All rows of a file that arrives in these chunks, the header first. */
function readChunks(chunks: readonly Buffer[]): Rows {
  const reader = createCsvReader();
  const all: Rows = { rows: [], lines: [] };
  const take = (found: CsvRows) => {
    for (let row = 0; row < found.count; row++) {
      all.rows.push(Array.from({ length: found.width }, (_, column) => cellOf(found, row, column)));
      all.lines.push(found.lines[row] as number);
    }
  };
  for (const chunk of chunks) take(reader.push(chunk));
  take(reader.end());
  const { header } = reader;
  return header === null ? all : { rows: [[...header.cells], ...all.rows], lines: [header.line, ...all.lines] };
}

/** All rows of a file that arrives in chunks of `chunkBytes`. */
function read(file: Buffer | string, chunkBytes = 1_000): Rows {
  const bytes = Buffer.from(file);
  return readChunks(
    Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, n) => bytes.subarray(n * chunkBytes, (n + 1) * chunkBytes)),
  );
}

function refusalOf(file: Buffer | string, chunkBytes?: number): { code: string; details: unknown } {
  try {
    read(file, chunkBytes);
  } catch (error) {
    if (error instanceof AppError) return { code: error.code, details: error.details };
    throw error;
  }
  throw new Error("was read");
}

describe("the CSV reader", () => {
  it(`reads what csv-parse reads, in chunks of any size (seed ${seed})`, () => {
    const cell = fc.string({ unit: fc.constantFrom(..."ab1 \"\n,;ä€😀'", "\t"), maxLength: 6 });
    const table = fc
      .integer({ min: 1, max: 4 })
      .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 8 }));
    const quoting = fc.func(fc.boolean());
    fc.assert(
      fc.property(
        table,
        quoting,
        fc.constantFrom(",", ";", "\t"),
        fc.constantFrom("\n", "\r\n"),
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        fc.boolean(),
        (rows, isQuoted, delimiter, lineBreak, chunkBytes, endsWithBreak, hasBom) => {
          const write = (value: string, at: string) =>
            /[",;\t\n]/.test(value) || value !== value.trim() || isQuoted(at) ? `"${value.replaceAll('"', '""')}"` : value;
          // a plain header decides the delimiter
          const header = (rows[0] as string[]).map((_, index) => `h${index}`);
          const lines = [header, ...rows].map((cells, row) =>
            cells.map((value, column) => write(value, `${row} ${column}`)).join(delimiter),
          );
          const text =
            (hasBom ? "\ufeff" : "") + lines.filter((line) => line.trim() !== "").join(lineBreak) + (endsWithBreak ? lineBreak : "");
          const usedDelimiter = header.length === 1 ? "," : delimiter;
          const expected = parse(text, { bom: true, delimiter: usedDelimiter, relax_column_count: true }) as string[][];
          expect(read(text, chunkBytes).rows).toEqual(expected.filter((cells) => cells.length > 0));
        },
      ),
      { seed, numRuns: 1_500 },
    );
  });

  it(`comes to the same rows, or to a refusal, however any bytes are cut (seed ${seed})`, () => {
    const piece = fc.oneof(
      fc.constantFrom(
        ...['"', '""', ",", ";", "\n", "\r\n", "\r", "a,b\n", '"x\ny"', "ä", "€", "😀", "\ufeff", " ", "\0"].map((text) =>
          Buffer.from(text),
        ),
      ),
      fc.uint8Array({ maxLength: 4 }).map((raw) => Buffer.from(raw)),
    );
    const outcome = (file: Buffer, cuts: readonly number[]) => {
      const borders = [0, ...cuts.map((cut) => cut % (file.length + 1)).sort((a, b) => a - b), file.length];
      try {
        return readChunks(borders.slice(1).map((end, index) => file.subarray(borders[index], end)));
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        return { code: error.code, details: error.details };
      }
    };
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 14 }).map((pieces) => Buffer.concat(pieces)),
        fc.array(fc.nat(), { maxLength: 6 }),
        (file, cuts) => {
          const whole = outcome(file, []);
          const cut = outcome(file, cuts);
          // of two faults the nearer one is seen first only when the other has not come yet
          if ("code" in whole) expect(cut).toMatchObject({ code: expect.stringMatching(/^csv_/) });
          else expect(cut).toEqual(whole);
          if ("rows" in whole) for (const cells of whole.rows) expect(cells).toHaveLength((whole.rows[0] as string[]).length);
        },
      ),
      { seed, numRuns: 1_500 },
    );
  });

  it("gives each row the line on which it begins", () => {
    const file = 'a,b\n1,2\n\n"x\ny\nz",3\n4,5\n';
    for (const chunkBytes of [1, 2, 3, 7, 100]) expect(read(file, chunkBytes).lines).toEqual([1, 2, 4, 7]);
  });

  it.each([1, 2, 3, 4, 5, 64])("finds the same fault at the same place in chunks of %i bytes", (chunkBytes) => {
    expect(refusalOf(Buffer.from("a,b\nä,\xe4\n", "latin1"), chunkBytes)).toMatchObject({
      code: "csv_encoding_invalid",
      details: { offset: 4, line: 2 },
    });
    expect(refusalOf(Buffer.concat([Buffer.from("a,b\n1,€\n2,"), Buffer.from([0xe2, 0x82, 0x41, 0x0a])]), chunkBytes)).toMatchObject({
      code: "csv_encoding_invalid",
      details: { offset: 12, line: 3 },
    });
    expect(refusalOf("a,b\n1,2\n3,\0\n", chunkBytes)).toMatchObject({ code: "csv_nul", details: { offset: 10, line: 3 } });
    expect(refusalOf('a,b\n1,"2\n3,4\n', chunkBytes)).toMatchObject({ code: "csv_quote_unclosed", details: { line: 2, row: 1 } });
    expect(refusalOf('a,b\n1,2\n3,"4\n5",6\n', chunkBytes)).toMatchObject({ code: "csv_row_ragged", details: { line: 3, row: 2 } });
    expect(refusalOf("a,b\r1,2\r3,\0\r", chunkBytes)).toMatchObject({ code: "csv_nul", details: { offset: 10, line: 3 } });
    expect(refusalOf("PK\u0003\u0004xxxx", chunkBytes)).toMatchObject({ code: "csv_not_text" });
  });

  it("holds no more than a line: one without end is refused at its limit", () => {
    const reader = createCsvReader();
    reader.push(Buffer.from("a,b\n"));
    const piece = Buffer.alloc(64 * 1024, "x");
    let pushed = 0;
    expect(() => {
      for (; pushed < 10 * csvLineBytesMax; pushed += piece.length) reader.push(piece);
    }).toThrow(AppError);
    expect(pushed).toBeLessThanOrEqual(csvLineBytesMax + piece.length);
  });

  it("takes the delimiter from outside the quotes of the header", () => {
    expect(read('"a,b,c";d\n1;2\n').rows).toEqual([
      ["a,b,c", "d"],
      ["1", "2"],
    ]);
    expect(read("only\n1\n").rows).toEqual([["only"], ["1"]]);
  });
});

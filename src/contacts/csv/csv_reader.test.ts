import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "csv-parse/sync";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { AppError } from "../../contracts/errors.ts";
import { cellsOf, type RejectedRow, type Rows, valueAt } from "../rows.ts";
import { createCsvReader, csvCellCharactersMax, csvLineBytesMax } from "./csv_reader.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

interface Table {
  rows: string[][];
  lines: number[];
  rejected: RejectedRow[];
}

/** All rows of a file that arrives in these chunks, the header first. */
function readChunks(chunks: readonly Buffer[]): Table {
  const reader = createCsvReader();
  const all: Table = { rows: [], lines: [], rejected: [] };
  const take = (found: Rows) => {
    for (let row = 0; row < found.count; row++) {
      all.rows.push(cellsOf(found, row));
      all.lines.push(found.lines[row] as number);
    }
    all.rejected.push(...found.rejected);
  };
  for (const chunk of chunks) take(reader.push(chunk));
  take(reader.end());
  const { header } = reader;
  return header === null ? all : { ...all, rows: [[...header.cells], ...all.rows], lines: [header.line, ...all.lines] };
}

/** All rows of a file that arrives in chunks of `chunkBytes`. */
function read(file: Buffer | string, chunkBytes = 1_000): Table {
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
          // rows that hold nothing are no rows here
          const filled = expected.filter((cells) => cells.some((value) => value.trim() !== ""));
          expect(read(text, chunkBytes)).toMatchObject({ rows: filled, rejected: [] });
        },
      ),
      { seed, numRuns: randomRuns(400) },
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
        },
      ),
      { seed, numRuns: randomRuns(400) },
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

  it.each([
    [",", "name,phone\nAda,0401234501\n"],
    [";", "Sukunimi, etunimi;Puhelin\nVirtanen, Aino;0401234501\n"],
    [";", "Nimi;Puhelin;Summa, eur\nAda;0401234501;12,50\nBen;0401234502;7,10\nCy;0401234503\n"],
    [";", "Name, first, last, title;Phone\nAda;0401234501\n"],
    ["\t", "name, or nick\tphone\nAda, A.\t0401234501\n"],
    ["|", "name|phone\nAda|+358 40 1234501\n"],
    [",", 'text,phone\n"a;b;c;d",0401234501\n"e;f;g;h\ni;j",0401234502\n'],
    [",", "phone\n0401234501\n"],
    ["~", "sep=~\r\nname~phone\r\nAda~0401234501\r\n"],
    [";", "\ufeffsep=;\r\nname;phone\r\nAda;0401234501\r\n"],
    [";", '"sep=;";\nname;phone\nAda, B;0401234501\n'],
    ["\t", "sep=\t\nname\tphone\nAda\t0401234501\n"],
  ])("judges the delimiter %j over several lines: %j", (delimiter, text) => {
    for (const chunkBytes of [1, 7, 1_000]) {
      const reader = createCsvReader();
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; at += chunkBytes) reader.push(bytes.subarray(at, at + chunkBytes));
      reader.end();
      expect(reader.delimiter).toBe(delimiter);
    }
  });

  it("does not take a `sep=` line for the header, and counts it as a line", () => {
    expect(read("sep=;\r\nname;phone\r\nAda;0401234501\r\n")).toEqual({
      rows: [
        ["name", "phone"],
        ["Ada", "0401234501"],
      ],
      lines: [2, 3],
      rejected: [],
    });
  });

  it("takes missing last cells for empty, and extra cells that hold nothing for none", () => {
    const text = "phone,name,note\r\n1,P0,vegan\r\n2,P1,\r\n3,P2\r\n4\r\n5,P4,x,\r\n6,P5,y, ,,\r\n";
    expect(read(text).rows.slice(1)).toEqual([
      ["1", "P0", "vegan"],
      ["2", "P1", ""],
      ["3", "P2", ""],
      ["4", "", ""],
      ["5", "P4", "x"],
      ["6", "P5", "y"],
    ]);
    expect(read(text).rejected).toEqual([]);
    expect(read('a,b\n"1","2",""\n"3"\n').rows.slice(1)).toEqual([
      ["1", "2"],
      ["3", ""],
    ]);
  });

  it.each(["\n", "\r\n", "\r"])("rejects a row with a filled extra cell, and reads on (line break %j)", (lineBreak) => {
    const text = ["a,b", "1,2", "3,4,5", '"6",7,"8"', "9,10", ""].join(lineBreak);
    for (const chunkBytes of [1, 3, 1_000]) {
      expect(read(text, chunkBytes)).toEqual({
        rows: [
          ["a", "b"],
          ["1", "2"],
          ["9", "10"],
        ],
        lines: [1, 2, 5],
        rejected: [
          { line: 3, reason: "row_ragged", cells: ["3", "4", "5"] },
          { line: 4, reason: "row_ragged", cells: ["6", "7", "8"] },
        ],
      });
    }
  });

  it("takes rows without a filled cell for nothing", () => {
    const text = 'a,b,c\n,,,\n1,2,3\n\n , ,\t\n"","",""\n\u00a0,,\n4,5,6\n';
    expect(read(text)).toMatchObject({ lines: [1, 3, 8], rejected: [] });
  });

  it("takes a quote inside a cell that does not begin with one for a character", () => {
    const text = 'name,phone\nAda "A" L,="0401234501"\n5" pipe,2\n37°36\'37.8"N 121°2\'17.9"W,3\n';
    expect(read(text)).toMatchObject({
      rows: [
        ["name", "phone"],
        ['Ada "A" L', "0401234501"],
        ['5" pipe', "2"],
        ["37°36'37.8\"N 121°2'17.9\"W", "3"],
      ],
      rejected: [],
    });
  });

  it.each([
    ["never closed, the last quote of the file", '"Ben,2', "Cy,3\nDi,4"],
    ["closed by the next row's quote", '"Ben,2', '"Cy",3\nDi,4'],
    ["closed by a quote within the next row", '"Ben,2', 'Cy,3\n"Di",4'],
    ["with something behind the closing one", '"Ben" B,2', "Cy,3\nDi,4"],
    ["in the row's last cell", 'Ben,"2', "Cy,3\nDi,4"],
  ])("rejects a row whose quote is %s, and resumes on the next line", (_, broken, rest) => {
    const text = `name,phone\nAda,1\n${broken}\n${rest}\n`;
    for (const chunkBytes of [1, 5, 1_000]) {
      expect(read(text, chunkBytes)).toEqual({
        rows: [
          ["name", "phone"],
          ["Ada", "1"],
          ["Cy", "3"],
          ["Di", "4"],
        ],
        lines: [1, 2, 4, 5],
        rejected: [{ line: 3, reason: "quote_unclosed", cells: [broken] }],
      });
    }
  });

  it("gives up on a quote after a megabyte, and resumes on its second line", () => {
    const filler = `${"x".repeat(99)},y\n`.repeat(20_000);
    const { rows, rejected, lines } = read(`a,b\n"1,2\n${filler}3,4\n`, 65_536);
    expect(rejected).toEqual([{ line: 2, reason: "quote_unclosed", cells: ['"1,2'] }]);
    expect(rows).toHaveLength(20_002);
    expect(lines.slice(0, 3)).toEqual([1, 3, 4]);
    expect(lines.at(-1)).toBe(20_003);
  });

  it("refuses a file whose header has a broken quote: no row of data is taken for the header", () => {
    expect(refusalOf('"name,phone\nAda,1\nBen,2\n')).toMatchObject({ code: "csv_quote_unclosed", details: { line: 1 } });
    expect(refusalOf('"name"x,phone\nAda,1\n')).toMatchObject({ code: "csv_quote_unclosed", details: { line: 1 } });
  });

  it("keeps the line breaks of a cell as they stand, and gives the text one \\n for each", () => {
    const reader = createCsvReader();
    reader.push(Buffer.from('a,b\r\n"x\r\ny\nz\rw", v \r\n'));
    const rows = reader.end();
    expect(cellsOf(rows, 0)).toEqual(["x\r\ny\nz\rw", " v "]);
    expect([valueAt(rows, 0, 0), valueAt(rows, 0, 1)]).toEqual(["x\ny\nz\nw", "v"]);
  });

  it("takes a lone \\r outside quotes for the end of a row", () => {
    expect(read("a,b\n1,2\r3,4\n5,6\r\n7,8\r").lines).toEqual([1, 2, 3, 4, 5]);
    const classic = `phone,name\r${"0401234501,Ada\r".repeat(20_000)}`;
    expect(read(classic, 8_192).rows).toHaveLength(20_001);
  });

  it("rejects the row of a cell that is too long", () => {
    const long = "x".repeat(csvCellCharactersMax + 1);
    expect(read(`a,b\n1,${long}\n2,"${long}"\n3,${long.slice(1)}\n`, 65_536)).toMatchObject({
      lines: [1, 4],
      rejected: [
        { line: 2, reason: "cell_too_long" },
        { line: 3, reason: "cell_too_long" },
      ],
    });
  });

  it("takes marks that show nothing from the header's names, and the joiners of a word not", () => {
    const text = "\ufeffphone\u200b,\u200e name\ufeff , na\u00adme,نام\u200cها\u200f\n1,2,3,4\n";
    expect(read(text).rows[0]).toEqual(["phone", "name", "name", "نام\u200cها"]);
  });

  it("reads 10,000 columns, in memory as large as the cells that are filled", () => {
    const header = Array.from({ length: 10_000 }, (_, n) => `c${n}`).join(",");
    const { rows } = read(`${header}\n${"1\n".repeat(1_000)}${"1,".repeat(9_999)}2\n`, 65_536);
    expect(rows.at(-1)?.at(-1)).toBe("2");
    const reader = createCsvReader();
    const bytes = Buffer.from(`${header}\n${"1\n".repeat(100_000)}`);
    for (let at = 0; at < bytes.length; at += 65_536)
      expect(reader.push(bytes.subarray(at, at + 65_536)).bounds.length).toBeLessThan(500_000);
  });

  describe("csv-spectrum", () => {
    const folder = join(dirname(fileURLToPath(import.meta.resolve("csv-spectrum"))), ".");
    const names = readdirSync(join(folder, "csvs")).map((file) => file.replace(/\.csv$/, ""));

    it.each(names)("gives the cells that %s expects", (name) => {
      const bytes = readFileSync(join(folder, "csvs", `${name}.csv`));
      const { rows, rejected } = read(bytes);
      const [header, ...cells] = rows as [string[], ...string[][]];
      const objects = cells.map((row) => Object.fromEntries(row.map((value, column) => [header[column], value])));
      const expected: unknown = JSON.parse(readFileSync(join(folder, "json", `${name}.json`), "utf8"));
      expect(rejected).toEqual([]);
      if (name !== "location_coordinates") return expect(objects).toEqual(expected);
      // the expected file has another number than its own CSV
      expect(objects).toEqual([{ ...(expected as object), "Contact Phone Number": "2095257564" }]);
    });
  });
});

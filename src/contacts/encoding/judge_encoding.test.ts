import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { randomRuns } from "../../../testing/random_runs.ts";
import { AppError } from "../../contracts/errors.ts";
import { ambiguousBytes, type Encoding, encodingNamed, encodings, undefinedBytes } from "./encodings.ts";
import { createEncodingJudge, type EncodingVerdict, encodingFor } from "./judge_encoding.ts";
import { createTranscoder } from "./transcode.ts";

const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);

/** The pieces between these cuts. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const borders = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return borders.slice(1).map((end, index) => bytes.subarray(borders[index], end));
}

function verdictOf(bytes: Uint8Array, cuts: readonly number[] = []): EncodingVerdict {
  const judge = createEncodingJudge();
  for (const piece of pieces(bytes, cuts)) judge.push(piece);
  return judge.end();
}

function transcoded(bytes: Uint8Array, encoding: Encoding, cuts: readonly number[] = []): string {
  const transcoder = createTranscoder(encoding);
  const all = pieces(bytes, cuts).map((piece) => Buffer.from(transcoder.push(piece)));
  return Buffer.concat([...all, Buffer.from(transcoder.end())]).toString();
}

const utf16be = (text: string) => Buffer.from(text, "utf16le").swap16();
const table = "name,phone\nPäivi Öhman,0401234501\n";

describe("the encoding of a file", () => {
  it.each<[string, Buffer, Encoding]>([
    ["ASCII", Buffer.from("name,phone\nAda,0401234501\n"), "utf-8"],
    ["UTF-8", Buffer.from(table), "utf-8"],
    ["UTF-8 with a mark", Buffer.from(`\ufeff${table}`), "utf-8"],
    ["nothing", Buffer.alloc(0), "utf-8"],
    ["UTF-16LE with a mark", Buffer.from(`\ufeff${table}`, "utf16le"), "utf-16le"],
    ["UTF-16BE with a mark", utf16be(`\ufeff${table}`), "utf-16be"],
    ["UTF-16LE without", Buffer.from(table, "utf16le"), "utf-16le"],
    ["UTF-16BE without", utf16be(table), "utf-16be"],
    ["UTF-16LE without, in Russian", Buffer.from("Имя;Телефон\r\nАнна;+79161234567\r\n", "utf16le"), "utf-16le"],
    ["letters from 0xA0 up", Buffer.from(table, "latin1"), "windows-1252"],
    ["bytes of 0x80-0x9F", Buffer.from("name,phone\nJ\x92s \x80\xa4,0401234501\n", "latin1"), "windows-1252"],
  ])("is told for %s", (_, bytes, encoding) => {
    expect(verdictOf(bytes)).toMatchObject({ kind: "told", encoding });
    expect(verdictOf(bytes, [1, 2, 3, 11, 12, 13])).toEqual(verdictOf(bytes));
  });

  it.each(ambiguousBytes)("is asked for when 0x%s stands in the file and none of 0x80-0x9F", (byte) => {
    const bytes = Buffer.from(`name,phone\r\nAda,1\r\nX${String.fromCharCode(byte)}y,0401234501\r\n`, "latin1");
    const verdict = verdictOf(bytes);
    expect(verdict).toMatchObject({ kind: "ambiguous", line: 3 });
    if (verdict.kind !== "ambiguous") return;
    const { "windows-1252": one, "iso-8859-15": other } = verdict.readings;
    expect(one).toBe(`X${String.fromCharCode(byte)}y,0401234501`);
    expect(other).toMatch(/^X.y,0401234501$/);
    expect(other).not.toBe(one);
    for (const cuts of [[24], [25, 26], [1, 2, 23]]) expect(verdictOf(bytes, cuts)).toEqual(verdict);
    expect(() => encodingFor(verdict, null)).toThrow(AppError);
    expect(encodingFor(verdict, "iso-8859-15")).toBe("iso-8859-15");
    // one byte of 0x80-0x9F settles it, wherever it stands
    expect(verdictOf(Buffer.concat([bytes, Buffer.from([0x41, 0x92, 0x0a])]))).toMatchObject({ kind: "told", encoding: "windows-1252" });
  });

  it.each(undefinedBytes)("is refused for byte %i, which Windows-1252 does not have", (byte) => {
    const bytes = Buffer.concat([Buffer.from("name,phone\nP\xe4ivi,1\nA", "latin1"), Buffer.from([byte]), Buffer.from("\n")]);
    expect(verdictOf(bytes)).toMatchObject({ kind: "invalid", line: 3, byte });
    expect(() => encodingFor(verdictOf(bytes), null)).toThrow(/Line 3 has the byte 0x/);
  });

  it.each([
    ["in the middle", Buffer.concat([Buffer.from(`${table}Päivi,2\nP`), Buffer.from([0xe4]), Buffer.from("ivi,3\nMä,4\n")]), 4],
    ["behind a mark", Buffer.concat([Buffer.from("\ufeffname\nP"), Buffer.from([0xe4]), Buffer.from("ivi\n")]), 2],
    ["cut off at the end", Buffer.from(`${table}ÄÖ€`).subarray(0, -1), 3],
  ])("is refused for UTF-8 with a wrong byte %s: nobody reads 'PÃ¤ivi'", (_, bytes, line) => {
    expect(verdictOf(bytes)).toMatchObject({ kind: "invalid", line });
  });

  it("is refused for UTF-16 with half a character", () => {
    expect(verdictOf(Buffer.from(`\ufeff${table}\ud83d,1\n`, "utf16le"))).toMatchObject({ kind: "invalid", line: 3 });
    expect(verdictOf(Buffer.from(`\ufeff${table}`, "utf16le").subarray(0, -1))).toMatchObject({ kind: "invalid" });
  });

  it("leaves a single NUL to the reader, which names its line", () => {
    expect(verdictOf(Buffer.from("name,phone\nA\0da,1\n"))).toMatchObject({ kind: "told", encoding: "utf-8" });
  });

  it(`is the same however the bytes are cut, and UTF-8 exactly when Node's decoder takes it (seed ${seed})`, () => {
    const piece = fc.oneof(
      fc.constantFrom(...["a", "\n", "\r\n", "\r", "ä", "€", "😀", ","].map((text) => Buffer.from(text))),
      fc.uint8Array({ min: 0x80, maxLength: 3 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 5 }), (all, cuts) => {
        const bytes = Buffer.concat([Buffer.from("name\n"), ...all]);
        const verdict = verdictOf(bytes);
        expect(verdictOf(bytes, cuts)).toEqual(verdict);
        const isValid = Buffer.from(bytes.toString("utf8")).equals(bytes);
        expect(verdict.kind === "told" && verdict.encoding === "utf-8").toBe(isValid);
        if (verdict.kind !== "told") expect(verdict.line).toBeLessThanOrEqual(bytes.toString("latin1").split(/\r\n|\r|\n/).length);
      }),
      { seed, numRuns: randomRuns(500) },
    );
  });
});

describe("transcoding to UTF-8", () => {
  it.each<[Encoding, Buffer]>([
    ["utf-8", Buffer.from("Päivi €")],
    ["utf-16le", Buffer.from("\ufeffPäivi €", "utf16le")],
    ["utf-16be", utf16be("Päivi €")],
    ["windows-1252", Buffer.from("P\xe4ivi \x80", "latin1")],
    ["iso-8859-15", Buffer.from("P\xe4ivi \xa4", "latin1")],
  ])("reads %s, wherever it is cut", (encoding, bytes) => {
    for (let cut = 0; cut <= bytes.length; cut++) expect(transcoded(bytes, encoding, [cut, cut + 1])).toBe("Päivi €");
  });

  it("gives every character of Windows-1252 and ISO-8859-15 that ICU gives", () => {
    for (const encoding of ["windows-1252", "iso-8859-15"] as const) {
      for (let byte = 0xa0; byte < 0x100; byte++) {
        expect(transcoded(Uint8Array.of(byte), encoding)).toBe(new TextDecoder(encoding).decode(Uint8Array.of(byte)));
      }
    }
    expect(
      transcoded(
        Uint8Array.from({ length: 32 }, (_, n) => 0x80 + n),
        "windows-1252",
      ),
    ).toBe("€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ");
  });

  it("refuses UTF-16 that ends within a character", () => {
    expect(() => transcoded(Buffer.from([0x41, 0x00, 0x41]), "utf-16le")).toThrow(AppError);
    expect(() => transcoded(Buffer.from([0x3d, 0xd8]), "utf-16le")).toThrow(AppError);
  });
});

it("knows encodings by the names that people write", () => {
  expect(encodings.map(encodingNamed)).toEqual([...encodings]);
  expect(["UTF8", "Windows 1252", "cp1252", "ISO_8859-1", "Latin-9", "koi8-r", ""].map(encodingNamed)).toEqual([
    "utf-8",
    "windows-1252",
    "windows-1252",
    "windows-1252",
    "iso-8859-15",
    null,
    null,
  ]);
});

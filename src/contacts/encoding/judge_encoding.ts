// Which encoding a file is in, judged by its bytes alone: all of them, because one byte near the
// end can decide. Called while an upload is received (so it needs no second pass), and by the
// console before it reads a file.
//
//   a byte order mark               is believed
//   zeros in every other byte       UTF-16 without a mark
//   valid UTF-8                     UTF-8
//   UTF-8 but for some bytes        invalid: as Windows-1252 it would turn "Päivi" into "PÃ¤ivi"
//   bytes 0x80-0x9F                 Windows-1252; invalid if it has no character for one of them
//   bytes on which Windows-1252 and ISO-8859-15 differ, and none of 0x80-0x9F: ambiguous
//   other bytes from 0xA0 up        Windows-1252; both read the same
import { AppError } from "../../contracts/errors.ts";
import { ambiguousBytes, type Encoding, textOfBytes, undefinedBytes } from "./encodings.ts";
import { createLineCounter, type LineCounter } from "./line_counter.ts";
import { createUtf8Checker, type Utf8Checker, type Utf8Count } from "./utf8_checker.ts";

/** `line` counts from 1. `reason` is a sentence for a person. */
export type EncodingVerdict =
  | { kind: "told"; encoding: Encoding; reason: string }
  | { kind: "ambiguous"; line: number; readings: { "windows-1252": string; "iso-8859-15": string } }
  | { kind: "invalid"; line: number; byte: number; reason: string };

export interface EncodingJudge {
  push(chunk: Uint8Array): void;
  /** The verdict on everything that was pushed. */
  end(): EncodingVerdict;
}

/** Enough to recognise UTF-16 without a mark. */
const beginningBytes = 4096;
/** Characters shown before and after the byte in question. */
const excerptBytes = 40;

/** A judge for one file. */
export function createEncodingJudge(): EncodingJudge {
  let beginning = new Uint8Array(0);
  let judge: EncodingJudge | null = null;
  const start = () => {
    judge = judgeFor(beginning);
    judge.push(beginning);
    return judge;
  };
  return {
    push(chunk) {
      if (judge !== null) return judge.push(chunk);
      const needed = beginningBytes - beginning.length;
      const grown = new Uint8Array(beginning.length + Math.min(needed, chunk.length));
      grown.set(beginning);
      grown.set(chunk.subarray(0, needed), beginning.length);
      beginning = grown;
      if (beginning.length === beginningBytes) start().push(chunk.subarray(needed));
    },
    end: () => (judge ?? start()).end(),
  };
}

/** The verdict on a file. */
export async function judgeEncoding(chunks: AsyncIterable<Uint8Array>): Promise<EncodingVerdict> {
  const judge = createEncodingJudge();
  for await (const chunk of chunks) judge.push(chunk);
  return judge.end();
}

function judgeFor(beginning: Uint8Array): EncodingJudge {
  const [first, second] = beginning;
  if (first === 0xff && second === 0xfe) return utf16Judge("utf-16le", "It begins with the byte order mark of UTF-16LE.");
  if (first === 0xfe && second === 0xff) return utf16Judge("utf-16be", "It begins with the byte order mark of UTF-16BE.");
  const zeros = [0, 0] as [number, number];
  for (const [at, byte] of beginning.entries()) if (byte === 0) zeros[(at % 2) as 0 | 1]++;
  const [even, odd] = zeros;
  // a fifth of the characters: line breaks, delimiters and digits alone make more than that
  const enough = Math.max(1, beginning.length / 10);
  if (odd >= enough && even * 10 < odd) return utf16Judge("utf-16le", "Every other byte is zero, as in UTF-16LE.");
  if (even >= enough && odd * 10 < even) return utf16Judge("utf-16be", "Every other byte is zero, as in UTF-16BE.");
  return byteJudge(first === 0xef && second === 0xbb && beginning[2] === 0xbf);
}

/** Checks that surrogates come in pairs. */
function utf16Judge(encoding: "utf-16le" | "utf-16be", reason: string): EncodingJudge {
  const high = encoding === "utf-16be" ? 0 : 1;
  let at = 0;
  let line = 1;
  let other = 0;
  let afterHigh = false;
  let bad: { line: number; byte: number } | null = null;
  const takeUnit = (unit: number) => {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== afterHigh) bad ??= { line, byte: unit >> 8 };
    afterHigh = unit >= 0xd800 && unit <= 0xdbff;
    if (unit === 0x0a) line++;
  };
  return {
    push(chunk) {
      for (let from = 0; from < chunk.length; from++, at++) {
        const byte = chunk[from] as number;
        if (at % 2 === 0) other = byte;
        else takeUnit(high === 1 ? (byte << 8) | other : (other << 8) | byte);
      }
    },
    end() {
      if (at % 2 === 1 || afterHigh) bad ??= { line, byte: other };
      if (bad === null) return { kind: "told", encoding, reason };
      return { kind: "invalid", ...bad, reason: `Line ${bad.line} is not valid UTF-16: it has half a character.` };
    },
  };
}

interface Place {
  line: number;
  byte: number;
}

/** What the bytes from 0x80 up were, while they may still be a single-byte encoding. */
interface HighBytes {
  lines: LineCounter;
  /** First byte of each kind. */
  undefined: Place | null;
  ambiguous: (Place & { excerpt: number[]; isOpen: boolean }) | null;
  hasControls: boolean;
}

const isUndefined = Uint8Array.from({ length: 256 }, (_, byte) => (undefinedBytes.includes(byte) ? 1 : 0));
const isAmbiguous = Uint8Array.from({ length: 256 }, (_, byte) => (ambiguousBytes.includes(byte) ? 1 : 0));

/** Examines the bytes from 0x80 up, one by one; all others are skipped. */
function byteJudge(hasMark: boolean): EncodingJudge {
  const lines = createLineCounter();
  const utf8 = createUtf8Checker(lines);
  const high: HighBytes = { lines, undefined: null, ambiguous: null, hasControls: false };
  return {
    push(chunk) {
      lines.begin(chunk);
      if (high.ambiguous?.isOpen) keepBehind(high.ambiguous, chunk, 0);
      for (let at = nextHigh(chunk, 0, utf8); at < chunk.length; at = nextHigh(chunk, at + 1, utf8)) {
        utf8.take(chunk[at] as number, at);
        takeHigh(high, chunk, at);
      }
      lines.end();
    },
    end: () => verdictOf(high, utf8.end(), hasMark),
  };
}

/**
 * The offset of the next byte from 0x80 up; the byte before it ended any character that had begun.
 */
function nextHigh(chunk: Uint8Array, from: number, utf8: Utf8Checker): number {
  let at = from;
  while (at < chunk.length && (chunk[at] as number) < 0x80) at++;
  if (at > from) utf8.breakOff(from);
  return at;
}

function takeHigh(high: HighBytes, chunk: Uint8Array, at: number): void {
  const byte = chunk[at] as number;
  if (byte < 0xa0) high.hasControls = true;
  if (isUndefined[byte] === 1) high.undefined ??= { line: high.lines.lineAt(at), byte };
  if (isAmbiguous[byte] === 1 && high.ambiguous === null) {
    high.ambiguous = { line: high.lines.lineAt(at), byte, excerpt: high.lines.before(at, excerptBytes), isOpen: true };
    keepBehind(high.ambiguous, chunk, at);
  }
}

function keepBehind(ambiguous: NonNullable<HighBytes["ambiguous"]>, chunk: Uint8Array, from: number): void {
  for (let at = from; at < chunk.length && ambiguous.isOpen; at++) {
    const byte = chunk[at] as number;
    ambiguous.isOpen = byte !== 0x0a && byte !== 0x0d && ambiguous.excerpt.push(byte) < 2 * excerptBytes;
  }
}

function verdictOf(high: HighBytes, utf8: Utf8Count, hasMark: boolean): EncodingVerdict {
  if (utf8.first === null) return told("utf-8", utf8.characters === 0 ? "It is plain ASCII." : "All its bytes are valid UTF-8.");
  if (hasMark || utf8.characters > utf8.invalid) return invalid(utf8.first, "the rest of the file is UTF-8, this byte is not");
  if (high.undefined !== null) return invalid(high.undefined, "neither UTF-8 nor Windows-1252 has a character for it");
  if (high.hasControls) return told("windows-1252", "It has bytes from 0x80 to 0x9F, which are letters and signs in Windows-1252 alone.");
  if (high.ambiguous === null) return told("windows-1252", "It is not UTF-8; Windows-1252 and ISO-8859-15 agree on it.");
  const { line, excerpt } = high.ambiguous;
  const readings = { "windows-1252": textOfBytes(excerpt, "windows-1252"), "iso-8859-15": textOfBytes(excerpt, "iso-8859-15") };
  return { kind: "ambiguous", line, readings };
}

const told = (encoding: Encoding, reason: string): EncodingVerdict => ({ kind: "told", encoding, reason });

function invalid({ line, byte }: Place, why: string): EncodingVerdict {
  const reason = `Line ${line} has the byte 0x${byte.toString(16).toUpperCase().padStart(2, "0")}: ${why}.`;
  return { kind: "invalid", line, byte, reason };
}

/**
 * The encoding to read a file in: the one that the caller named, otherwise the one judged from the
 * bytes.
 * @throws AppError csv_encoding_ambiguous (with both readings), csv_encoding_invalid, both with the
 * line.
 */
export function encodingFor(verdict: EncodingVerdict, named: Encoding | null): Encoding {
  if (named !== null) return named;
  if (verdict.kind === "told") return verdict.encoding;
  const { line } = verdict;
  if (verdict.kind === "invalid") {
    throw new AppError("csv_encoding_invalid", `${verdict.reason} Save the file as CSV UTF-8, or name its encoding.`, {
      details: { line, byte: verdict.byte },
    });
  }
  const { "windows-1252": one, "iso-8859-15": other } = verdict.readings;
  throw new AppError(
    "csv_encoding_ambiguous",
    `Line ${line} reads ${JSON.stringify(one)} in Windows-1252 and ${JSON.stringify(other)} in ISO-8859-15. Name the encoding.`,
    { details: { line, encodings: ["windows-1252", "iso-8859-15"], readings: [one, other] } },
  );
}

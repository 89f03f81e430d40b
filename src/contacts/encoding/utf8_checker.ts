// Whether bytes from 0x80 up are valid UTF-8, with the line of the first that are not. Called by
// judge_encoding.ts.
import type { LineCounter } from "./line_counter.ts";

export interface Utf8Count {
  /** Characters of more than one byte. */
  characters: number;
  /** Bytes that do not belong to a character. */
  invalid: number;
  first: { line: number; byte: number } | null;
}

export interface Utf8Checker {
  /** A byte from 0x80 up, at this offset of the chunk. */
  take(byte: number, at: number): void;
  /** There is a byte below 0x80 at this offset. */
  breakOff(at: number): void;
  end(): Utf8Count;
}

export function createUtf8Checker(lines: LineCounter): Utf8Checker {
  const count: Utf8Count = { characters: 0, invalid: 0, first: null };
  /**
   * The character that has begun: its first byte, the bytes it still needs, and what the next one
   * may be.
   */
  let lead = 0;
  let needed = 0;
  let taken = 0;
  let low = 0x80;
  let high = 0xbf;

  const fail = (byte: number, bytes: number, at: number) => {
    count.invalid += bytes;
    count.first ??= { line: lines.lineAt(at), byte };
    needed = 0;
  };
  const begin = (byte: number, at: number) => {
    low = 0x80;
    high = 0xbf;
    taken = 1;
    lead = byte;
    if (byte < 0xc2 || byte > 0xf4) fail(byte, 1, at);
    else if (byte < 0xe0) needed = 1;
    else if (byte < 0xf0) {
      needed = 2;
      // overlong forms, and halves of UTF-16
      if (byte === 0xe0) low = 0xa0;
      if (byte === 0xed) high = 0x9f;
    } else {
      needed = 3;
      if (byte === 0xf0) low = 0x90;
      if (byte === 0xf4) high = 0x8f;
    }
  };
  return {
    take(byte, at) {
      if (needed === 0) return begin(byte, at);
      if (byte < low || byte > high) {
        fail(lead, taken, at);
        return begin(byte, at);
      }
      low = 0x80;
      high = 0xbf;
      taken++;
      if (--needed === 0) count.characters++;
    },
    breakOff(at) {
      if (needed > 0) fail(lead, taken, at);
    },
    end() {
      if (needed > 0) fail(lead, taken, 0);
      return count;
    },
  };
}

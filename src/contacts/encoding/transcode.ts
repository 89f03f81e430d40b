// Any encoding to UTF-8, chunk by chunk, so that the CSV reader only needs to know one. Never holds
// the whole file. Called before the reader, with the encoding judged from the bytes or named by the
// caller.
import { AppError } from "../../contracts/errors.ts";
import { codePointsOf, type Encoding, type SingleByteEncoding } from "./encodings.ts";

export interface Transcoder {
  /** UTF-8 of the characters that end within this chunk; valid until the next call. */
  push(chunk: Uint8Array): Uint8Array;
  /** The rest. @throws AppError csv_encoding_invalid: the file ends within a character. */
  end(): Uint8Array;
}

const nothing = new Uint8Array(0);

/** A transcoder for one file. UTF-8 passes through unchecked: the reader checks it. */
export function createTranscoder(encoding: Encoding): Transcoder {
  if (encoding === "utf-8") return { push: (chunk) => chunk, end: () => nothing };
  return encoding === "utf-16le" || encoding === "utf-16be" ? utf16(encoding === "utf-16be") : singleByte(encoding);
}

/** The whole of a file as UTF-8. */
export async function* transcode(chunks: AsyncIterable<Uint8Array>, encoding: Encoding): AsyncGenerator<Uint8Array> {
  const transcoder = createTranscoder(encoding);
  for await (const chunk of chunks) yield transcoder.push(chunk);
  yield transcoder.end();
}

function singleByte(encoding: SingleByteEncoding): Transcoder {
  const codePoints = codePointsOf(encoding);
  let to = nothing;
  return {
    push(chunk) {
      // no code point of the tables needs more than three bytes
      if (to.length < 3 * chunk.length) to = new Uint8Array(3 * chunk.length);
      let at = 0;
      for (let from = 0; from < chunk.length; from++) {
        const byte = chunk[from] as number;
        if (byte < 0x80) to[at++] = byte;
        else at = putCodePoint(to, at, codePoints[byte] as number);
      }
      return to.subarray(0, at);
    },
    end: () => nothing,
  };
}

/**
 * Writes a code point from U+0080 to U+FFFF that is not a surrogate. Returns where the next one
 * goes.
 */
function putCodePoint(to: Uint8Array, at: number, codePoint: number): number {
  let next = at;
  if (codePoint < 0x800) to[next++] = 0xc0 | (codePoint >> 6);
  else {
    to[next++] = 0xe0 | (codePoint >> 12);
    to[next++] = 0x80 | ((codePoint >> 6) & 0x3f);
  }
  to[next++] = 0x80 | (codePoint & 0x3f);
  return next;
}

function utf16(isBigEndian: boolean): Transcoder {
  const decoder = new TextDecoder("utf-16le", { fatal: true });
  const encoder = new TextEncoder();
  /** The first byte of a pair whose second has not arrived. */
  let odd: number | null = null;
  const decode = (bytes: Uint8Array, isMore: boolean) => {
    try {
      return encoder.encode(decoder.decode(bytes, { stream: isMore }));
    } catch (error) {
      throw brokenUtf16(error);
    }
  };
  return {
    push(chunk) {
      const bytes = new Uint8Array((odd === null ? 0 : 1) + chunk.length);
      if (odd !== null) bytes[0] = odd;
      bytes.set(chunk, odd === null ? 0 : 1);
      odd = bytes.length % 2 === 1 ? (bytes.at(-1) as number) : null;
      const pairs = bytes.subarray(0, bytes.length - (bytes.length % 2));
      if (isBigEndian) swapPairs(pairs);
      return decode(pairs, true);
    },
    end() {
      if (odd !== null) throw brokenUtf16(undefined);
      return decode(nothing, false);
    },
  };
}

function swapPairs(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; at += 2) {
    const first = bytes[at] as number;
    bytes[at] = bytes[at + 1] as number;
    bytes[at + 1] = first;
  }
}

function brokenUtf16(cause: unknown): AppError {
  return new AppError("csv_encoding_invalid", "The file is not valid UTF-16: it has half a character. Save it as CSV UTF-8.", { cause });
}

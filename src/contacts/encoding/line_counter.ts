// Lines of a file that arrives in chunks; the line of a byte is computed only for the few that are
// asked for. Called by judge_encoding.ts.

export interface LineCounter {
  begin(chunk: Uint8Array): void;
  /** The line of a byte of the chunk, counted from 1. */
  lineAt(at: number): number;
  /** At most `count` bytes before this one, from the same line. */
  before(at: number, count: number): number[];
  end(): void;
}

/** Bytes of earlier chunks that are kept. */
const tailBytes = 64;

export function createLineCounter(): LineCounter {
  let chunk: Uint8Array = new Uint8Array(0);
  /** The line on which the chunk begins. */
  let line = 1;
  let tail: number[] = [];
  const breaksBefore = (end: number) => {
    let breaks = 0;
    for (let at = 0; at < end; at++) {
      const byte = chunk[at] as number;
      if (byte > 0x0d) continue;
      if (byte === 0x0d || (byte === 0x0a && (at === 0 ? tail.at(-1) : chunk[at - 1]) !== 0x0d)) breaks++;
    }
    return breaks;
  };
  return {
    begin(next) {
      chunk = next;
    },
    lineAt: (at) => line + breaksBefore(at),
    before(at, count) {
      const bytes = [...tail, ...chunk.subarray(Math.max(0, at - count), at)].slice(-count);
      return bytes.slice(bytes.findLastIndex((byte) => byte === 0x0a || byte === 0x0d) + 1);
    },
    end() {
      line += breaksBefore(chunk.length);
      tail = [...tail, ...chunk.subarray(-tailBytes)].slice(-tailBytes);
    },
  };
}

// Chance without state: the n-th draw of a message is a hash of (seed, batch, row, purpose). Asked
// again, in another process or after a crash, it answers the same.

/** What a seed and a batch come to; made once a batch. */
export interface ChanceStream {
  readonly first: number;
  readonly second: number;
}

/** `batchId` is a UUID in lower case. */
export function chanceStream(seed: number, batchId: string): ChanceStream {
  const hex = batchId.replaceAll("-", "");
  let first = mixed(seed ^ 0x9e3779b9);
  let second = mixed(first ^ 0x85ebca6b);
  for (let at = 0; at < 32; at += 8) {
    const word = Number.parseInt(hex.slice(at, at + 8), 16) | 0;
    first = mixed(first ^ word);
    second = mixed((second + Math.imul(word, 0xc2b2ae35)) ^ first);
  }
  return { first, second };
}

/** A number in [0, 1), 32 bits of it. Each `purpose` of a row is an independent draw. */
export function draw(stream: ChanceStream, rowNo: number, purpose: number): number {
  const row = mixed(stream.first + Math.imul(rowNo, 0x9e3779b1));
  return (mixed(row ^ (stream.second + Math.imul(purpose + 1, 0x85ebca77))) >>> 0) / 0x1_0000_0000;
}

/** Log-normal by Box-Muller from the draws `purpose` and `purpose + 1`. */
export function drawLogNormal(stream: ChanceStream, rowNo: number, purpose: number, median: number, sigma: number): number {
  if (median === 0) return 0;
  // 1 - draw is in (0, 1]: the logarithm is finite
  const radius = Math.sqrt(-2 * Math.log(1 - draw(stream, rowNo, purpose)));
  const normal = radius * Math.cos(2 * Math.PI * draw(stream, rowNo, purpose + 1));
  return median * Math.exp(sigma * normal);
}

/**
 * The 32-bit finalizer `lowbias32` (https://nullprogram.com/blog/2018/07/31/): every input bit
 * moves every output bit.
 */
export function mixed(word: number): number {
  let x = word | 0;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return x ^ (x >>> 16);
}

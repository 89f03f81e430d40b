// A queue of pairs of 32-bit numbers in flat memory, 8 bytes per pair. The numbers mean something
// to the caller: the simulator queues receipts as (segment, message and receipt).

/**
 * The same length; entry n of both is one pair. Plain arrays: a typed array is expensive to make
 * for the one item of a body of its own.
 */
export interface Pairs {
  owners: number[];
  whats: number[];
}

export interface PairQueue {
  push(owner: number, what: number): void;
  /** The oldest, at most `most`, as copies. */
  take(most: number): Pairs;
  size(): number;
}

const pairsAtFirst = 64;

export function createPairQueue(): PairQueue {
  let owners = new Uint32Array(pairsAtFirst);
  let whats = new Uint32Array(pairsAtFirst);
  let head = 0;
  let size = 0;

  const resize = (capacity: number): void => {
    const resized = (from: Uint32Array): Uint32Array<ArrayBuffer> => {
      const into = new Uint32Array(capacity);
      for (let at = 0; at < size; at++) into[at] = from[(head + at) & (from.length - 1)] as number;
      return into;
    };
    owners = resized(owners);
    whats = resized(whats);
    head = 0;
  };

  return {
    push(owner, what) {
      if (size === owners.length) resize(owners.length * 2);
      const at = (head + size) & (owners.length - 1);
      owners[at] = owner;
      whats[at] = what;
      size += 1;
    },
    take(most) {
      const count = Math.min(most, size);
      const taken: Pairs = { owners: [], whats: [] };
      for (let at = 0; at < count; at++) {
        const from = (head + at) & (owners.length - 1);
        taken.owners.push(owners[from] as number);
        taken.whats.push(whats[from] as number);
      }
      head = (head + count) & (owners.length - 1);
      size -= count;
      // a burst that has passed gives its memory back
      if (size === 0 && owners.length > 65_536) resize(pairsAtFirst);
      return taken;
    },
    size: () => size,
  };
}

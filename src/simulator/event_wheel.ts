// A queue of millions of future steps in flat memory: buckets of time, each a linked list in one
// arena, 16 bytes an entry and no timer a message. Two rings: near (65 s at 16 ms), far (74 h at 65
// s, moved to the near ring when its time comes).

/**
 * Steps of one bucket share a moment: far below any delay of the network, and about 60 wake-ups a
 * second.
 */
export const tickMs = 16;
const nearBits = 12;
const nearBuckets = 1 << nearBits;
const farBuckets = 4_096;

/**
 * A step: which owner (a segment's handle) and what of it. Equal due times come out in the order
 * they were put in.
 */
export interface EventWheel {
  put(dueMs: number, owner: number, what: number): void;
  /** Takes what is due by `nowMs`, at most `most`; answers how many were taken. */
  take(nowMs: number, most: number, each: (owner: number, what: number) => void): number;
  size(): number;
}

export function createEventWheel(startMs: number): EventWheel {
  let capacity = 1_024;
  let next = new Int32Array(capacity);
  let owners = new Uint32Array(capacity);
  let whats = new Uint32Array(capacity);
  let ticks = new Uint32Array(capacity);
  let free = -1;
  let used = 0;
  let size = 0;
  const heads = new Int32Array(nearBuckets + farBuckets).fill(-1);
  const tails = new Int32Array(nearBuckets + farBuckets).fill(-1);
  /** The tick whose bucket is being emptied; nothing before it is left. */
  let current = 0;

  const grow = (): void => {
    capacity *= 2;
    next = copied(new Int32Array(capacity), next);
    owners = copied(new Uint32Array(capacity), owners);
    whats = copied(new Uint32Array(capacity), whats);
    ticks = copied(new Uint32Array(capacity), ticks);
  };
  const link = (entry: number): void => {
    const tick = ticks[entry] as number;
    const bucket = bucketOf(tick, current);
    next[entry] = -1;
    const tail = tails[bucket] as number;
    if (tail === -1) heads[bucket] = entry;
    else next[tail] = entry;
    tails[bucket] = entry;
  };
  /** Brings the far bucket that `current` has reached into the near ring. */
  const descend = (): void => {
    const bucket = nearBuckets + ((current >>> nearBits) % farBuckets);
    let entry = heads[bucket] as number;
    heads[bucket] = -1;
    tails[bucket] = -1;
    while (entry !== -1) {
      const after = next[entry] as number;
      link(entry);
      entry = after;
    }
  };

  return {
    put(dueMs, owner, what) {
      let entry = free;
      if (entry === -1) {
        if (used === capacity) grow();
        entry = used++;
      } else {
        free = next[entry] as number;
      }
      owners[entry] = owner;
      whats[entry] = what;
      ticks[entry] = Math.min(0xffff_ffff, Math.max(current, Math.ceil((dueMs - startMs) / tickMs)));
      link(entry);
      size += 1;
    },
    take(nowMs, most, each) {
      const target = Math.floor((nowMs - startMs) / tickMs);
      let taken = 0;
      for (;;) {
        const bucket = current & (nearBuckets - 1);
        // `each` may put new steps into this very bucket: the head is read anew
        while (taken < most && heads[bucket] !== -1) {
          const entry = heads[bucket] as number;
          heads[bucket] = next[entry] as number;
          if (heads[bucket] === -1) tails[bucket] = -1;
          const owner = owners[entry] as number;
          const what = whats[entry] as number;
          next[entry] = free;
          free = entry;
          size -= 1;
          taken += 1;
          each(owner, what);
        }
        if (taken >= most || current >= target) return taken;
        current += 1;
        if ((current & (nearBuckets - 1)) === 0) descend();
      }
    },
    size: () => size,
  };
}

function bucketOf(tick: number, current: number): number {
  const farTick = tick >>> nearBits;
  const isNear = farTick <= current >>> nearBits;
  if (isNear) return tick & (nearBuckets - 1);
  // later than the far ring reaches: its last bucket, and from there again
  return nearBuckets + (Math.min(farTick, (current >>> nearBits) + farBuckets - 1) % farBuckets);
}

function copied<A extends Int32Array | Uint32Array>(into: A, from: A): A {
  into.set(from);
  return into;
}

// The simulator's limit on message parts a second. Holds one second's worth; a body is taken whole
// or not at all.

export interface TokenBucket {
  /** 0: taken. Else nothing was, and it may be asked again after this many seconds. */
  take(parts: number): number;
}

/** @param partsPerSecond 0 is no limit */
export function createTokenBucket(partsPerSecond: number, nowMs: () => number): TokenBucket {
  if (partsPerSecond === 0) return { take: () => 0 };
  let parts = partsPerSecond;
  let atMs = nowMs();
  return {
    take(wanted) {
      const now = nowMs();
      parts = Math.min(partsPerSecond, parts + ((now - atMs) * partsPerSecond) / 1_000);
      atMs = now;
      // a body larger than the bucket passes when it is full, and those after it wait longer
      const needed = Math.min(wanted, partsPerSecond);
      if (parts >= needed) {
        parts -= wanted;
        return 0;
      }
      return Math.max(1, Math.ceil((needed - parts) / partsPerSecond));
    },
  };
}

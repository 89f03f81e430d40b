// Chance that a seed replays, for everything in lab that chooses.

/**
 * Numbers in [0, 1): mulberry32,
 * https://gist.github.com/tommyettinger/46a874533244883189143505d203312c
 */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** One of `all`, each as likely. */
export function pick<T>(all: readonly T[], random: () => number): T {
  if (all.length === 0) throw new Error("there is nothing to pick from");
  return all[Math.floor(random() * all.length)] as T;
}

/** A seed of its own for each of many runs. */
export function deriveSeed(seed: number, index: number): number {
  return Math.floor(createRandom(seed ^ Math.imul(index + 1, 0x9e3779b1))() * 4_294_967_296);
}

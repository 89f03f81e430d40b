// A set of phone numbers in at most 16 bytes each: open addressing over Float64Arrays, split into
// partitions that grow one by one, so that growing never needs the whole set twice. A Set of
// numbers takes about 40 bytes each. Called by row_verdicts.ts.

/** The set grows by 1/256 at a time. */
const partitionCount = 256;
const slotsAtFirst = 32;
/** Between 57 % and 85 % full: 9.4 to 14.1 bytes per number. */
const loadMax = 0.85;
const growth = 1.5;

export interface NumberSet {
  has(value: number): boolean;
  /** Adds a positive integer below 2^53; false if it was present. */
  add(value: number): boolean;
  readonly size: number;
  /** Memory of all partitions. */
  readonly bytes: number;
}

export function createNumberSet(): NumberSet {
  const partitions = Array.from({ length: partitionCount }, () => new Float64Array(slotsAtFirst));
  const sizes = new Uint32Array(partitionCount);
  let size = 0;
  const grow = (partition: number): void => {
    const old = partitions[partition] as Float64Array;
    const larger = new Float64Array(Math.ceil(old.length * growth));
    // by index: an iterator would cost as much as the rest of the growth
    for (let index = 0; index < old.length; index++) {
      const value = old[index] as number;
      if (value !== 0) larger[slotOf(larger, hash(value), value)] = value;
    }
    partitions[partition] = larger;
  };
  return {
    has(value) {
      const bits = hash(value);
      const slots = partitions[bits & 0xff] as Float64Array;
      return slots[slotOf(slots, bits, value)] === value;
    },
    add(value) {
      const bits = hash(value);
      const partition = bits & 0xff;
      const slots = partitions[partition] as Float64Array;
      const slot = slotOf(slots, bits, value);
      if (slots[slot] === value) return false;
      slots[slot] = value;
      size++;
      const filled = (sizes[partition] as number) + 1;
      sizes[partition] = filled;
      if (filled > slots.length * loadMax) grow(partition);
      return true;
    },
    get size() {
      return size;
    },
    get bytes() {
      return partitions.reduce((sum, slots) => sum + slots.byteLength, 0);
    },
  };
}

/**
 * The slot that holds the value, or the empty one (0) where it belongs. The upper 24 bits of its
 * hash are scaled to the length.
 */
function slotOf(slots: Float64Array, bits: number, value: number): number {
  let slot = Math.floor(((bits >>> 8) / 0x1000000) * slots.length);
  for (let held = slots[slot]; held !== 0 && held !== value; held = slots[slot]) slot = slot + 1 === slots.length ? 0 : slot + 1;
  return slot;
}

/**
 * 32 well-mixed bits of a number (the finisher of MurmurHash3 over both halves): phone numbers of a
 * list are often consecutive.
 */
function hash(value: number): number {
  let bits = (value | 0) ^ Math.imul((value / 0x100000000) | 0, 0x9e3779b1);
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

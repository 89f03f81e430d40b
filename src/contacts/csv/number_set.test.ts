import { describe, expect, it } from "vitest";
import { createNumberSet } from "./number_set.ts";

describe("a set of numbers", () => {
  it("knows what was added and nothing else", () => {
    const set = createNumberSet();
    const reference = new Set<number>();
    const wrong: number[] = []; // one expectation at the end: tens of thousands take seconds
    // consecutive, spread over 15 digits, and duplicated
    for (let index = 0; index < 60_000; index++) {
      const value = index % 3 === 0 ? 358400000000 + (index >> 1) : ((index * 7_919_777) % 999_999_937) * 1_000_003 + 1;
      if (set.add(value) === reference.has(value)) wrong.push(value);
      reference.add(value);
    }
    expect(set.size).toBe(reference.size);
    for (const value of reference) if (!set.has(value)) wrong.push(value);
    for (let index = 0; index < 10_000; index++) if (set.has(1_000_000_000_000_000 + index)) wrong.push(index);
    expect(wrong).toEqual([]);
  });

  it("needs at most 16 bytes a number, at every size from 20,000 on", () => {
    const set = createNumberSet();
    let worst = 0;
    for (let index = 1; index <= 500_000; index++) {
      set.add(358400000000 + index * 3);
      if (index >= 20_000 && index % 1_000 === 0) worst = Math.max(worst, set.bytes / index);
    }
    expect(worst).toBeLessThanOrEqual(16);
  });
});

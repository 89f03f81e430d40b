import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { absoluteTime, readTime, relativeTime } from "./times.ts";

const nowMs = Date.UTC(2026, 10, 30, 16, 59, 39, 999);

describe("a time in a PDU", () => {
  it("is in UTC with one digit of tenths, as Kannel writes it (jasmin#1179)", () => {
    expect(absoluteTime(nowMs)).toBe("261130165939000+");
    expect(relativeTime(3_661_000)).toBe("000000010101000R");
    expect(relativeTime(86_400_000 * 2 + 999)).toBe("000002000000000R");
  });

  it("from now is at least one second and at most 30 days", () => {
    expect([relativeTime(-5), relativeTime(0), relativeTime(1)]).toEqual(Array(3).fill("000000000001000R"));
    expect(relativeTime(1e12)).toBe("000030000000000R");
  });

  it("reads back as what was written, to the second, and never later", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2099, 11, 31) }),
        fc.integer({ min: 1_000, max: 30 * 86_400_000 }),
        (ms, aheadMs) => {
          expect(readTime(absoluteTime(ms), nowMs)).toBe(ms - (ms % 1_000));
          expect(readTime(relativeTime(aheadMs), ms)).toBe(ms + aheadMs - (aheadMs % 1_000));
        },
      ),
    );
  });

  it("knows quarters of an hour from UTC, east and west", () => {
    const noon = Date.UTC(2026, 10, 30, 12);
    expect(readTime("261130120000008+", nowMs)).toBe(noon - 2 * 3_600_000);
    expect(readTime("261130120000004-", nowMs)).toBe(noon + 3_600_000);
    expect(readTime("261130120000500+", nowMs)).toBe(noon + 500);
  });

  it.each(["", "2611301200", "261330120000000+", "261130240000000+", "261130120000049+", "261130120000000Z", "26113012000000000+"])(
    "is not %j",
    (text) => {
      expect(readTime(text, nowMs)).toBeNull();
    },
  );
});

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PartRate } from "./part_rate.ts";

/** Sends as early as the rate lets it, and passes on when each part went. */
function sendAll(rate: PartRate, startMs: number, messages: readonly number[]): number[] {
  const sent: number[] = [];
  let nowMs = startMs;
  for (const parts of messages) {
    nowMs += rate.waitMs(parts, nowMs);
    for (let part = 0; part < parts; part++) {
      rate.take(nowMs);
      sent.push(nowMs);
    }
  }
  return sent;
}

/** The most parts in any second, which begins with a part. */
const mostPerSecond = (sent: readonly number[]): number =>
  Math.max(...sent.map((fromMs, index) => sent.slice(index).filter((atMs) => atMs < fromMs + 1_000 - 1e-6).length));

describe("a rate", () => {
  it("lets no second, wherever it begins, have more parts than allowed, and the first second none", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.1, max: 300, noNaN: true }),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 300 }),
        (perSecond, messages) => {
          const limit = Math.max(1, Math.floor(perSecond));
          const fitting = messages.map((parts) => Math.min(parts, limit));
          const sent = sendAll(new PartRate(perSecond, 5_000), 5_000, fitting);
          expect(mostPerSecond(sent)).toBeLessThanOrEqual(limit);
          expect(sent[0]).toBeGreaterThanOrEqual(6_000);
        },
      ),
    );
  });

  it("is used up in the long run: as many a second as allowed, in steps of a twentieth", () => {
    for (const perSecond of [1, 7, 20, 100, 1_000]) {
      const sent = sendAll(new PartRate(perSecond, 0), 0, Array(perSecond * 10).fill(1));
      expect(sent.at(-1)).toBeLessThanOrEqual(11_000);
      expect(sent.filter((atMs) => atMs === sent[0])).toHaveLength(Math.ceil(perSecond / 20));
    }
  });

  it("below one a second stretches the second", () => {
    expect(sendAll(new PartRate(0.25, 0), 0, [1, 1, 1])).toEqual([4_000, 8_000, 12_000]);
  });

  it("says how many may go now, and when as many as a step", () => {
    const rate = new PartRate(100, 0);
    expect([rate.burst, rate.available(999), rate.available(1_000), rate.waitForMs(5, 400)]).toEqual([5, 0, 5, 600]);
    for (let part = 0; part < 3; part++) rate.take(1_000);
    expect([rate.available(1_000), rate.waitForMs(3, 1_000), rate.available(1_050)]).toEqual([2, 50, 5]);
  });

  it("keeps the parts of one message together, though they are more than a step", () => {
    const rate = new PartRate(10, 0);
    expect(sendAll(rate, 0, [3, 3, 3])).toEqual([1_000, 1_000, 1_000, 1_100, 1_100, 1_100, 1_200, 1_200, 1_200]);
    expect(rate.waitMs(3, 1_300)).toBe(700);
  });
});

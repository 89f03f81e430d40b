import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nextTurn } from "./next_turn.ts";
import { createSlots, eachInSlots } from "./slots.ts";

/** A task that ends on command. */
function openTask() {
  let end = (): void => {};
  const done = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { run: () => done, end };
}

describe("slots", () => {
  test("are taken at once, free with the end of their task, and no more than there are", async () => {
    let freed = 0;
    const slots = createSlots(2, () => freed++);
    const [first, second] = [openTask(), openTask()];
    slots.start(first.run);
    expect([slots.inUse(), slots.isFull()]).toEqual([1, false]);
    slots.start(second.run);
    expect(slots.isFull()).toBe(true);
    expect(() => slots.start(first.run)).toThrow("all 2 slots are in use");
    const waiting = slots.freed();
    second.end();
    await waiting;
    expect([slots.inUse(), freed]).toEqual([1, 1]);
    first.end();
    await slots.idle();
    expect([slots.inUse(), freed]).toEqual([0, 2]);
  });

  test("a task that begins when another ends belongs to what is waited for", async () => {
    let left = 5;
    const slots = createSlots(1, () => left > 0 && slots.start(async () => void left--));
    slots.start(nextTurn);
    await slots.idle();
    expect(left).toBe(0);
  });

  test("work that waits for a slot gets one in its order, and keeps its outcome", async () => {
    const slots = createSlots(2);
    const order: number[] = [];
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4, 5].map((item) =>
        slots.run(async () => {
          expect(slots.inUse()).toBeLessThanOrEqual(2);
          order.push(item);
          await nextTurn();
          if (item === 2) throw new Error("the second");
          return item;
        }),
      ),
    );
    expect(order).toEqual([1, 2, 3, 4, 5]);
    expect(outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value : "failed"))).toEqual([1, "failed", 3, 4, 5]);
    await slots.idle();
    expect(slots.inUse()).toBe(0);
  });

  test("a free slot is not waited for", async () => {
    await createSlots(1).freed();
    await createSlots(1).idle();
  });
});

describe("each item in a slot", () => {
  test("is worked on once, in order, never more at once than asked", async () => {
    const cases = fc.record({ count: fc.nat(20), atOnce: fc.integer({ min: -1, max: 25 }) });
    await fc.assert(
      fc.asyncProperty(cases, async ({ count, atOnce }) => {
        const begun: number[] = [];
        let [now, most] = [0, 0];
        const items = Array.from({ length: count }, (_, index) => index);
        await eachInSlots(items, atOnce, async (item) => {
          begun.push(item);
          most = Math.max(most, ++now);
          for (let turn = 0; turn <= (item * 7) % 3; turn++) await Promise.resolve();
          now--;
        });
        expect(begun).toEqual(items);
        expect(most).toBeLessThanOrEqual(Math.max(1, atOnce));
        if (count > 0) expect(most).toBe(Math.min(Math.max(1, atOnce), count));
      }),
    );
  });

  test("a failure is passed on, and nothing begins after it", async () => {
    const begun: number[] = [];
    const work = eachInSlots([1, 2, 3, 4, 5, 6], 2, async (item) => {
      begun.push(item);
      await nextTurn();
      if (item === 2) throw new Error("the second");
    });
    await expect(work).rejects.toThrow("the second");
    await nextTurn();
    await nextTurn();
    expect(begun.length).toBeLessThanOrEqual(3);
  });
});

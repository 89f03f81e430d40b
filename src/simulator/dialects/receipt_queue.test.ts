import { expect, test } from "vitest";
import { createRandom } from "../../../testing/random.ts";
import { openReceiptQueue } from "./receipt_queue.ts";

test("it is an array with push, unshift and shift, whatever the order of calls", () => {
  const random = createRandom(7);
  const queue = openReceiptQueue<number>();
  const array: number[] = [];
  for (let step = 0; step < 20_000; step++) {
    const draw = random();
    // fills for a while, then empties
    if (draw < (step < 10_000 ? 0.6 : 0.3)) {
      queue.push(step);
      array.push(step);
    } else if (draw < 0.98) {
      expect(queue.take()).toBe(array.shift());
    } else {
      queue.putBack([-step, step]);
      array.unshift(-step, step);
    }
    expect(queue.size()).toBe(array.length);
  }
});

import { expect, test } from "vitest";
import { orderOf, scaled, sizesOf } from "./plan.ts";
import { subjectNames } from "./results.ts";

test("each round has every subject once, every other one in reverse", () => {
  for (const round of [1, 2, 3, 4]) {
    const order = orderOf(round, sizesOf.full);
    expect(order.toSorted()).toEqual(subjectNames.toSorted());
    expect(order).toEqual(orderOf(round + 1, sizesOf.full).toReversed());
  }
});

test("a subject without messages is left out", () => {
  expect(orderOf(1, sizesOf.quick)).toEqual(subjectNames.filter((subject) => subject !== "unpipelined"));
});

test("a scale keeps what is measured, and leaves out what is not", () => {
  const { messages, extras, counted } = scaled(sizesOf.full, 0.001);
  expect(messages).toMatchObject({ batched: 1_000, original: 20 });
  expect(extras).toEqual({ smallMessages: 100, scalingTurns: 6 });
  expect(scaled(sizesOf.quick, 0.001).messages).toMatchObject({ original: 1, unpipelined: 0 });
  expect(counted.store).toBe(100);
});

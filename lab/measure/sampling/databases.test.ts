import { expect, test } from "vitest";
import { type DatabaseWork, workBetween } from "./databases.ts";

const before: DatabaseWork = { walBytes: 1_000, pagesHit: 50, pagesRead: 5, pagesWritten: 7, rowUpdates: 100, hotUpdates: 90 };

test("the work of a message is the difference over the messages, and HOT a share of the updates", () => {
  const after: DatabaseWork = { walBytes: 31_000, pagesHit: 1_050, pagesRead: 15, pagesWritten: 27, rowUpdates: 300, hotUpdates: 240 };
  expect(workBetween(before, after, 100)).toEqual({
    ...{ walBytes: 300, pagesHit: 10, pagesRead: 0.1, pagesWritten: 0.2, rowUpdates: 2, hotShare: 0.75 },
  });
});

test("without an update there is no share", () => {
  expect(workBetween(before, before, 10)).toMatchObject({ rowUpdates: 0, hotShare: null });
});

import { expect, test } from "vitest";
import type { CarrierReceipt } from "../../carriers/link.ts";
import { openReceiptGroup } from "./receipt_group.ts";

const receipt = (theirId: string): CarrierReceipt => ({ theirId, reference: null, status: "sent", errorCode: null, phone: null, raw: "" });

test("receipts that arrive during a commit share the next, and each is answered after its own", async () => {
  const commits: string[][] = [];
  let finish: () => void = () => {};
  const group = openReceiptGroup(async (receipts) => {
    commits.push(receipts.map(({ theirId }) => theirId));
    if (commits.length === 1) await new Promise<void>((resolve) => (finish = resolve));
  });
  const first = group.add(receipt("1"));
  await expect.poll(() => commits.length).toBe(1);
  const others = [group.add(receipt("2")), group.add(receipt("3"))];
  finish();
  await Promise.all([first, ...others]);
  expect(commits).toEqual([["1"], ["2", "3"]]);
});

test("a commit that fails is told to its receipts alone", async () => {
  const group = openReceiptGroup(async (receipts) => {
    if (receipts.some(({ theirId }) => theirId === "bad")) throw new Error("away");
  });
  await expect(group.add(receipt("bad"))).rejects.toThrow("away");
  await expect(group.add(receipt("good"))).resolves.toBeUndefined();
});

test("more than a few thousand that wait are refused, so that the carrier repeats them", async () => {
  const group = openReceiptGroup(() => new Promise(() => {}));
  const added = Array.from({ length: 6_000 }, (_, n) => group.add(receipt(String(n))));
  await expect(Promise.race(added)).rejects.toMatchObject({ code: "overloaded" });
});

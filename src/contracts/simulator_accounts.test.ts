// Ids of accounts' messages: each row has one, which names it alone and survives what clients do to
// ids; and the file of accounts.
import fc from "fast-check";
import { expect, test } from "vitest";
import { rowNoMax } from "./receipts.ts";
import { formatAccount, parseAccounts, rowOfTheirId, theirIdOf } from "./simulator_accounts.ts";

const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);
const account = fc.record({ name: fc.constantFrom("smpp:oulu", `twilio:AC${"a".repeat(32)}`), batchId: fc.uuid() });
const row = fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: rowNoMax }), fc.constant(rowNoMax));

test("an id leads back to its row, in its own account alone", () => {
  fc.assert(
    fc.property(account, fc.uuid(), row, (one, otherBatch, rowNo) => {
      const id = theirIdOf(one, rowNo);
      expect(rowOfTheirId(one, id)).toBe(rowNo);
      expect(id).toMatch(one.name.startsWith("smpp:") ? /^[1-9]\d{17}$/ : /^SM[0-9a-f]{32}$/);
      // 8 digits of the batch: two accounts are the same in one case of 90 million
      if (theirIdOf({ ...one, batchId: otherBatch }, 1) !== theirIdOf(one, 1))
        expect(rowOfTheirId({ ...one, batchId: otherBatch }, id)).toBeNull();
    }),
    { seed },
  );
});

test("an SMPP id is the same number for whoever reads it as one of 64 bits", () => {
  fc.assert(
    fc.property(fc.uuid(), row, (batchId, rowNo) => {
      const id = theirIdOf({ name: "smpp:oulu", batchId }, rowNo);
      expect(BigInt.asIntN(64, BigInt(id)).toString()).toBe(id);
      expect(BigInt(`0x${BigInt(id).toString(16)}`).toString()).toBe(id);
    }),
    { seed },
  );
});

test.each(["", "0", "1", "abc", "-12345678901234567", "999999999999999999", `SM${"0".repeat(32)}`, "123456789012345678\n"])(
  "%j is not a valid id",
  (id) => {
    const batchId = "0192f0c1-2345-7abc-8def-0123456789ab";
    expect(rowOfTheirId({ name: "smpp:oulu", batchId }, id)).toBeNull();
    expect(rowOfTheirId({ name: `twilio:AC${"a".repeat(32)}`, batchId }, id)).toBeNull();
  },
);

test("the file of accounts survives its way, and a line that a crash has cut is none", () => {
  const accounts = [
    { name: "smpp:oulu", batchId: "0192f0c1-2345-8abc-8def-0123456789ab" },
    { name: `twilio:AC${"a".repeat(32)}`, batchId: "0192f0c1-2345-8abc-8def-0123456789ac" },
  ];
  const text = accounts.map(formatAccount).join("");
  expect(parseAccounts(text)).toEqual(accounts);
  expect(parseAccounts(text.slice(0, -1))).toEqual(accounts.slice(0, 1));
  expect(parseAccounts("")).toEqual([]);
  expect(() => parseAccounts(`{"account":"nobody"}\n${text}`)).toThrow();
  expect(() => parseAccounts(`${text}{"account":\n`)).toThrow();
});

import { expect, test } from "vitest";
import { parseReference } from "./carrier_receipts.ts";

const id = "01995f2a-7c30-7d31-9d4e-0123456789ab";

test("a reference names campaign, row and attempt", () => {
  expect(parseReference(`${id}.12.1`)).toEqual({ bulksmsId: id, rowNo: 12, attempt: 1 });
  expect(parseReference(`${id}.2147483647.9999`)).toEqual({ bulksmsId: id, rowNo: 2_147_483_647, attempt: 9_999 });
});

test.each([
  "",
  id,
  `${id}.1`,
  `${id}.0.1`,
  `${id}.01.1`,
  `${id}.1.0`,
  `${id}.1.1.1`,
  `${id}.2147483648.1`,
  `${id.toUpperCase()}.1.1`,
  `x${id}.1.1`,
  `${id}.-1.1`,
])("%j is not a reference", (text) => {
  expect(parseReference(text)).toBeNull();
});

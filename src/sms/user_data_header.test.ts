import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concatenationHeader, concatenationHeaderBytes, readUserDataHeader } from "./user_data_header.ts";

const read = (hex: string) => {
  const { part, rest } = readUserDataHeader(Buffer.from(hex, "hex"));
  return [part, Buffer.from(rest).toString("hex")];
};

describe("the header of a part", () => {
  it("reads back as what was written, with a reference that begins again after 255", () => {
    const parts = fc
      .integer({ min: 1, max: 255 })
      .chain((total) => fc.record({ total: fc.constant(total), number: fc.integer({ min: 1, max: total }) }));
    fc.assert(
      fc.property(fc.nat(70_000), parts, fc.uint8Array(), (reference, { total, number }, words) => {
        const header = concatenationHeader({ reference, total, number });
        expect(header).toHaveLength(concatenationHeaderBytes);
        const { part, rest } = readUserDataHeader(Uint8Array.of(...header, ...words));
        expect(part).toEqual({ reference: reference % 256, total, number });
        expect(rest).toEqual(words);
      }),
    );
  });

  it("is read in its long form, and behind other elements", () => {
    expect(read("060804abcd0201" + "41")).toEqual([{ reference: 0xabcd, total: 2, number: 1 }, "41"]);
    expect(read("0b05040b8423f000037702024142")).toEqual([{ reference: 0x77, total: 2, number: 2 }, "4142"]);
  });

  it("that makes no sense names no part", () => {
    expect(read("0500030102034142")[0]).toBeNull(); // 3 of 2
    expect(read("050003010000")[0]).toBeNull();
    expect(read("04000201020041")).toEqual([null, "0041"]);
    expect(read("0500ff010203" + "41")).toEqual([null, "41"]); // element beyond the header
    expect(read("0041")).toEqual([null, "41"]);
  });

  it("longer than its message is none, and the message is whole", () => {
    expect(read("ff41")).toEqual([null, "ff41"]);
    expect(read("")).toEqual([null, ""]);
  });
});

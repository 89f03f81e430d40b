import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { isUuid, isUuidV7 } from "../contracts/ids.ts";
import { uuidOf } from "./ids.ts";

test("any bytes make a UUID of the asked version, which keeps their other bits", () => {
  for (const bytes of [Buffer.alloc(16), Buffer.alloc(16, 0xff), randomBytes(16)]) {
    const hex = bytes.toString("hex");
    const id = uuidOf(Buffer.from(bytes), 7);
    expect(isUuidV7(id)).toBe(true);
    const made = id.replaceAll("-", "");
    for (const [index, digit] of [...hex].entries()) if (index !== 12 && index !== 16) expect(made[index]).toBe(digit);
    const derived = uuidOf(Buffer.from(bytes), 8);
    expect([isUuid(derived), isUuidV7(derived), derived[14]]).toEqual([true, false, "8"]);
  }
});

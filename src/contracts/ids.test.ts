import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { isLowerCaseUuid, isUuid, isUuidV7, uuidLength } from "./ids.ts";

const v7 = "0199d3c0-0000-7000-8000-00000000abcd";

test("a UUID of any version is one, in either case; lower case is told apart", () => {
  for (const id of [v7, randomUUID(), "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"]) {
    expect([isUuid(id), isLowerCaseUuid(id), id.length]).toEqual([true, true, uuidLength]);
    expect(isUuid(id.toUpperCase())).toBe(true);
  }
  expect(isLowerCaseUuid(v7.toUpperCase())).toBe(false);
});

test.each(["", v7.slice(1), `${v7}0`, ` ${v7}`, `${v7}\n`, v7.replaceAll("-", ""), `{${v7}}`, v7.replace("a", "g"), v7.replace("-", "_")])(
  "%j is none",
  (text) => {
    expect([isUuid(text), isLowerCaseUuid(text), isUuidV7(text)]).toEqual([false, false, false]);
  },
);

test("version and variant make a UUIDv7", () => {
  expect(isUuidV7(v7)).toBe(true);
  expect(isUuidV7(v7.toUpperCase())).toBe(true);
  for (const version of "012345689abcdef") expect(isUuidV7(v7.replace(/^(.{14})7/, `$1${version}`))).toBe(false);
  for (const variant of "01234567cdef") expect(isUuidV7(v7.replace(/^(.{19})8/, `$1${variant}`))).toBe(false);
});

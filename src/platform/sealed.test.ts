// Sealed secrets: what opens them, and everything that does not.
import { randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import { openSeal, SealError, type SealKeys } from "./sealed.ts";

const key = (): Buffer => randomBytes(32);
const context = "0199c0de-0000-7000-8000-000000000001";

test.each(["", "x", "pässword\u0000\n", "🔑".repeat(1_000)])("a secret opens as it was sealed (%#)", (plain) => {
  const { seal, open } = openSeal([key()]);
  expect(open(seal(plain, context), context)).toBe(plain);
});

test("the same secret is sealed differently each time, and is not to be seen in it", () => {
  const { seal } = openSeal([key()]);
  const [one, two] = [seal("a long password", context), seal("a long password", context)];
  expect(one.equals(two)).toBe(false);
  expect(one.includes("password")).toBe(false);
});

test("a secret moved to another carrier does not open", () => {
  const { seal, open } = openSeal([key()]);
  const sealed = seal("password", context);
  for (const other of ["", context.toUpperCase(), `${context} `, "0199c0de-0000-7000-8000-000000000002"])
    expect(() => open(sealed, other)).toThrow(SealError);
});

test("another key does not open it, and the error names the key that is missing, not the secret", () => {
  const sealed = openSeal([key()]).seal("password", context);
  expect(() => openSeal([key(), key()]).open(sealed, context)).toThrow(/not in the key file \([0-9a-f]{8}\)$/);
});

test("after a rotation old secrets open, new ones are sealed with the new key alone", () => {
  const [old, fresh] = [key(), key()];
  const rotated: SealKeys = [fresh, old];
  const before = openSeal([old]).seal("password", context);
  expect(openSeal(rotated).open(before, context)).toBe("password");
  const after = openSeal(rotated).seal("password", context);
  expect(openSeal([fresh]).open(after, context)).toBe("password");
  expect(() => openSeal([old]).open(after, context)).toThrow(SealError);
});

test("whatever was cut off or altered, it is refused as a SealError", () => {
  const { seal, open } = openSeal([key()]);
  const sealed = seal("password", context);
  for (let length = 0; length < sealed.length; length++) {
    expect(() => open(sealed.subarray(0, length), context), `${length} bytes`).toThrow(SealError);
  }
  expect(() => open(Buffer.concat([sealed, Buffer.of(0)]), context)).toThrow(SealError);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const altered = Buffer.from(sealed);
    altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => open(altered, context), `bit ${bit}`).toThrow(SealError);
  }
});

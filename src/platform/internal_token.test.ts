import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createInternalTokenCheck } from "./internal_token.ts";

const token = "An-Internal-Token";
const isOurs = createInternalTokenCheck(token);
const seed = Number(process.env.TEST_SEED ?? Date.now() % 2 ** 31);

describe("the internal token", () => {
  test(`is recognised however its scheme is spelt (seed ${seed})`, () => {
    const spelling = fc.mixedCase(fc.constant("bearer"));
    fc.assert(
      fc.property(spelling, fc.integer({ min: 1, max: 4 }), (scheme, spaces) => isOurs(`${scheme}${" ".repeat(spaces)}${token}`)),
      { seed },
    );
  });

  test(`is itself never matched in another case, and no other scheme carries it (seed ${seed})`, () => {
    const spelling = fc.mixedCase(fc.constant(token)).filter((text) => text !== token);
    fc.assert(
      fc.property(spelling, (wrong) => !isOurs(`Bearer ${wrong}`)),
      { seed },
    );
    for (const wrong of [
      undefined,
      "",
      token,
      `Basic ${token}`,
      `Bearer${token}`,
      "Bearer",
      "Bearer ",
      ` Bearer ${token}`,
      `Bearer ${token} `,
    ]) {
      expect(isOurs(wrong), wrong).toBe(false);
    }
  });
});

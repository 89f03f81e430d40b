import { expect, it } from "vitest";
import { idRules } from "../../contracts/carriers.ts";
import { normalizeMessageId } from "./message_ids.ts";

it.each<[string, (typeof idRules)[number], string, (typeof idRules)[number], string]>([
  ["39f99dd5", "hex_to_dec", "0972660181", "strip_zeros", "hexadecimal answer, padded decimal receipt (jasmin#1034, jsmpp#56)"],
  ["39f99dd5", "lower", "0972660181", "dec_to_hex", "the same the other way round"],
  ["812FC7470000001B", "hex_to_dec", "9308878062554710043", "exact", "64 bits, beyond 2^53 and 2^63 (jasmin#586)"],
  ["1101C1-C9D03D-F000", "lower", "1101c1-c9d03d-f000", "exact", "another case (jasmin#916)"],
  ["00B8BE19", "exact", "00B8BE19", "exact", "leading zeros that are part of the id (jasmin#1129)"],
])("%s by %s and %s by %s are one id: %s", (answer, answerRule, receipt, receiptRule) => {
  expect(normalizeMessageId(answer, answerRule)).toBe(normalizeMessageId(receipt, receiptRule));
});

it("an id that lacks the form of its rule stays as it is (jasmin#643: one like a UUID is no number)", () => {
  const id = "0e999f21-81ef-4a5c-9d0f-3d1f0c1b2a3c";
  expect((["exact", "lower", "hex_to_dec", "dec_to_hex"] as const).map((rule) => normalizeMessageId(id, rule))).toEqual(Array(4).fill(id));
  expect(normalizeMessageId("39f99dd5", "dec_to_hex")).toBe("39f99dd5");
  expect(idRules.map((rule) => normalizeMessageId("", rule))).toEqual(["", "", "", "", ""]);
  expect(["0", "000"].map((zero) => normalizeMessageId(zero, "strip_zeros"))).toEqual(["0", "0"]);
});

it("no rule distinguishes what it made equal when it is applied again, except between bases", () => {
  for (const rule of ["exact", "lower", "strip_zeros"] as const) {
    for (const id of ["00Ab", "0", "FF-00", "12345678901234567890123"]) {
      expect(normalizeMessageId(normalizeMessageId(id, rule), rule)).toBe(normalizeMessageId(id, rule));
    }
  }
});

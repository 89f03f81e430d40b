// A carrier's ids in one form: some write the same id in hexadecimal in the answer and in decimal
// in the receipt, or in another case, or padded with zeros. Both sides are rewritten, each by its
// rule.
import type { IdRule } from "../../contracts/carriers.ts";

/**
 * An id that does not have the form its rule expects stays as it is. Ids of 64 bits stay exact.
 * - `exact`: as it came; leading zeros and case are part of it
 * - `lower`: in lower case
 * - `hex_to_dec`: `39f99dd5` -> `972660181`
 * - `dec_to_hex`: `0972660181` -> `39f99dd5`
 * - `strip_zeros`: `0972660181` -> `972660181`
 */
export function normalizeMessageId(id: string, rule: IdRule): string {
  switch (rule) {
    case "exact":
      return id;
    case "lower":
      return id.toLowerCase();
    case "hex_to_dec":
      return /^[\da-f]+$/i.test(id) ? BigInt(`0x${id}`).toString() : id;
    case "dec_to_hex":
      return /^\d+$/.test(id) ? BigInt(id).toString(16) : id;
    case "strip_zeros":
      return id.replace(/^0+(?=.)/, "");
  }
}

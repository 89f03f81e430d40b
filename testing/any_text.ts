// Texts of any characters for property tests. Beside fast-check's own, because fc.string({ unit:
// "binary" }) takes 1.4 s of CPU only to be made.
import fc from "fast-check";

/**
 * Any code point but lone surrogates; ASCII, control characters included, as often as all others.
 */
const anyCharacter = fc.oneof(
  fc.integer({ min: 0, max: 0x7f }),
  fc.integer({ min: 0, max: 0x10ffff }).map((code) => (code >= 0xd800 && code <= 0xdfff ? 0xfffd : code)),
);

/** A well-formed text; lengths count code points. */
export function anyText({ minLength = 0, maxLength }: { minLength?: number; maxLength: number }): fc.Arbitrary<string> {
  return fc.array(anyCharacter, { minLength, maxLength }).map((codes) => String.fromCodePoint(...codes));
}

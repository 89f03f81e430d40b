// Is it text at all? What the bytes of an upload must be before they are read as CSV: no zip, no
// UTF-16, no NUL, valid UTF-8. Called by csv_reader.ts for every chunk.
import { AppError } from "../../contracts/errors.ts";
import { isUtf8 } from "./csv_text.ts";

const saveAsCsv = "Open it in your spreadsheet and save it as CSV UTF-8.";

/** First bytes of what people upload by mistake, as hexadecimal digits. */
const foreignFiles: readonly (readonly [magic: string, description: string])[] = [
  ["504b0304", `This is a zip archive or an Excel workbook (.xlsx), whatever its name says. ${saveAsCsv}`],
  ["504b0506", "This is an empty zip archive."],
  ["d0cf11e0", `This is an old Excel workbook (.xls), whatever its name says. ${saveAsCsv}`],
  ["25504446", "This is a PDF file. Export the table as CSV UTF-8."],
  ["1f8b", "This is a gzip archive. Unpack it first."],
  ["fffe", "This text is in UTF-16. Save it as CSV UTF-8 (not as Unicode text)."],
  ["feff", "This text is in UTF-16. Save it as CSV UTF-8 (not as Unicode text)."],
];

/** Bytes that `refuseForeignFile` wants to see. */
export const magicBytesMax = 4;

/** Looks at the beginning of a file. @throws AppError csv_not_text, with a hint what to do. */
export function refuseForeignFile(beginning: Uint8Array): void {
  const digits = [...beginning.subarray(0, magicBytesMax)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const found = foreignFiles.find(([magic]) => digits.startsWith(magic));
  if (found !== undefined) throw new AppError("csv_not_text", found[1]);
}

/** What is wrong with these bytes as text, or null. `offset` counts from their beginning. */
export function findBadByte(bytes: Uint8Array): { offset: number; is: "nul" | "not_utf8" } | null {
  const nul = bytes.indexOf(0);
  if (isUtf8(nul === -1 ? bytes : bytes.subarray(0, nul))) return nul === -1 ? null : { offset: nul, is: "nul" };
  return { offset: firstInvalidOffset(bytes), is: "not_utf8" };
}

function sequenceLength(leadByte: number): number {
  if (leadByte >= 0xf0) return 4;
  return leadByte >= 0xe0 ? 3 : 2;
}

/**
 * Walks from character to character until one is not UTF-8 by itself; only ever called for bytes
 * that are not.
 */
function firstInvalidOffset(bytes: Uint8Array): number {
  let offset = 0;
  while (offset < bytes.length) {
    const byte = bytes[offset] as number;
    const length = byte < 0x80 ? 1 : sequenceLength(byte);
    if (offset + length > bytes.length || !isUtf8(bytes.subarray(offset, offset + length))) return offset;
    offset += length;
  }
  return offset;
}

// Is it text at all? Checks the bytes of an upload before they are read as CSV: no archive, no
// document, no NUL, valid UTF-8. Called by csv_reader.ts for every chunk, and by file_kind.ts for
// the beginning.
import { AppError } from "../../contracts/errors.ts";
import { isUtf8 } from "./csv_text.ts";

const saveAs = "Open it in your spreadsheet and save it as .xlsx or as CSV.";

interface Foreign {
  type: string;
  reason: string;
}

/** First bytes of what people upload by mistake, as hexadecimal digits. */
const foreignBytes: readonly (readonly [magic: string, type: string, reason: string])[] = [
  ["504b0304", "zip", "This is a zip archive or a workbook (.xlsx), not CSV."],
  ["504b0506", "zip", "This is an empty zip archive."],
  ["d0cf11e0", "xls", `This is an old Excel workbook (.xls), whatever its name says. ${saveAs}`],
  ["25504446", "pdf", "This is a PDF file. Export the table behind it as .xlsx or as CSV."],
  ["1f8b", "gzip", "This is a gzip archive. Unpack it and send the file that is in it."],
  ["377abcaf271c", "7z", "This is a 7-Zip archive. Unpack it and send the file that is in it."],
  ["526172211a07", "rar", "This is a RAR archive. Unpack it and send the file that is in it."],
  ["53514c69746520666f726d6174", "sqlite", "This is a SQLite database. Export the table as CSV."],
  ["89504e47", "png", "This is a picture. Type its table into a spreadsheet and save it as .xlsx or as CSV."],
  ["ffd8ff", "jpeg", "This is a picture. Type its table into a spreadsheet and save it as .xlsx or as CSV."],
  ["fffe", "utf-16", "This text is in UTF-16. Name its encoding, or save it as CSV UTF-8."],
  ["feff", "utf-16", "This text is in UTF-16. Name its encoding, or save it as CSV UTF-8."],
];

/** First words of texts that are not tables, in upper case. */
const foreignWords: readonly (readonly [words: string, type: string, reason: string])[] = [
  ["BEGIN:VCARD", "vcard", "This is a vCard file (.vcf). Import it into your contacts and export those as CSV."],
  ["{\\RTF", "rtf", `This is a text document (.rtf). Copy its table into a spreadsheet and save it as .xlsx or as CSV.`],
  ["<!DOCTYPE HTML", "html", `This is a web page, whatever its name says. ${saveAs}`],
  ["<HTML", "html", `This is a web page, whatever its name says. ${saveAs}`],
  ["<TABLE", "html", `This is a web page, whatever its name says. ${saveAs}`],
  ["<?XML", "xml", `This is an XML file. ${saveAs}`],
];

/**
 * Bytes that `refuseForeignFile` wants to see: the longest of the words, with a mark and some
 * whitespace before it.
 */
export const magicBytesMax = 32;

/** The kind of a file that begins with these bytes, if known and not CSV. */
export function foreignFile(beginning: Uint8Array): Foreign | null {
  const bytes = [...beginning.subarray(0, magicBytesMax)];
  const digits = bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const words = String.fromCharCode(...bytes)
    .replace(/^\u00ef\u00bb\u00bf/, "")
    .trimStart()
    .toUpperCase();
  const found = foreignBytes.find(([magic]) => digits.startsWith(magic)) ?? foreignWords.find(([start]) => words.startsWith(start));
  return found === undefined ? null : { type: found[1], reason: found[2] };
}

/** Checks the beginning of a file. @throws AppError csv_not_text, with a hint what to do. */
export function refuseForeignFile(beginning: Uint8Array): void {
  const found = foreignFile(beginning);
  if (found !== null) throw new AppError("csv_not_text", found.reason, { details: { type: found.type } });
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
 * Walks from character to character to the first that is not UTF-8; only called for bytes that are
 * invalid.
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

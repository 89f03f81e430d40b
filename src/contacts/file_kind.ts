// What a file is, judged by its bytes and never by its name: a workbook, text, or something that is
// refused for what it is. Called before anything else reads it.
import { AppError } from "../contracts/errors.ts";
import { foreignFile, magicBytesMax } from "./csv/csv_bytes.ts";
import type { RandomAccess } from "./xlsx/random_access.ts";

export type FileKind = "csv" | "xlsx";

/**
 * `xlsx` is any zip archive: `openWorkbook` refuses those that are something else (.ods, .xlsb,
 * .docx ...). `csv` is any text, in whatever encoding.
 * @throws AppError csv_not_text with `details.type` (xls, pdf, vcard ...) and what to do;
 * xlsx_encrypted.
 */
export async function fileKindOf(file: RandomAccess): Promise<FileKind> {
  const beginning = await file.read(0, magicBytesMax);
  const found = foreignFile(beginning);
  if (found === null || found.type === "utf-16") return "csv";
  if (found.type === "zip") return "xlsx";
  if (found.type === "xls" && (await isEncryptedWorkbook(file))) {
    throw new AppError("xlsx_encrypted", "The workbook is encrypted. Open it, remove its password, and save it again.");
  }
  throw new AppError("csv_not_text", found.reason, { details: { type: found.type } });
}

/**
 * An encrypted .xlsx has the same container as an .xls: its directory has a stream of this name, in
 * UTF-16.
 */
const encryptedName = Uint8Array.from([..."EncryptedPackage"].flatMap((character) => [character.charCodeAt(0), 0]));
/** The directory of such a small container fits into this many bytes. */
const directoryBytesMax = 8 * 1024;

async function isEncryptedWorkbook(file: RandomAccess): Promise<boolean> {
  const header = await file.read(0, 512);
  if (header.length < 512) return false;
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const sectorBytes = 2 ** Math.min(view.getUint16(30, true), 16);
  const directory = await file.read((view.getUint32(48, true) + 1) * sectorBytes, directoryBytesMax);
  for (let at = 0; at + encryptedName.length <= directory.length; at += 128) {
    if (encryptedName.every((byte, index) => directory[at + index] === byte)) return true;
  }
  return false;
}

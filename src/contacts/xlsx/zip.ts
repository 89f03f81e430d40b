// Zip archives: the central directory, and each entry as a stream with limits. Called by
// workbook.ts. Entries are found by the directory at the end, never by their order: a sheet may
// come before its strings.
import { Inflate } from "fflate";
import { AppError } from "../../contracts/errors.ts";
import { crc32 } from "./crc32.ts";
import type { RandomAccess } from "./random_access.ts";

export interface ZipLimits {
  /** Unpacked bytes of one entry. */
  entryBytesMax: number;
  /** Unpacked bytes of all entries that are read. */
  totalBytesMax: number;
  /**
   * Unpacked bytes per packed byte, checked once `ratioFrom` bytes are out. The format itself
   * allows 1,032.
   */
  ratioMax: number;
  ratioFrom: number;
}

/** A sheet of 100,000 rows and 50 columns unpacks to 200 MB, at 5 to 40 for 1. */
export const zipLimits: ZipLimits = {
  entryBytesMax: 1024 ** 3,
  totalBytesMax: 1.5 * 1024 ** 3,
  ratioMax: 200,
  ratioFrom: 16 * 1024 ** 2,
};

export interface ZipEntry {
  name: string;
  method: number;
  isEncrypted: boolean;
  packedBytes: number;
  bytes: number;
  crc: number;
  offset: number;
}

export interface Zip {
  readonly entries: readonly ZipEntry[];
  /** The entry of this name, ignoring case. */
  find(name: string): ZipEntry | null;
  /** Its bytes, unpacked piece by piece. @throws AppError xlsx_invalid, xlsx_too_large. */
  stream(entry: ZipEntry): AsyncGenerator<Uint8Array>;
}

/** A directory of 65,535 entries with names of usual length has 6 MB. */
const directoryBytesMax = 16 * 1024 * 1024;
/** After the directory: its end record and a comment of at most 65,535 bytes. */
const endBytesMax = 22 + 65_535;
/**
 * How much is read at once, and how much of it is unpacked at once: at 1,032 to 1 that becomes 4
 * MB.
 */
const readBytes = 64 * 1024;
const inflateBytes = 4 * 1024;

export const invalid = (reason: string, cause?: unknown) =>
  new AppError("xlsx_invalid", `The workbook cannot be read: ${reason} Open it in your spreadsheet, save it again, and try that file.`, {
    cause,
  });

export const tooLarge = (reason: string) =>
  new AppError("xlsx_too_large", `The workbook is too large: ${reason} Save the sheet with the numbers as CSV.`);

/** Opens an archive. @throws AppError xlsx_invalid, xlsx_too_large. */
export async function openZip(file: RandomAccess, limits: ZipLimits = zipLimits): Promise<Zip> {
  const { offset, length } = await findDirectory(file);
  if (length > directoryBytesMax) throw tooLarge("it has far more parts than a workbook needs.");
  const entries = parseDirectory(await file.read(offset, length));
  const byName = new Map(entries.map((entry) => [entry.name.toLowerCase(), entry]));
  const budget = { left: limits.totalBytesMax };
  return {
    entries,
    find: (name) => byName.get(name.toLowerCase()) ?? null,
    stream: (entry) => streamEntry(file, entry, limits, budget),
  };
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Where the central directory is, from the record at the file's end. */
async function findDirectory(file: RandomAccess): Promise<{ offset: number; length: number }> {
  const tailAt = Math.max(0, file.size - endBytesMax);
  const tail = await file.read(tailAt, endBytesMax);
  const view = viewOf(tail);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (view.getUint32(at, true) !== 0x06054b50) continue;
    const found = { length: view.getUint32(at + 12, true), offset: view.getUint32(at + 16, true) };
    if (found.offset !== 0xffffffff && found.length !== 0xffffffff) return checked(found, file);
    return checked(await findDirectory64(file, view, at), file);
  }
  throw invalid("it is cut short, or is not a zip archive.");
}

async function findDirectory64(file: RandomAccess, view: DataView, end: number): Promise<{ offset: number; length: number }> {
  if (end < 20 || view.getUint32(end - 20, true) !== 0x07064b50) throw invalid("its directory is damaged.");
  const record = await file.read(Number(view.getBigUint64(end - 12, true)), 56);
  if (record.length < 56 || viewOf(record).getUint32(0, true) !== 0x06064b50) throw invalid("its directory is damaged.");
  return { length: Number(viewOf(record).getBigUint64(40, true)), offset: Number(viewOf(record).getBigUint64(48, true)) };
}

function checked(place: { offset: number; length: number }, { size }: RandomAccess): { offset: number; length: number } {
  if (place.offset + place.length > size) throw invalid("it is cut short.");
  return place;
}

function parseDirectory(bytes: Uint8Array): ZipEntry[] {
  const view = viewOf(bytes);
  const entries: ZipEntry[] = [];
  for (let at = 0; at + 46 <= bytes.length && view.getUint32(at, true) === 0x02014b50; ) {
    const nameLength = view.getUint16(at + 28, true);
    const extraLength = view.getUint16(at + 30, true);
    const extraAt = at + 46 + nameLength;
    if (extraAt + extraLength > bytes.length) throw invalid("its directory is damaged.");
    const sizes = {
      bytes: view.getUint32(at + 24, true),
      packedBytes: view.getUint32(at + 20, true),
      offset: view.getUint32(at + 42, true),
    };
    takeSizes64(sizes, view, extraAt, extraLength);
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(at + 46, extraAt)).replaceAll("\\", "/"),
      method: view.getUint16(at + 10, true),
      isEncrypted: (view.getUint16(at + 8, true) & 1) === 1,
      crc: view.getUint32(at + 16, true),
      ...sizes,
    });
    at = extraAt + extraLength + view.getUint16(at + 32, true);
  }
  if (entries.length === 0) throw invalid("it is an empty archive.");
  return entries;
}

/** Sizes that need more than 32 bits are in an extra field, only those, in this order. */
function takeSizes64(
  sizes: { bytes: number; packedBytes: number; offset: number },
  view: DataView,
  extraAt: number,
  extraLength: number,
): void {
  for (let at = extraAt; at + 4 <= extraAt + extraLength; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 0x0001) continue;
    const end = Math.min(at + 4 + view.getUint16(at + 2, true), extraAt + extraLength);
    let from = at + 4;
    for (const name of ["bytes", "packedBytes", "offset"] as const) {
      if (sizes[name] !== 0xffffffff || from + 8 > end) continue;
      sizes[name] = Number(view.getBigUint64(from, true));
      from += 8;
    }
  }
}

async function* streamEntry(file: RandomAccess, entry: ZipEntry, limits: ZipLimits, budget: { left: number }): AsyncGenerator<Uint8Array> {
  const { name, method, packedBytes } = entry;
  if (entry.isEncrypted) throw new AppError("xlsx_encrypted", "The archive is encrypted. Save it without a password.");
  if (method !== 0 && method !== 8) throw invalid(`its part ${name} uses an unknown compression.`);
  if (entry.bytes > limits.entryBytesMax) throw tooLarge(`its part ${name} unpacks to more than ${limits.entryBytesMax} bytes.`);
  const local = await file.read(entry.offset, 30);
  if (local.length < 30 || viewOf(local).getUint32(0, true) !== 0x04034b50) throw invalid(`its part ${name} is not where it should be.`);
  const start = entry.offset + 30 + viewOf(local).getUint16(26, true) + viewOf(local).getUint16(28, true);
  const unpack = method === 0 ? stored : createInflater(name);
  let crc = 0;
  let taken = 0;
  let bytes = 0;
  for (let at = 0; at < packedBytes; at += readBytes) {
    const packed = await file.read(start + at, Math.min(readBytes, packedBytes - at));
    if (packed.length < Math.min(readBytes, packedBytes - at)) throw invalid("it is cut short.");
    for (let from = 0; from < packed.length; from += inflateBytes) {
      const piece = packed.subarray(from, from + inflateBytes);
      taken += piece.length;
      const out = unpack(piece, taken === packedBytes);
      crc = crc32(crc, out);
      bytes += out.length;
      budget.left -= out.length;
      if (bytes > limits.entryBytesMax || budget.left < 0) throw tooLarge(`its part ${name} unpacks to more than is read.`);
      if (bytes > limits.ratioFrom && bytes > taken * limits.ratioMax) {
        throw tooLarge(`its part ${name} unpacks to more than ${limits.ratioMax} times its size.`);
      }
      if (out.length > 0) yield out;
    }
  }
  if (bytes !== entry.bytes || crc !== entry.crc) throw invalid(`its part ${name} is damaged.`);
}

const stored = (bytes: Uint8Array) => bytes;

function createInflater(name: string): (packed: Uint8Array, isLast: boolean) => Uint8Array {
  let out: Uint8Array = new Uint8Array(0);
  const inflate = new Inflate((bytes) => {
    out = bytes;
  });
  return (packed, isLast) => {
    out = new Uint8Array(0);
    try {
      inflate.push(packed, isLast);
    } catch (error) {
      throw invalid(`its part ${name} is damaged.`, error);
    }
    return out;
  };
}

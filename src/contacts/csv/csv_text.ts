// Bytes and texts by Node's buffers, the quickest that Node has. The console judges files by the
// same reader: its build puts src/console/send/csv_text.ts, which has the same functions for
// browsers, in this file's place.
import { isAscii, isUtf8 } from "node:buffer";

export { isUtf8 };

/** UTF-8, known to be valid. */
export function textOf(bytes: Uint8Array): string {
  return viewOf(bytes).toString(isAscii(bytes) ? "latin1" : "utf8");
}

/** A character a byte. */
export function latin1Of(bytes: Uint8Array): string {
  return viewOf(bytes).toString("latin1");
}

/**
 * Memory, not cleared. A Buffer, whose searches are twenty times as quick as those of its parent
 * class.
 */
export function newBytes(length: number): Uint8Array {
  return Buffer.allocUnsafeSlow(length);
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

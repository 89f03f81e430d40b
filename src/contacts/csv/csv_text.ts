// Conversions between bytes and text by Node's buffers, the fastest that Node has. The console
// judges files with the same reader: its build substitutes src/console/send/csv_text.ts, which has
// the same functions for browsers.
import { isAscii, isUtf8 } from "node:buffer";

export { isUtf8 };

/** From UTF-8 that is known to be valid. */
export function textOf(bytes: Uint8Array): string {
  return viewOf(bytes).toString(isAscii(bytes) ? "latin1" : "utf8");
}

/** One character per byte. */
export function latin1Of(bytes: Uint8Array): string {
  return viewOf(bytes).toString("latin1");
}

/**
 * Uninitialised memory. A Buffer, whose searches are twenty times faster than those of its parent
 * class.
 */
export function newBytes(length: number): Uint8Array {
  return Buffer.allocUnsafeSlow(length);
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

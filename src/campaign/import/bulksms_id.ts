// A new campaign's id: UUIDv7 (RFC 9562), so that ids sort by time and new rows stand together in
// every index. Called by the import.
import { randomBytes } from "node:crypto";

/**
 * 48 bits of milliseconds, then random; time comes from this machine's clock, but nothing depends
 * on it except the order of a list.
 */
export function newBulksmsId(nowMs: number = Date.now()): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

// UUIDv7 (RFC 9562, section 5.7) as salesdb draws them for holds: 48 bits of time, the rest by
// chance.
import { randomBytes } from "node:crypto";
import { uuidOf } from "../src/platform/ids.ts";

export function uuidV7(): string {
  const bytes = randomBytes(16);
  bytes.writeUIntBE(Date.now(), 0, 6);
  return uuidOf(bytes, 7);
}

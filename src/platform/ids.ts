// Makes ids of bytes. Ids that carry the time come from the database (`uuidv7()`), whose clock is
// one for all processes.

/**
 * A UUID (RFC 9562) of 16 bytes, whose version and variant bits are overwritten in place; the other
 * 122 are kept.
 */
export function uuidOf(bytes: Buffer, version: 7 | 8): string {
  bytes[6] = (version << 4) | ((bytes[6] as number) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] as number) & 0x3f);
  const hex = bytes.toString("hex", 0, 16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

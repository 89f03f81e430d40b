// The digest that stands for a key, a token or a request wherever the original must not be kept.
import { createHash } from "node:crypto";

/** 32 bytes. */
export function sha256(text: string | Buffer): Buffer {
  return createHash("sha256").update(text).digest();
}

// Secrets at rest: AES-256-GCM under a key that the database does not have. A sealed value is bound
// to its context (the id of its owner), so that nobody can move it to another row.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";
import { sha256 } from "./sha256.ts";

/** Newest first, 32 bytes each: the first seals, all of them open. */
export type SealKeys = readonly [Buffer, ...Buffer[]];

export interface Seal {
  /** @returns version (1 byte), id of the key (4), nonce (12), ciphertext, tag (16) */
  seal(plain: string, context: string): Buffer;
  /** @throws SealError if it was cut, altered, or sealed for another context or with another key */
  open(sealed: Buffer, context: string): string;
}

/** A sealed value that cannot be opened. The message says why, never what is in it. */
export class SealError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "SealError";
  }
}

const cipherName = "aes-256-gcm";
const version = 1;
const keyIdBytes = 4;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + keyIdBytes;
const bytesMin = headBytes + nonceBytes + tagBytes;

/** The first bytes of the key's SHA-256: tells which key sealed a value and nothing of the key. */
const keyIdOf = (key: Buffer): Buffer => sha256(key).subarray(0, keyIdBytes);

export function openSeal(keys: SealKeys): Seal {
  return {
    seal(plain, context) {
      const [key] = keys;
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(cipherName, key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(context));
      const ciphertext = [cipher.update(plain, "utf8"), cipher.final()];
      return Buffer.concat([Buffer.of(version), keyIdOf(key), nonce, ...ciphertext, cipher.getAuthTag()]);
    },
    open(sealed, context) {
      const key = keyOf(sealed, keys);
      const nonce = sealed.subarray(headBytes, headBytes + nonceBytes);
      const decipher = createDecipheriv(cipherName, key, nonce, { authTagLength: tagBytes }).setAAD(Buffer.from(context));
      decipher.setAuthTag(sealed.subarray(-tagBytes));
      try {
        const plain = decipher.update(sealed.subarray(headBytes + nonceBytes, -tagBytes));
        return Buffer.concat([plain, decipher.final()]).toString("utf8");
      } catch (error) {
        throw new SealError("the sealed secret was altered, or belongs to something else", error);
      }
    },
  };
}

/** The key that sealed it. @throws SealError */
function keyOf(sealed: Buffer, keys: SealKeys): Buffer {
  if (sealed.length < bytesMin) throw new SealError(`the sealed secret was cut: ${sealed.length} bytes`);
  if (sealed[0] !== version) throw new SealError(`the sealed secret has version ${sealed[0]}, which this release does not know`);
  const keyId = sealed.subarray(1, headBytes);
  const key = keys.find((candidate) => keyIdOf(candidate).equals(keyId));
  if (key === undefined) throw new SealError(`the secret was sealed with a key that is not in the key file (${keyId.toString("hex")})`);
  return key;
}

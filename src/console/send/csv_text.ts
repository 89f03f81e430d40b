// Bytes and texts in a browser: the build substitutes this for src/contacts/csv/csv_text.ts, so
// that pages judge files with the import's own reader.
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const latin1 = new TextDecoder("latin1");

export function isUtf8(bytes: Uint8Array): boolean {
  try {
    strictUtf8.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

export const textOf = (bytes: Uint8Array): string => utf8.decode(bytes);

/**
 * Strictly speaking Windows-1252, which is what browsers offer: equivalent for everything that is
 * searched for in it (line breaks).
 */
export const latin1Of = (bytes: Uint8Array): string => latin1.decode(bytes);

export const newBytes = (length: number): Uint8Array => new Uint8Array(length);

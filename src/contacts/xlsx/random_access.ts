// A file that is read at any offset: on disk in salesapi, a Blob in the browser, bytes in tests.

export interface RandomAccess {
  /** Size in bytes. */
  readonly size: number;
  /** `length` bytes from `offset` on; fewer only at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** What a FileHandle of node:fs/promises has; named here so that this room is pure. */
interface Handle {
  read(buffer: Uint8Array, offset: number, length: number, position: number): Promise<{ bytesRead: number }>;
}

/** A file on disk, of which `size` bytes are read. The handle stays the caller's. */
export function randomAccessOfHandle(handle: Handle, size: number): RandomAccess {
  return {
    size,
    async read(offset, length) {
      const bytes = new Uint8Array(Math.max(0, Math.min(length, size - offset)));
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    },
  };
}

/** A file that somebody dropped on a page. */
export function randomAccessOfBlob(blob: Blob): RandomAccess {
  return { size: blob.size, read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()) };
}

export function randomAccessOfBytes(bytes: Uint8Array): RandomAccess {
  return { size: bytes.length, read: async (offset, length) => bytes.subarray(offset, offset + length) };
}

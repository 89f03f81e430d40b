// Cuts a stream of bytes into PDUs by their command_length. Nothing is copied, except a PDU that
// came in several chunks, once.

/** Header of every PDU: command_length, command_id, command_status, sequence_number. */
export const headerBytes = 16;
/**
 * A PDU with the longest message_payload that a carrier takes fits well; a stray length does not.
 */
export const pduBytesMax = 65_536;

/** Where the next PDU begins is unknown for good: the connection must be closed. */
export class SmppFramingError extends Error {
  override name = "SmppFramingError";
}

export interface FrameReader {
  /**
   * @param onFrame called with each whole PDU, in order; its bytes are those of `chunk` or of a
   * buffer that nobody else writes to
   * @throws SmppFramingError at a command_length below 16 or above 65,536, as soon as its four
   * octets are there, after the PDUs before it; and at every push from then on
   */
  push(chunk: Buffer, onFrame: (bytes: Buffer, start: number, end: number) => void): void;
  /** Octets of a PDU whose rest has not come. */
  heldBytes(): number;
}

export function createFrameReader(): FrameReader {
  /** Chunks without a whole PDU; joined once its last octet is there. */
  let held: Buffer[] = [];
  let heldBytes = 0;
  /** Octets that must be there before it is worth looking. */
  let neededBytes = 4;
  let failure: SmppFramingError | null = null;

  const lengthAt = (bytes: Buffer, at: number): number => {
    const length = bytes.readUInt32BE(at);
    if (length >= headerBytes && length <= pduBytesMax) return length;
    failure = new SmppFramingError(
      `command_length is ${length}, and must be ${headerBytes} to ${pduBytesMax}: the stream cannot be read on`,
    );
    throw failure;
  };
  const hold = (rest: Buffer): void => {
    held = rest.length === 0 ? [] : [rest];
    heldBytes = rest.length;
  };

  return {
    push(chunk, onFrame) {
      if (failure !== null) throw failure;
      heldBytes += chunk.length;
      if (heldBytes < neededBytes) {
        if (chunk.length > 0) held.push(chunk);
        return;
      }
      const bytes = held.length === 0 ? chunk : Buffer.concat([...held, chunk], heldBytes);
      hold(Buffer.alloc(0));
      neededBytes = 4;
      let at = 0;
      while (bytes.length - at >= 4) {
        const end = at + lengthAt(bytes, at);
        if (end > bytes.length) {
          neededBytes = end - at;
          break;
        }
        onFrame(bytes, at, end);
        at = end;
      }
      if (at < bytes.length) hold(at === 0 ? bytes : bytes.subarray(at));
    },
    heldBytes: () => heldBytes,
  };
}

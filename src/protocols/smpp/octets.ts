// Fields of a PDU: octets, integers, C-octet strings and optional parameters, read within the
// bounds of their PDU and written into one growing block.
import { statuses } from "./constants.ts";
import { headerBytes } from "./frame_reader.ts";

/** A PDU that breaks the specification; the stream goes on behind it. */
export class SmppPduError extends Error {
  override name = "SmppPduError";
  /** command_status to answer it with. */
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.status = status;
  }
}

/** Optional parameters by their tag; of a repeated tag the first. */
export type Tlvs = ReadonlyMap<number, Buffer>;

/** Reads one field after the other from `at` up to `end`. */
export class OctetReader {
  readonly #bytes: Buffer;
  readonly #end: number;
  #at: number;

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes;
    this.#at = at;
    this.#end = end;
  }

  isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** @throws SmppPduError when the PDU ends before it; so do all others */
  octet(field: string): number {
    if (this.#at >= this.#end) throw cut(field);
    return this.#bytes[this.#at++] as number;
  }

  uint32(field: string): number {
    if (this.#at + 4 > this.#end) throw cut(field);
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  /** A C-octet string of at most `lengthMax` characters, without its NUL; octets as Latin-1. */
  cString(field: string, lengthMax: number): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1 || end >= this.#end) throw cut(field);
    if (end - this.#at > lengthMax) throw new SmppPduError(`${field} has more than ${lengthMax} characters`, statuses.RINVPARLEN);
    const text = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  /** A view, no copy. */
  octets(field: string, length: number): Buffer {
    if (this.#at + length > this.#end) throw cut(field);
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** All optional parameters up to the end of the PDU; null: there is none. */
  tlvs(): Tlvs | null {
    if (this.isAtEnd()) return null;
    const found = new Map<number, Buffer>();
    while (!this.isAtEnd()) {
      if (this.#at + 4 > this.#end) throw brokenTlv("an optional parameter is cut short");
      const tag = this.#bytes.readUInt16BE(this.#at);
      const length = this.#bytes.readUInt16BE(this.#at + 2);
      this.#at += 4;
      if (this.#at + length > this.#end) {
        throw brokenTlv(`optional parameter 0x${tag.toString(16)} of ${length} octets reaches beyond its PDU`);
      }
      if (!found.has(tag)) found.set(tag, this.#bytes.subarray(this.#at, this.#at + length));
      this.#at += length;
    }
    return found;
  }
}

const cut = (field: string): SmppPduError => new SmppPduError(`the PDU ends within ${field}`, statuses.RINVCMDLEN);
const brokenTlv = (message: string): SmppPduError => new SmppPduError(message, statuses.RINVOPTPARSTREAM);

/** A parameter as text up to its first NUL, which some carriers add; null without it. */
export function tlvText(tlvs: Tlvs | null, tag: number): string | null {
  const value = tlvs?.get(tag);
  if (value === undefined) return null;
  const end = value.indexOf(0);
  return value.toString("latin1", 0, end === -1 ? value.length : end);
}

/** A parameter as an unsigned integer of 1 to 4 octets; null without it, or of another length. */
export function tlvNumber(tlvs: Tlvs | null, tag: number): number | null {
  const value = tlvs?.get(tag);
  return value === undefined || value.length < 1 || value.length > 4 ? null : value.readUIntBE(0, value.length);
}

/** An unsigned integer as the value of an optional parameter. */
export function numberValue(value: number, octets: 1 | 2 | 4): Buffer {
  const bytes = Buffer.allocUnsafe(octets);
  bytes.writeUIntBE(value, 0, octets);
  return bytes;
}

const bytesAtFirst = 65_536;

/**
 * PDUs one behind the other in one block of memory. Its owner takes the block out, and gives it
 * back once it is written.
 */
export class OctetWriter {
  #bytes: Buffer = Buffer.allocUnsafe(bytesAtFirst);
  #spare: Buffer | null = null;
  #lent: Buffer | null = null;
  #at = 0;
  /** Where the PDU under way begins. */
  #start = 0;

  /** Octets of finished PDUs that wait to be taken. */
  get length(): number {
    return this.#at;
  }

  begin(commandId: number, status: number, sequence: number): void {
    this.#start = this.#at;
    this.#reserve(headerBytes);
    this.#bytes.writeUInt32BE(commandId, this.#at + 4);
    this.#bytes.writeUInt32BE(status, this.#at + 8);
    this.#bytes.writeUInt32BE(sequence, this.#at + 12);
    this.#at += headerBytes;
  }

  octet(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** @throws RangeError for what no such field can carry; the PDU under way is then given up */
  cString(field: string, text: string, lengthMax: number): void {
    if (text.length > lengthMax) throw this.#giveUp(`${field} has ${text.length} characters, and may have ${lengthMax}`);
    this.#reserve(text.length + 1);
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (code === 0 || code > 0xff) throw this.#giveUp(`${field} has a character that SMPP cannot carry`);
      this.#bytes[this.#at++] = code;
    }
    this.#bytes[this.#at++] = 0;
  }

  octets(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Octets behind their length, which has one octet. @throws RangeError above 254 */
  shortOctets(field: string, value: Uint8Array): void {
    if (value.length > 254) throw this.#giveUp(`${field} has ${value.length} octets, and may have 254`);
    this.octet(value.length);
    this.octets(value);
  }

  /** @throws RangeError for a value above 65,535 octets */
  tlvs(tlvs: Tlvs | null): void {
    if (tlvs === null) return;
    for (const [tag, value] of tlvs) {
      if (value.length > 0xffff) throw this.#giveUp(`optional parameter 0x${tag.toString(16)} has ${value.length} octets`);
      this.#reserve(4);
      this.#bytes.writeUInt16BE(tag, this.#at);
      this.#bytes.writeUInt16BE(value.length, this.#at + 2);
      this.#at += 4;
      this.octets(value);
    }
  }

  end(): void {
    this.#bytes.writeUInt32BE(this.#at - this.#start, this.#start);
  }

  /** What was written so far. It is lent: nothing is written into it until it is given back. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#at);
    this.#lent = this.#bytes;
    this.#bytes = this.#spare ?? Buffer.allocUnsafe(bytesAtFirst);
    this.#spare = null;
    this.#at = 0;
    return taken;
  }

  /** Takes the memory of the last `take` back, to write into it again. */
  giveBack(): void {
    this.#spare = this.#lent;
    this.#lent = null;
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }

  #giveUp(message: string): RangeError {
    this.#at = this.#start;
    return new RangeError(message);
  }
}

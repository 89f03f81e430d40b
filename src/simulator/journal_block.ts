// Builds one block of a segment's journal: records gathered since the last commit, then length and
// checksum in front. Format: contracts/simulator_journal.ts.
import { crc32 } from "node:zlib";
import { blockHeaderBytes, type JournalSubmit, journalProfiles, recordBytes, recordTypes } from "../contracts/simulator_journal.ts";

const bytesAtFirst = 256;

export class JournalBlock {
  #bytes = Buffer.allocUnsafe(bytesAtFirst);
  #length = blockHeaderBytes;

  isEmpty(): boolean {
    return this.#length === blockHeaderBytes;
  }

  submit(submit: JournalSubmit): void {
    const at = this.#room(recordTypes.submit);
    const isMax = submit.speed === Number.POSITIVE_INFINITY;
    this.#bytes[at + 1] = journalProfiles.indexOf(submit.profile);
    this.#bytes[at + 2] = isMax ? 1 : 0;
    this.#bytes[at + 3] = 0;
    this.#bytes.writeUInt32LE(submit.seed, at + 4);
    this.#bytes.writeDoubleLE(isMax ? 0 : submit.speed, at + 8);
    this.#bytes.writeDoubleLE(submit.atMs, at + 16);
    this.#bytes.writeDoubleLE(submit.validUntilMs, at + 24);
    this.#bytes.writeDoubleLE(submit.steadyAtMs, at + 32);
    this.#bytes.writeUInt32LE(submit.boot, at + 40);
  }

  accepted(row: number, parts: number, digestLow: number, digestHigh: number, forced: number, mark: number): void {
    this.#verdict(recordTypes.accepted, row, parts, digestLow, digestHigh, forced, mark);
  }

  rejected(row: number, parts: number, digestLow: number, digestHigh: number, code: number, mark: number): void {
    this.#verdict(recordTypes.rejected, row, parts, digestLow, digestHigh, code, mark);
  }

  sent(row: number, deltaMs: number): void {
    const at = this.#room(recordTypes.sent);
    this.#bytes.writeUInt16LE(row, at + 1);
    this.#bytes.writeUInt32LE(deltaMs, at + 3);
  }

  ended(row: number, deltaMs: number, end: number, code: number): void {
    const at = this.#room(recordTypes.ended);
    this.#bytes.writeUInt16LE(row, at + 1);
    this.#bytes.writeUInt32LE(deltaMs, at + 3);
    this.#bytes[at + 7] = end;
    this.#bytes[at + 8] = code;
  }

  answered(row: number, receiptNo: number): void {
    const at = this.#room(recordTypes.answered);
    this.#bytes.writeUInt16LE(row, at + 1);
    this.#bytes[at + 3] = receiptNo;
  }

  repeat(row: number, isSame: boolean): void {
    const at = this.#room(recordTypes.repeat);
    this.#bytes.writeUInt16LE(row, at + 1);
    this.#bytes[at + 3] = isSame ? 1 : 0;
  }

  gaveUp(row: number): void {
    const at = this.#room(recordTypes.gave_up);
    this.#bytes.writeUInt16LE(row, at + 1);
  }

  lost(row: number, receiptNo: number): void {
    const at = this.#room(recordTypes.lost);
    this.#bytes.writeUInt16LE(row, at + 1);
    this.#bytes[at + 3] = receiptNo;
  }

  details(row: number, json: string): void {
    const bytes = Buffer.byteLength(json);
    const at = this.#room(recordTypes.details, bytes);
    this.#bytes.writeUInt16LE(row, at + 1);
    this.#bytes.writeUInt32LE(bytes, at + 3);
    this.#bytes.write(json, at + recordBytes[recordTypes.details]);
  }

  /** The block as it goes to disk; the builder is empty again and never touches these bytes. */
  take(): Buffer {
    const block = this.#bytes.subarray(0, this.#length);
    block.writeUInt32LE(this.#length - blockHeaderBytes, 0);
    block.writeUInt32LE(crc32(block.subarray(blockHeaderBytes)), 4);
    this.#bytes = Buffer.allocUnsafe(bytesAtFirst);
    this.#length = blockHeaderBytes;
    return block;
  }

  #verdict(type: number, row: number, parts: number, digestLow: number, digestHigh: number, last: number, mark: number): void {
    const at = this.#room(type);
    this.#bytes[at + 1] = parts;
    this.#bytes.writeUInt16LE(row, at + 2);
    this.#bytes.writeUInt32LE(digestLow, at + 4);
    this.#bytes.writeUInt32LE(digestHigh, at + 8);
    this.#bytes[at + 12] = last;
    this.#bytes.writeUInt32LE(mark, at + 13);
  }

  /** Writes the type and answers where the record starts. `more`: bytes behind its fixed fields. */
  #room(type: number, more = 0): number {
    const at = this.#length;
    this.#length += (recordBytes[type] as number) + more;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    this.#bytes[at] = type;
    return at;
  }
}

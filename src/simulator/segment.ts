// The state of one segment's messages in memory: flat arrays that grow with the messages it has,
// filled from its journal file. A message has a slot: the order in which it came to this segment.
import { type JournalSubmit, type JournalVisitor, segmentRows, visitSegment } from "../contracts/simulator_journal.ts";
import { type SimulatorClock, steadyTimeOf } from "./clock.ts";
import { type Fate, fateOf } from "./plan.ts";
import { simulatorProfiles } from "./profiles.ts";
import { type ChanceStream, chanceStream } from "./random.ts";

/** Bits of `flags`. */
export const flag = {
  rejected: 1,
  sent: 2,
  ended: 4,
  /** No word of its end will ever come. */
  never: 8,
  answeredQueued: 16,
  answeredSecond: 32,
  answeredThird: 64,
  gaveUp: 128,
} as const;
const answeredFlags = [0, flag.answeredQueued, flag.answeredSecond, flag.answeredThird] as const;

/** What the messages of one submit share, with the stream of chance of its seed. */
export interface SubmitTerms extends JournalSubmit {
  stream: ChanceStream;
  /** When their plans begin, by this boot's steady clock. */
  beginMs: number;
}

const slotsAtFirst = 16;
const repeatsShownMax = 65_535;

export class Segment {
  readonly batchId: string;
  readonly segmentNo: number;
  /** Names it in queues of numbers; given by the journal while it is in memory. */
  handle = 0;
  /** Messages that still have something to come: a step, or a receipt without its 2xx. */
  unfinished = 0;
  /** Queue entries and requests that name it: it stays in memory while there are any. */
  uses = 0;

  slots = 0;
  readonly terms: SubmitTerms[] = [];
  #rowTable = new Uint16Array(slotsAtFirst * 2);
  rows = new Uint16Array(slotsAtFirst);
  flags = new Uint8Array(slotsAtFirst);
  parts = new Uint8Array(slotsAtFirst);
  forced = new Uint8Array(slotsAtFirst);
  ends = new Uint8Array(slotsAtFirst);
  codes = new Uint8Array(slotsAtFirst);
  termsOf = new Uint16Array(slotsAtFirst);
  digestsLow = new Uint32Array(slotsAtFirst);
  digestsHigh = new Uint32Array(slotsAtFirst);
  sentDeltas = new Uint32Array(slotsAtFirst);
  endedDeltas = new Uint32Array(slotsAtFirst);
  /** Receipts that the weather lost: the same bits as their answered flags. */
  lost = new Uint8Array(slotsAtFirst);
  repeats = new Uint16Array(slotsAtFirst);
  repeatsDiffering = new Uint16Array(slotsAtFirst);
  /** By slot: JSON of an account's message (contracts/simulator_accounts.ts); empty for others. */
  readonly details: string[] = [];

  constructor(batchId: string, segmentNo: number) {
    this.batchId = batchId;
    this.segmentNo = segmentNo;
  }

  rowNo(slot: number): number {
    return this.segmentNo * segmentRows + (this.rows[slot] as number);
  }

  submitOf(slot: number): SubmitTerms {
    return this.terms[this.termsOf[slot] as number] as SubmitTerms;
  }

  fate(slot: number): Fate {
    const { profile, stream } = this.submitOf(slot);
    return fateOf(simulatorProfiles[profile], stream, this.rowNo(slot), this.forced[slot] as number);
  }

  /** Slot of a row (counted from the segment's first), -1 when it is new. */
  find(row: number): number {
    const mask = this.#rowTable.length - 1;
    for (let at = row & mask; ; at = (at + 1) & mask) {
      const entry = this.#rowTable[at] as number;
      if (entry === 0) return -1;
      if (this.rows[entry - 1] === row) return entry - 1;
    }
  }

  /** Of a segment that came from disk: its plans go on by this boot's clock. */
  takeUp(clock: SimulatorClock): void {
    for (const terms of this.terms) terms.beginMs = steadyTimeOf(terms, clock);
  }

  /** Terms for the messages added next. A seed's stream of chance is made once. */
  addTerms(submit: JournalSubmit): void {
    const last = this.terms[this.terms.length - 1];
    const stream = last !== undefined && last.seed === submit.seed ? last.stream : chanceStream(submit.seed, this.batchId);
    this.terms.push({ ...submit, stream, beginMs: submit.steadyAtMs });
  }

  /** A message new to this segment; answers its slot. A refused one is finished at once. */
  add(row: number, parts: number, digestLow: number, digestHigh: number, forced: number, rejectedCode: number | null): number {
    if (this.slots === this.rows.length) this.#grow();
    const slot = this.slots++;
    this.rows[slot] = row;
    this.parts[slot] = parts;
    this.digestsLow[slot] = digestLow;
    this.digestsHigh[slot] = digestHigh;
    this.forced[slot] = forced;
    this.termsOf[slot] = this.terms.length - 1;
    this.codes[slot] = rejectedCode ?? 0;
    this.flags[slot] = rejectedCode === null ? 0 : flag.rejected;
    this.#index(slot);
    if (rejectedCode === null) this.unfinished += 1;
    return slot;
  }

  is(slot: number, bit: number): boolean {
    return ((this.flags[slot] as number) & bit) !== 0;
  }

  markSent(slot: number, deltaMs: number, isNever: boolean): void {
    this.#change(slot, () => {
      this.flags[slot] = (this.flags[slot] as number) | flag.sent | (isNever ? flag.never : 0);
      this.sentDeltas[slot] = deltaMs;
    });
  }

  markEnded(slot: number, deltaMs: number, end: number, code: number): void {
    this.#change(slot, () => {
      this.flags[slot] = (this.flags[slot] as number) | flag.ended;
      this.endedDeltas[slot] = deltaMs;
      this.ends[slot] = end;
      this.codes[slot] = code;
    });
  }

  isAnswered(slot: number, receiptNo: number): boolean {
    return this.is(slot, answeredFlags[receiptNo] as number);
  }

  markAnswered(slot: number, receiptNo: number): void {
    this.#change(slot, () => {
      this.flags[slot] = (this.flags[slot] as number) | (answeredFlags[receiptNo] as number);
    });
  }

  isLost(slot: number, receiptNo: number): boolean {
    return ((this.lost[slot] as number) & (answeredFlags[receiptNo] as number)) !== 0;
  }

  markLost(slot: number, receiptNo: number): void {
    this.#change(slot, () => {
      this.lost[slot] = (this.lost[slot] as number) | (answeredFlags[receiptNo] as number);
    });
  }

  markGaveUp(slot: number): void {
    this.#change(slot, () => {
      this.flags[slot] = (this.flags[slot] as number) | flag.gaveUp;
    });
  }

  markRepeat(slot: number, isSame: boolean): void {
    this.repeats[slot] = Math.min(repeatsShownMax, (this.repeats[slot] as number) + 1);
    if (!isSame) this.repeatsDiffering[slot] = Math.min(repeatsShownMax, (this.repeatsDiffering[slot] as number) + 1);
  }

  /**
   * Nothing more will be done for it: refused, given up, or its last step done and every receipt
   * answered or lost.
   */
  isFinished(slot: number): boolean {
    const flags = this.flags[slot] as number;
    if ((flags & (flag.rejected | flag.gaveUp)) !== 0) return true;
    const isLastStepDone = (flags & (flag.ended | flag.never)) !== 0;
    const isThirdEmitted = (flags & flag.sent) !== 0 && (flags & flag.ended) !== 0;
    const wanted = flag.answeredQueued | flag.answeredSecond | (isThirdEmitted ? flag.answeredThird : 0);
    return isLastStepDone && ((flags | (this.lost[slot] as number)) & wanted) === wanted;
  }

  /** Fills an empty segment from its file; answers how many bytes are whole. */
  load(file: Buffer): number {
    const known = (row: number): number => {
      const slot = this.find(row);
      if (slot === -1) throw new Error("journal record without its verdict");
      return slot;
    };
    const visitor: JournalVisitor = {
      submit: (submit) => this.addTerms(submit),
      accepted: (row, parts, low, high, forced) => void this.add(row, parts, low, high, forced, null),
      rejected: (row, parts, low, high, code) => void this.add(row, parts, low, high, 0, code),
      sent: (row, deltaMs) => {
        const slot = known(row);
        this.markSent(slot, deltaMs, this.fate(slot).end === "never");
      },
      ended: (row, deltaMs, end, code) => this.markEnded(known(row), deltaMs, end, code),
      answered: (row, receiptNo) => this.markAnswered(known(row), receiptNo),
      repeat: (row, isSame) => this.markRepeat(known(row), isSame),
      gaveUp: (row) => this.markGaveUp(known(row)),
      lost: (row, receiptNo) => this.markLost(known(row), receiptNo),
      details: (row, json) => {
        this.details[known(row)] = json;
      },
    };
    return visitSegment(file, visitor);
  }

  /** Applies a change and keeps `unfinished` true to it. */
  #change(slot: number, apply: () => void): void {
    const wasFinished = this.isFinished(slot);
    apply();
    if (!wasFinished && this.isFinished(slot)) this.unfinished -= 1;
  }

  /** Open addressing, at most half full; an entry is slot + 1. */
  #index(slot: number): void {
    const mask = this.#rowTable.length - 1;
    let at = (this.rows[slot] as number) & mask;
    while (this.#rowTable[at] !== 0) at = (at + 1) & mask;
    this.#rowTable[at] = slot + 1;
  }

  #grow(): void {
    const capacity = this.rows.length * 2;
    const bytes = (from: Uint8Array): Uint8Array<ArrayBuffer> => {
      const into = new Uint8Array(capacity);
      into.set(from);
      return into;
    };
    const words = (from: Uint16Array): Uint16Array<ArrayBuffer> => {
      const into = new Uint16Array(capacity);
      into.set(from);
      return into;
    };
    const doubles = (from: Uint32Array): Uint32Array<ArrayBuffer> => {
      const into = new Uint32Array(capacity);
      into.set(from);
      return into;
    };
    this.flags = bytes(this.flags);
    this.parts = bytes(this.parts);
    this.forced = bytes(this.forced);
    this.lost = bytes(this.lost);
    this.ends = bytes(this.ends);
    this.codes = bytes(this.codes);
    this.rows = words(this.rows);
    this.termsOf = words(this.termsOf);
    this.repeats = words(this.repeats);
    this.repeatsDiffering = words(this.repeatsDiffering);
    this.digestsLow = doubles(this.digestsLow);
    this.digestsHigh = doubles(this.digestsHigh);
    this.sentDeltas = doubles(this.sentDeltas);
    this.endedDeltas = doubles(this.endedDeltas);
    this.#rowTable = new Uint16Array(capacity * 2);
    for (let slot = 0; slot < this.slots; slot++) this.#index(slot);
  }
}

// The simulator's journal as the laws read it: which segments exist, and what one segment records
// about its messages, in flat arrays.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { accountsFile, parseAccounts } from "../contracts/simulator_accounts.ts";
import { journalEnds, journalFolder, parseSegmentName, segmentPath, segmentRows, visitSegment } from "../contracts/simulator_journal.ts";

/** Bits of a message in `SegmentFacts.bits`. */
export const journalBits = {
  accepted: 1,
  rejected: 2,
  isSent: 4,
  answeredFirst: 8,
  answeredSecond: 16,
  answeredThird: 32,
  repeatDiffered: 64,
  /** There is a record about a reference that has no verdict. */
  lacksVerdict: 128,
} as const;

/** Indexed by row of the segment, which begins at row_no `firstRow`. */
export interface SegmentFacts {
  firstRow: number;
  bits: Uint8Array;
  parts: Uint8Array;
  /** Index into journalEnds. */
  ends: Uint8Array;
  /** Index into journalErrorCodes: why the message was rejected or how it ended. */
  codes: Uint8Array;
  /** Mark of the number that the first verdict was about; noNumberMark in a record of format 1. */
  numberMarks: Uint32Array;
  /** How often a verdict was journaled; more than once is too often. Saturates at 255. */
  verdicts: Uint8Array;
  repeats: Uint16Array;
}

/**
 * The segments of each batch with their size in bytes so far. Memory grows with the number of
 * segments (16,384 messages each), not of messages.
 */
export type JournalListing = Map<string, Map<number, number>>;

/** null if there is no journal here (the carrier runs on another machine, or has not run yet). */
export async function listJournal(simulatorFolder: string): Promise<JournalListing | null> {
  const root = join(simulatorFolder, journalFolder);
  const folders = await readdir(root).catch(absent);
  if (folders === null) return null;
  const listing: JournalListing = new Map();
  for (const folder of folders) {
    for (const name of (await readdir(join(root, folder)).catch(absent)) ?? []) {
      const segment = parseSegmentName(name);
      if (segment === null) continue;
      const file = await stat(join(root, folder, name)).catch(absent);
      if (file === null) continue;
      const segments = listing.get(segment.batchId) ?? new Map<number, number>();
      listing.set(segment.batchId, segments.set(segment.segmentNo, file.size));
    }
  }
  return listing;
}

/**
 * The batches of accounts (contracts/simulator_accounts.ts): what others sent through the simulator,
 * and our own carriers by its other dialects. Read after a listing it names every such batch of it:
 * an account stands in its file before it has a batch.
 */
export async function readAccountBatches(simulatorFolder: string): Promise<ReadonlySet<string>> {
  const text = (await readFile(join(simulatorFolder, accountsFile), "utf8").catch(absent)) ?? "";
  return new Set(parseAccounts(text).map(({ batchId }) => batchId));
}

/**
 * The content of a segment when it had `bytesBefore` bytes, and its content now; the same object if
 * nothing was added. null for a side on which the segment did not exist.
 */
export async function readSegment(
  simulatorFolder: string,
  batchId: string,
  segmentNo: number,
  bytesBefore: number,
): Promise<{ before: SegmentFacts | null; after: SegmentFacts | null }> {
  const file = await readFile(join(simulatorFolder, segmentPath(batchId, segmentNo))).catch(absent);
  if (file === null) return { before: null, after: null };
  const after = collectFacts(file, segmentNo);
  if (bytesBefore >= file.length) return { before: after, after };
  return { before: bytesBefore === 0 ? null : collectFacts(file.subarray(0, bytesBefore), segmentNo), after };
}

/** Number of parts of a campaign that the carrier sent, by its own journal. */
export async function countSentParts(simulatorFolder: string, bulksmsId: string): Promise<number> {
  let parts = 0;
  const listing = await listJournal(simulatorFolder);
  for (const segmentNo of listing?.get(bulksmsId)?.keys() ?? []) {
    const { after } = await readSegment(simulatorFolder, bulksmsId, segmentNo, 0);
    after?.bits.forEach((bits, row) => {
      if ((bits & journalBits.isSent) !== 0) parts += after.parts[row] as number;
    });
  }
  return parts;
}

function collectFacts(file: Buffer, segmentNo: number): SegmentFacts {
  const facts: SegmentFacts = {
    firstRow: segmentNo * segmentRows,
    bits: new Uint8Array(segmentRows),
    parts: new Uint8Array(segmentRows),
    ends: new Uint8Array(segmentRows),
    codes: new Uint8Array(segmentRows),
    numberMarks: new Uint32Array(segmentRows),
    verdicts: new Uint8Array(segmentRows),
    repeats: new Uint16Array(segmentRows),
  };
  const { bits, parts, ends, codes, numberMarks, verdicts, repeats } = facts;
  const set = (row: number, bit: number): void => {
    bits[row] = (bits[row] as number) | bit | (verdicts[row] === 0 ? journalBits.lacksVerdict : 0);
  };
  const verdict = (row: number, rowParts: number, bit: number, mark: number): void => {
    if (verdicts[row] === 0) numberMarks[row] = mark;
    verdicts[row] = Math.min(255, (verdicts[row] as number) + 1);
    set(row, bit);
    parts[row] = rowParts;
  };
  visitSegment(file, {
    submit: () => {},
    accepted: (row, rowParts, _low, _high, _forced, mark) => verdict(row, rowParts, journalBits.accepted, mark),
    rejected: (row, rowParts, _low, _high, code, mark) => {
      verdict(row, rowParts, journalBits.rejected, mark);
      codes[row] = code;
    },
    sent: (row) => set(row, journalBits.isSent),
    ended: (row, _deltaMs, end, code) => {
      set(row, 0);
      codes[row] = code;
      ends[row] = end < journalEnds.length ? end : 0;
    },
    answered: (row, receiptNo) => set(row, answeredBits[receiptNo] ?? 0),
    repeat: (row, isSame) => {
      set(row, isSame ? 0 : journalBits.repeatDiffered);
      repeats[row] = Math.min(65_535, (repeats[row] as number) + 1);
    },
    gaveUp: (row) => set(row, 0),
    lost: (row) => set(row, 0),
  });
  return facts;
}

/** Indexed by receipt number. */
const answeredBits = [0, journalBits.answeredFirst, journalBits.answeredSecond, journalBits.answeredThird] as const;

function absent(error: unknown): null {
  if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")) return null;
  throw error;
}

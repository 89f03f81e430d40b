// The simulator's memory of what it said: segments loaded on demand from their files
// (journal_files.ts), and group commit (group_commit.ts). One process at a time (folder_lock.ts).
//
// A verdict or a sending is told to nobody before it is on disk (fdatasync, not only written):
// after kill -9 of this process the page cache would be enough, but after a loss of power a verdict
// that was answered and then forgotten would be a message lost, and a sending forgotten could be
// judged anew as too late, though its receipt said `sent`. Only `answered` marks are lazy: losing
// some of them repeats a receipt, which changes nothing.
import { reachFailpoint } from "../platform/failpoint.ts";
import { eachInSlots } from "../platform/time/slots.ts";
import { createGroupCommit, type GroupCommit } from "./group_commit.ts";
import { JournalBlock } from "./journal_block.ts";
import {
  appendBlock,
  closeFile,
  type JournalFiles,
  journalFilesIn,
  openJournal,
  readFileOf,
  type SegmentFile,
  segmentName,
  segmentNosOf,
  takeFile,
  unmarkFile,
} from "./journal_files.ts";
import { Segment } from "./segment.ts";

/** A finished segment nobody asks for leaves memory after this. */
const idleMs = 5_000;
/** Finished segments kept for repeats; about 0.5 MB each at most. */
const idleSegmentsMax = 64;
const sweepIntervalMs = 1_000;
/** Files written or loaded at once: libuv has four threads. */
const filesAtOnce = 8;

/** A segment in memory with the records that wait for the next commit. */
export interface OpenSegment {
  readonly segment: Segment;
  readonly block: JournalBlock;
}

export interface Journal {
  /** Makes the folders and loads every segment that may have unfinished messages. */
  open(): Promise<void>;
  /**
   * Loads the segment, or makes it, and counts one use: the caller gives it back by `segment.uses
   * -= 1`.
   */
  use(batchId: string, segmentNo: number): Promise<OpenSegment>;
  /** As `use`; null when nothing of it was ever journaled. */
  takeKnown(batchId: string, segmentNo: number): Promise<OpenSegment | null>;
  /** A segment that somebody uses, by its handle. */
  byHandle(handle: number): OpenSegment;
  /** Records were added to its block. `isLazy`: no need to hurry. */
  touch(open: OpenSegment, isLazy?: boolean): void;
  /** Resolves when all that was touched before is on disk. */
  commit(): Promise<void>;
  /** Segment numbers that a batch has on disk, in order. */
  segmentNos(batchId: string): Promise<number[]>;
  segmentFile(batchId: string, segmentNo: number): Promise<Buffer>;
  /** Messages in memory that still have something to come. */
  unfinished(): number;
  segmentsInMemory(): number;
  close(): Promise<void>;
}

interface Entry extends OpenSegment {
  readonly name: string;
  readonly file: SegmentFile;
  /** Its block has records that somebody will be told of: not only answered marks. */
  mustSync: boolean;
  usedAtMs: number;
}

export interface JournalOptions {
  folder: string;
  /** Whether the batch is that of an account: its messages have details. */
  isOfAccount(batchId: string): boolean;
  /**
   * Called for every segment that came from disk with unfinished messages, before anybody else sees
   * it.
   */
  onResume(open: OpenSegment): void;
  /**
   * The journal cannot be written: what is in memory is ahead of the disk, and the process must
   * end.
   */
  onFatal(error: unknown): void;
}

/** The segments in memory: by name for submits and reads, by handle for queues of numbers. */
interface SegmentMemory {
  readonly files: JournalFiles;
  readonly commits: GroupCommit<Entry>;
  readonly options: JournalOptions;
  readonly entries: Map<string, Entry>;
  readonly loading: Map<string, Promise<Entry | null>>;
  /** Segments on their way out: their marker and file are being closed. */
  readonly leaving: Map<string, Promise<void>>;
  readonly handles: (Entry | null)[];
  readonly freeHandles: number[];
}

export function createJournal(options: JournalOptions): Journal {
  const files = journalFilesIn(options.folder);
  const commits = createGroupCommit((entries: readonly Entry[]) => writeBlocks(files, entries), options.onFatal);
  const memory: SegmentMemory = {
    files,
    commits,
    options,
    entries: new Map(),
    loading: new Map(),
    leaving: new Map(),
    handles: [],
    freeHandles: [],
  };
  let sweepTimer: NodeJS.Timeout | null = null;

  return {
    async open() {
      await eachInSlots(await openJournal(files), filesAtOnce, async ({ batchId, segmentNo }) => {
        const entry = await useSegment(memory, batchId, segmentNo, false);
        if (entry === null) return;
        entry.file.isMarked = true;
        entry.segment.uses -= 1;
      });
      sweepTimer = setInterval(() => sweep(memory), sweepIntervalMs);
      sweepTimer.unref();
    },
    use: async (batchId, segmentNo) => {
      const entry = await useSegment(memory, batchId, segmentNo, false);
      if (entry === null) throw new Error("a segment is made when it is not there");
      return entry;
    },
    takeKnown: (batchId, segmentNo) => useSegment(memory, batchId, segmentNo, true),
    byHandle: (handle) => byHandle(memory, handle),
    touch(openSegment, isLazy = false) {
      const entry = openSegment as Entry;
      entry.usedAtMs = performance.now();
      if (!isLazy) entry.mustSync = true;
      commits.touch(entry, isLazy);
    },
    commit: () => commits.commit(),
    segmentNos: (batchId) => segmentNosOf(files, batchId),
    segmentFile: async (batchId, segmentNo) => (await readFileOf(files, batchId, segmentNo)) ?? Buffer.alloc(0),
    unfinished: () => unfinishedIn(memory),
    segmentsInMemory: () => memory.entries.size,
    async close() {
      if (sweepTimer !== null) clearInterval(sweepTimer);
      await commits.close();
      await closeMemory(memory);
    },
  };
}

async function useSegment(memory: SegmentMemory, batchId: string, segmentNo: number, mustExist: boolean): Promise<Entry | null> {
  const name = segmentName(batchId, segmentNo);
  for (;;) {
    const present = memory.entries.get(name);
    if (present !== undefined) {
      present.segment.uses += 1;
      present.usedAtMs = performance.now();
      return present;
    }
    await memory.leaving.get(name);
    let load = memory.loading.get(name);
    if (load === undefined && !memory.entries.has(name)) {
      load = loadSegment(memory, batchId, segmentNo, name, mustExist).finally(() => memory.loading.delete(name));
      memory.loading.set(name, load);
    }
    // the loaded entry is taken in the next turn of the loop; nothing can evict it in between, for
    // it was just used
    if ((await load) === null && mustExist) return null;
  }
}

function byHandle(memory: SegmentMemory, handle: number): Entry {
  const entry = memory.handles[handle];
  if (entry == null) throw new Error(`no segment has handle ${handle}`);
  return entry;
}

function unfinishedIn(memory: SegmentMemory): number {
  let sum = 0;
  for (const { segment } of memory.entries.values()) sum += segment.unfinished;
  return sum;
}

/**
 * Finished segments leave memory: idle ones, and the longest idle when there are too many. Never
 * during a commit, which has their files in hand.
 */
function sweep(memory: SegmentMemory): void {
  if (memory.commits.isWriting()) return;
  const now = performance.now();
  const idle = [...memory.entries.values()].filter(isIdle);
  idle.sort((a, b) => a.usedAtMs - b.usedAtMs);
  const tooMany = idle.length - idleSegmentsMax;
  idle.forEach((entry, index) => {
    if (index < tooMany || now - entry.usedAtMs > idleMs) evict(memory, entry);
  });
}

async function closeMemory(memory: SegmentMemory): Promise<void> {
  await Promise.all(memory.leaving.values());
  for (const { file, segment } of [...memory.entries.values()]) {
    await closeFile(memory.files, file);
    if (segment.unfinished === 0) await unmarkFile(memory.files, file);
  }
  memory.entries.clear();
}

async function loadSegment(
  memory: SegmentMemory,
  batchId: string,
  segmentNo: number,
  name: string,
  mustExist: boolean,
): Promise<Entry | null> {
  const content = await readFileOf(memory.files, batchId, segmentNo);
  if (content === null && mustExist) return null;
  const segment = new Segment(batchId, segmentNo);
  const wholeBytes = content === null ? 0 : segment.load(content);
  const entry: Entry = {
    name,
    segment,
    block: new JournalBlock(),
    file: await takeFile(memory.files, { batchId, segmentNo, hasDetails: memory.options.isOfAccount(batchId) }, content, wholeBytes),
    mustSync: false,
    usedAtMs: performance.now(),
  };
  segment.handle = memory.freeHandles.pop() ?? memory.handles.length;
  memory.handles[segment.handle] = entry;
  memory.entries.set(name, entry);
  if (segment.unfinished > 0) memory.options.onResume(entry);
  return entry;
}

function evict(memory: SegmentMemory, entry: Entry): void {
  const { name, file, segment } = entry;
  memory.entries.delete(name);
  memory.handles[segment.handle] = null;
  memory.freeHandles.push(segment.handle);
  memory.commits.forget(entry);
  const gone = closeFile(memory.files, file).then(() => unmarkFile(memory.files, file));
  memory.leaving.set(
    name,
    gone.catch(memory.options.onFatal).finally(() => memory.leaving.delete(name)),
  );
}

const isIdle = ({ segment, block }: Entry): boolean => segment.unfinished === 0 && segment.uses === 0 && block.isEmpty();

/** Takes all blocks at once: a record added from here on belongs to the next commit. */
async function writeBlocks(files: JournalFiles, entries: readonly Entry[]): Promise<void> {
  const blocks = entries.filter(({ block }) => !block.isEmpty()).map(takeBlock);
  await eachInSlots(blocks, filesAtOnce, async ({ file, bytes, mustSync }) => {
    await appendBlock(files, file, bytes, mustSync);
    if (blocks.length > 1) reachFailpoint("body_half_journaled");
  });
}

function takeBlock(entry: Entry): { file: SegmentFile; bytes: Buffer; mustSync: boolean } {
  const { file, mustSync } = entry;
  entry.mustSync = false;
  return { file, bytes: entry.block.take(), mustSync };
}

// The simulator's memory of what it said: segments loaded on demand from one append-only file each,
// and group commit. Format: contracts/simulator_journal.ts. Used by simulator.ts alone; one process
// at a time (folder_lock.ts).
//
// A verdict or a sending is told to nobody before it is on disk (fdatasync, not only written):
// after kill -9 of this process the page cache would be enough, but after a loss of power a verdict
// that was answered and then forgotten would be a message lost, and a sending forgotten could be
// judged anew as too late, though its receipt said `sent`. Whoever comes while one commit is under
// way forms the next, so a slow disk makes commits larger, not slower. Only `answered` marks are
// lazy: losing some of them repeats a receipt, which changes nothing.
import { type FileHandle, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  blockPayloadBytesMax,
  fileMagic,
  fileMagicOfFormat1,
  journalFolder,
  openFolder,
  parseSegmentName,
  segmentPath,
} from "../contracts/simulator_journal.ts";
import { reachFailpoint } from "../platform/failpoint.ts";
import { JournalBlock } from "./journal_block.ts";
import { Segment } from "./segment.ts";

/** Answered marks wait at most so long for a commit of their own. */
const lazyCommitMs = 100;
/** A finished segment nobody asks for leaves memory after this. */
const idleMs = 5_000;
/** Finished segments kept for repeats; about 0.5 MB each at most. */
const idleSegmentsMax = 64;
/**
 * Files that stay open between commits; a process may have 1,024 by default, and sockets need some.
 */
const openFilesMax = 128;
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
  useKnown(batchId: string, segmentNo: number): Promise<OpenSegment | null>;
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
  file: FileHandle | null;
  fileBytes: number;
  /** Its file says that it has records of format 1 alone. */
  isOfFormat1: boolean;
  isMarked: boolean;
  /** Its block has records that somebody will be told of: not only answered marks. */
  mustSync: boolean;
  usedAtMs: number;
}

export interface JournalOptions {
  folder: string;
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

export function createJournal(options: JournalOptions): Journal {
  const { folder } = options;
  const entries = new Map<string, Entry>();
  const loading = new Map<string, Promise<Entry | null>>();
  /** Segments on their way out: their marker and file are being closed. */
  const leaving = new Map<string, Promise<void>>();
  const handles: (Entry | null)[] = [];
  const freeHandles: number[] = [];
  const knownFolders = new Set<string>();
  let dirty = new Set<Entry>();
  let waiting: (() => void)[] = [];
  let committing: Promise<void> | null = null;
  let lazyTimer: NodeJS.Timeout | null = null;
  /** Answered marks have waited their time: the next commit follows the one under way. */
  let isLazyDue = false;
  let sweepTimer: NodeJS.Timeout | null = null;
  let openFiles = 0;

  const nameOf = (batchId: string, segmentNo: number): string => `${batchId}.${segmentNo}`;

  async function use(batchId: string, segmentNo: number, mustExist: boolean): Promise<Entry | null> {
    const name = nameOf(batchId, segmentNo);
    for (;;) {
      const present = entries.get(name);
      if (present !== undefined) {
        present.segment.uses += 1;
        present.usedAtMs = performance.now();
        return present;
      }
      await leaving.get(name);
      let load = loading.get(name);
      if (load === undefined && !entries.has(name)) {
        load = loadEntry(batchId, segmentNo, name, mustExist).finally(() => loading.delete(name));
        loading.set(name, load);
      }
      // the loaded entry is taken in the next turn of the loop; nothing can evict it in between,
      // for it was just used
      if ((await load) === null && mustExist) return null;
    }
  }

  async function loadEntry(batchId: string, segmentNo: number, name: string, mustExist: boolean): Promise<Entry | null> {
    const file = await readIfThere(join(folder, segmentPath(batchId, segmentNo)));
    if (file === null && mustExist) return null;
    const segment = new Segment(batchId, segmentNo);
    const wholeBytes = file === null ? 0 : segment.load(file);
    if (file !== null && wholeBytes < file.length) await truncateFile(join(folder, segmentPath(batchId, segmentNo)), wholeBytes);
    const entry: Entry = {
      name,
      segment,
      block: new JournalBlock(),
      file: null,
      fileBytes: wholeBytes,
      isOfFormat1: wholeBytes > 0 && file?.subarray(0, fileMagicOfFormat1.length).equals(fileMagicOfFormat1) === true,
      isMarked: false,
      mustSync: false,
      usedAtMs: performance.now(),
    };
    segment.handle = freeHandles.pop() ?? handles.length;
    handles[segment.handle] = entry;
    entries.set(name, entry);
    if (segment.unfinished > 0) options.onResume(entry);
    return entry;
  }

  function commit(): Promise<void> {
    if (dirty.size === 0 && committing === null) return Promise.resolve();
    return new Promise((resolve) => {
      waiting.push(resolve);
      startCommit();
    });
  }

  function startCommit(): void {
    if (committing !== null) return;
    committing = commitAll().then(
      () => {
        committing = null;
        if (waiting.length > 0 || isLazyDue) startCommit();
      },
      (error: unknown) => options.onFatal(error),
    );
  }

  async function commitAll(): Promise<void> {
    const batch = [...dirty];
    const released = waiting;
    dirty = new Set();
    waiting = [];
    isLazyDue = false;
    // taken all at once: a record added from here on belongs to the next commit
    const blocks = batch.filter(({ block }) => !block.isEmpty()).map(takeBlock);
    await inTurns(blocks, filesAtOnce, async ({ entry, bytes, mustSync }) => {
      await appendBlock(entry, bytes, mustSync);
      if (blocks.length > 1) reachFailpoint("body_half_journaled");
    });
    for (const release of released) release();
  }

  function takeBlock(entry: Entry): { entry: Entry; bytes: Buffer; mustSync: boolean } {
    const { mustSync } = entry;
    entry.mustSync = false;
    return { entry, bytes: entry.block.take(), mustSync };
  }

  async function appendBlock(entry: Entry, block: Buffer, mustSync: boolean): Promise<void> {
    if (block.length > blockPayloadBytesMax) throw new Error(`journal block of ${block.length} bytes`);
    const file = entry.file ?? (await openEntry(entry));
    const bytes = entry.fileBytes === 0 ? Buffer.concat([fileMagic, block]) : block;
    if (entry.isOfFormat1) {
      // on disk with the block below, or before it: a file of format 2 may well have only records
      // of format 1
      await file.write(fileMagic, 0, fileMagic.length, 0);
      entry.isOfFormat1 = false;
    }
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await file.write(bytes, written, bytes.length - written, entry.fileBytes + written);
      written += bytesWritten;
    }
    entry.fileBytes += bytes.length;
    if (mustSync) await file.datasync();
    if (openFiles > openFilesMax) await closeFile(entry);
  }

  /** The marker is on disk before the first record: a start looks only at marked segments. */
  async function openEntry(entry: Entry): Promise<FileHandle> {
    const path = join(folder, segmentPath(entry.segment.batchId, entry.segment.segmentNo));
    if (!entry.isMarked) {
      await (await open(join(folder, openFolder, entry.name), "w")).close();
      await syncFolder(join(folder, openFolder));
      entry.isMarked = true;
    }
    const shard = join(path, "..");
    if (!knownFolders.has(shard)) {
      await mkdir(shard, { recursive: true });
      await syncFolder(join(folder, journalFolder));
      knownFolders.add(shard);
    }
    const isNew = entry.fileBytes === 0;
    const file = await open(path, isNew ? "w" : "r+");
    if (isNew) await syncFolder(shard);
    entry.file = file;
    openFiles += 1;
    return file;
  }

  async function closeFile(entry: Entry): Promise<void> {
    const { file } = entry;
    if (file === null) return;
    entry.file = null;
    openFiles -= 1;
    await file.close();
  }

  /**
   * Finished segments leave memory: idle ones, and the longest idle when there are too many. Never
   * during a commit, which has their files in hand.
   */
  function sweep(): void {
    if (committing !== null) return;
    const now = performance.now();
    const idle = [...entries.values()].filter(({ segment, block }) => segment.unfinished === 0 && segment.uses === 0 && block.isEmpty());
    idle.sort((a, b) => a.usedAtMs - b.usedAtMs);
    const tooMany = idle.length - idleSegmentsMax;
    idle.forEach((entry, index) => {
      if (index < tooMany || now - entry.usedAtMs > idleMs) evict(entry);
    });
  }

  function evict(entry: Entry): void {
    entries.delete(entry.name);
    handles[entry.segment.handle] = null;
    freeHandles.push(entry.segment.handle);
    dirty.delete(entry);
    const gone = (async () => {
      await closeFile(entry);
      await rm(join(folder, openFolder, entry.name), { force: true });
    })();
    leaving.set(
      entry.name,
      gone.catch(options.onFatal).finally(() => leaving.delete(entry.name)),
    );
  }

  return {
    async open() {
      await mkdir(join(folder, journalFolder), { recursive: true });
      await mkdir(join(folder, openFolder), { recursive: true });
      await syncFolder(folder);
      const marked = (await readdir(join(folder, openFolder))).map(parseSegmentName).filter((name) => name !== null);
      await inTurns(marked, filesAtOnce, async ({ batchId, segmentNo }) => {
        const entry = await use(batchId, segmentNo, false);
        if (entry === null) return;
        entry.isMarked = true;
        entry.segment.uses -= 1;
      });
      sweepTimer = setInterval(sweep, 1_000);
      sweepTimer.unref();
    },
    use: async (batchId, segmentNo) => {
      const entry = await use(batchId, segmentNo, false);
      if (entry === null) throw new Error("a segment is made when it is not there");
      return entry;
    },
    useKnown: (batchId, segmentNo) => use(batchId, segmentNo, true),
    byHandle(handle) {
      const entry = handles[handle];
      if (entry == null) throw new Error(`no segment has handle ${handle}`);
      return entry;
    },
    touch(openSegment, isLazy = false) {
      const entry = openSegment as Entry;
      dirty.add(entry);
      entry.usedAtMs = performance.now();
      if (!isLazy) entry.mustSync = true;
      if (isLazy && lazyTimer === null) {
        lazyTimer = setTimeout(() => {
          lazyTimer = null;
          isLazyDue = true;
          startCommit();
        }, lazyCommitMs);
      }
    },
    commit,
    async segmentNos(batchId) {
      const names = await readdir(join(folder, segmentPath(batchId, 0), "..")).catch(noneIfMissing);
      const segments = names.map(parseSegmentName).filter((name) => name?.batchId === batchId);
      return segments.map((name) => name?.segmentNo ?? 0).sort((a, b) => a - b);
    },
    segmentFile: async (batchId, segmentNo) => (await readIfThere(join(folder, segmentPath(batchId, segmentNo)))) ?? Buffer.alloc(0),
    unfinished() {
      let sum = 0;
      for (const { segment } of entries.values()) sum += segment.unfinished;
      return sum;
    },
    segmentsInMemory: () => entries.size,
    async close() {
      if (lazyTimer !== null) clearTimeout(lazyTimer);
      if (sweepTimer !== null) clearInterval(sweepTimer);
      await commit();
      await Promise.all(leaving.values());
      for (const entry of [...entries.values()]) {
        await closeFile(entry);
        if (entry.segment.unfinished === 0) await rm(join(folder, openFolder, entry.name), { force: true });
      }
      entries.clear();
    },
  };
}

/** Runs `task` over all items, `atOnce` of them at a time. */
async function inTurns<T>(items: readonly T[], atOnce: number, task: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) await task(items[next++] as T);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}

async function readIfThere(path: string): Promise<Buffer | null> {
  try {
    return await readFile(path);
  } catch (error) {
    noneIfMissing(error);
    return null;
  }
}

function noneIfMissing(error: unknown): [] {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
  throw error;
}

async function truncateFile(path: string, bytes: number): Promise<void> {
  const file = await open(path, "r+");
  try {
    await file.truncate(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** A new name in a folder outlives a loss of power only when the folder itself is synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

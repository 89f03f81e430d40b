// The journal's files: one append-only file per segment, and a marker for each that may have
// unfinished messages. What a power loss must not take back is synced, the folder of a new name
// too. Used by journal.ts. Format: contracts/simulator_journal.ts.
import { type FileHandle, mkdir, open, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  blockPayloadBytesMax,
  fileMagic,
  fileMagicOfFormat1,
  fileMagicOfFormat3,
  journalFolder,
  openFolder,
  parseSegmentName,
  segmentPath,
} from "../contracts/simulator_journal.ts";

/**
 * Files that stay open between commits. By default a process may have 1,024, and sockets need some.
 */
const openFilesMax = 128;

/** What is known of a segment's file. */
export interface SegmentFile {
  readonly batchId: string;
  readonly segmentNo: number;
  handle: FileHandle | null;
  /** Up to the end of the last whole block. */
  bytes: number;
  /** Its head names format 1: all its records are of that format. */
  isOfFormat1: boolean;
  /** Of a batch of an account: format 3. */
  hasDetails: boolean;
  isMarked: boolean;
}

export interface JournalFiles {
  readonly folder: string;
  readonly markers: string;
  readonly knownFolders: Set<string>;
  openFiles: number;
}

export function journalFilesIn(folder: string): JournalFiles {
  return { folder, markers: join(folder, openFolder), knownFolders: new Set(), openFiles: 0 };
}

/** Makes the folders. @returns the segments that may have unfinished messages */
export async function openJournal(files: JournalFiles): Promise<{ batchId: string; segmentNo: number }[]> {
  await mkdir(join(files.folder, journalFolder), { recursive: true });
  await mkdir(files.markers, { recursive: true });
  await syncFolder(files.folder);
  return (await readdir(files.markers)).map(parseSegmentName).filter((name) => name !== null);
}

/** null: nothing of the segment was ever journaled. */
export async function readFileOf(files: JournalFiles, batchId: string, segmentNo: number): Promise<Buffer | null> {
  return readIfThere(pathOf(files, batchId, segmentNo));
}

/** Segment numbers that a batch has on disk, in order. */
export async function segmentNosOf(files: JournalFiles, batchId: string): Promise<number[]> {
  const names = await readdir(join(pathOf(files, batchId, 0), "..")).catch(noneIfMissing);
  const segments = names.map(parseSegmentName).filter((name) => name?.batchId === batchId);
  return segments.map((name) => name?.segmentNo ?? 0).sort((a, b) => a - b);
}

/** @param content as read; only its first `wholeBytes` are whole: the rest is cut off */
export async function takeFile(
  files: JournalFiles,
  { batchId, segmentNo, hasDetails }: Pick<SegmentFile, "batchId" | "segmentNo" | "hasDetails">,
  content: Buffer | null,
  wholeBytes: number,
): Promise<SegmentFile> {
  if (content !== null && wholeBytes < content.length) await truncateFile(pathOf(files, batchId, segmentNo), wholeBytes);
  const isOfFormat1 = wholeBytes > 0 && content?.subarray(0, fileMagicOfFormat1.length).equals(fileMagicOfFormat1) === true;
  return { batchId, segmentNo, hasDetails, handle: null, bytes: wholeBytes, isOfFormat1, isMarked: false };
}

export async function appendBlock(files: JournalFiles, file: SegmentFile, block: Buffer, mustSync: boolean): Promise<void> {
  if (block.length > blockPayloadBytesMax) throw new Error(`journal block of ${block.length} bytes`);
  const handle = file.handle ?? (await openFile(files, file));
  const bytes = file.bytes === 0 ? Buffer.concat([file.hasDetails ? fileMagicOfFormat3 : fileMagic, block]) : block;
  if (file.isOfFormat1) {
    // on disk with the block below, or before it: a file of format 2 may well have only records of
    // format 1
    await handle.write(fileMagic, 0, fileMagic.length, 0);
    file.isOfFormat1 = false;
  }
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, file.bytes + written);
    written += bytesWritten;
  }
  file.bytes += bytes.length;
  if (mustSync) await handle.datasync();
  if (files.openFiles > openFilesMax) await closeFile(files, file);
}

export async function closeFile(files: JournalFiles, file: SegmentFile): Promise<void> {
  const { handle } = file;
  if (handle === null) return;
  file.handle = null;
  files.openFiles -= 1;
  await handle.close();
}

/** The segment has no unfinished messages: a start need not look at it. */
export async function unmarkFile(files: JournalFiles, { batchId, segmentNo }: SegmentFile): Promise<void> {
  await rm(markerPath(files, batchId, segmentNo), { force: true });
}

/** The marker is on disk before the first record: a start looks only at marked segments. */
async function openFile(files: JournalFiles, file: SegmentFile): Promise<FileHandle> {
  const { batchId, segmentNo } = file;
  const path = pathOf(files, batchId, segmentNo);
  if (!file.isMarked) {
    await (await open(markerPath(files, batchId, segmentNo), "w")).close();
    await syncFolder(files.markers);
    file.isMarked = true;
  }
  const shard = join(path, "..");
  if (!files.knownFolders.has(shard)) {
    await mkdir(shard, { recursive: true });
    await syncFolder(join(files.folder, journalFolder));
    files.knownFolders.add(shard);
  }
  const isNew = file.bytes === 0;
  const handle = await open(path, isNew ? "w" : "r+");
  if (isNew) await syncFolder(shard);
  file.handle = handle;
  files.openFiles += 1;
  return handle;
}

function pathOf(files: JournalFiles, batchId: string, segmentNo: number): string {
  return join(files.folder, segmentPath(batchId, segmentNo));
}

function markerPath(files: JournalFiles, batchId: string, segmentNo: number): string {
  return join(files.markers, segmentName(batchId, segmentNo));
}

/** Names a segment: its key in memory, and its marker. */
export const segmentName = (batchId: string, segmentNo: number): string => `${batchId}.${segmentNo}`;

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

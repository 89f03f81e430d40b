// Disk space of a large run: whether there is enough, and how much it took.
import { lstatSync, readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { Failure } from "../../../src/cli/failure.ts";
import { exitCodes } from "../../../src/cli/report_error.ts";
import { formatCount } from "../../../src/cli/terminal.ts";

/**
 * Bytes per contact, measured at 300,000: a row with room for a second version 200 with its index,
 * journal 40, contact file 30, Redis's log 20. Twice that, as a margin.
 */
const bytesPerContact = 600;
/** Two empty servers, and their WAL, which is recycled from 1 GB each. */
const fixedBytes = 2.5e9;

export function neededBytes(contacts: number): number {
  return fixedBytes + contacts * bytesPerContact;
}

/** What an unprivileged user may still write there. */
export function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

/** How many runs of this many contacts fit beside each other. */
export function runsThatFit(contacts: number, free: number): number {
  return Math.max(0, Math.floor((free - neededBytes(0)) / (neededBytes(contacts) - neededBytes(0))));
}

/**
 * @param room `fewer`: the option that asks for less
 * @throws Failure when a run of this many contacts may not fit
 */
export function requireSpace(contacts: number, { folder, free, fewer }: { folder: string; free: number; fewer: string }): void {
  const needed = neededBytes(contacts);
  if (free >= needed) return;
  throw new Failure(
    exitCodes.failed,
    `there is too little free space in ${folder}`,
    `${formatCount(contacts)} contacts may take ${formatGigabytes(needed)}, ${formatGigabytes(free)} are free`,
    `free some, name a folder on a larger disk in TMPDIR, or take fewer with ${fewer}`,
  );
}

/**
 * Blocks of all files below the folder. Files that vanish meanwhile count as zero: a running server
 * removes some.
 */
export function usedBytes(folder: string): number {
  let bytes = 0;
  for (const entry of unlessGone(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) bytes += usedBytes(path);
    // stat's blocks are of 512 bytes, whatever the file system's are (man 2 stat)
    else if (entry.isFile()) bytes += (unlessGone(() => lstatSync(path))?.blocks ?? 0) * 512;
  }
  return bytes;
}

function unlessGone<T>(read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** 1.4 GB, 0.03 GB: of a billion bytes. */
export function formatGigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(bytes < 0.995e8 ? 2 : 1)} GB`;
}

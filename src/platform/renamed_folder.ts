// Takes over a folder that an earlier release kept under another name, with everything in it.
// Called by local/data_folder.ts and nodes/simulator before anybody opens the folder.
import { existsSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** New name -> name before release 0.2. */
const earlierNames: Readonly<Record<string, string>> = { simulator: "carrier" };

/**
 * Renames the earlier folder if `folder` does not exist yet. Safe to repeat and to interrupt at any
 * point: the rename is atomic.
 */
export function takeOverEarlierFolder(folder: string): void {
  const earlier = earlierFolderOf(folder);
  if (earlier !== null && existsSync(earlier) && !existsSync(folder)) renameSync(earlier, folder);
}

/** @returns where an earlier release kept what is in `folder` now; null if it had the same name */
export function earlierFolderOf(folder: string): string | null {
  const name = earlierNames[basename(folder)];
  return name === undefined ? null : join(dirname(folder), name);
}

// A folder that an earlier release kept under another name, taken over with everything in it.
// Called by local/data_folder.ts and nodes/simulator before anybody opens the folder.
import { existsSync, renameSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** New name -> the name before release 0.2. */
const earlierNames: Readonly<Record<string, string>> = { simulator: "carrier" };

/**
 * Renames the earlier folder when `folder` does not exist yet. Safe to repeat, and to be cut off at
 * any point: the rename is one step.
 */
export function takeOverEarlierFolder(folder: string): void {
  const earlier = earlierFolderOf(folder);
  if (earlier !== null && existsSync(earlier) && !existsSync(folder)) renameSync(earlier, folder);
}

/**
 * @returns where an earlier release kept what stands in `folder` now; null when it had the same
 * name
 */
export function earlierFolderOf(folder: string): string | null {
  const name = earlierNames[basename(folder)];
  return name === undefined ? null : join(dirname(folder), name);
}

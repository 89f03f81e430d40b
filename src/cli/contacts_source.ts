// The file that `send` and `report --join` read: a path, or standard input kept in a file of its
// own until the command ends, because it is judged first and uploaded afterwards.
import { createWriteStream } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { Failure } from "./failure.ts";
import { exitCodes } from "./report_error.ts";
import { shownName } from "./shown_text.ts";

/** The argument that means standard input. */
export const standardInput = "-";
/** The most columns that a name takes on screen. */
const shownColumns = 48;

export interface ContactsSource {
  path: string;
  bytes: number;
  /** As sent to salesapi: without a folder. */
  fileName: string;
  /** As a terminal can show it. */
  shown: string;
  /** Removes the temporary file. */
  close(): Promise<void>;
}

/** @throws Failure when the file cannot be read */
export async function openContacts(file: string, input: NodeJS.ReadableStream = process.stdin): Promise<ContactsSource> {
  if (file !== standardInput) {
    const fileName = basename(file);
    return { path: file, bytes: await sizeOf(file), fileName, shown: shownName(fileName, shownColumns), close: async () => {} };
  }
  // only the owner may enter the folder: these are people's numbers
  const folder = await mkdtemp(join(tmpdir(), "bulksms-send-"));
  const path = join(folder, "contacts");
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await pipeline(input, createWriteStream(path, { mode: 0o600 }));
    return { path, bytes: await sizeOf(path), fileName: "standard_input.csv", shown: "standard input", close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** @throws Failure when the file cannot be read */
async function sizeOf(file: string): Promise<number> {
  const shown = shownName(file, 2 * shownColumns);
  try {
    const handle = await open(file, "r");
    try {
      const found = await handle.stat();
      if (found.isFile()) return found.size;
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw new Failure(
      exitCodes.wrongUse,
      `${shown} cannot be read`,
      { ENOENT: "there is no such file", EACCES: "you may not read it" }[(error as { code?: string }).code ?? ""] ??
        (error as Error).message,
      nameAFile,
    );
  }
  throw new Failure(exitCodes.wrongUse, `${shown} cannot be read`, "it is not a file", nameAFile);
}

const nameAFile = "name a CSV or .xlsx file with a column of phone numbers, or - for standard input";

// A file that somebody chose on the page, as contacts/open_file.ts reads it. Runs in a worker.
import { type EncodingVerdict, judgeEncoding } from "../../contacts/encoding/judge_encoding.ts";
import { type ContactsFile, type OpenedFile, type OpenOptions, openFile } from "../../contacts/open_file.ts";
import { randomAccessOfBlob } from "../../contacts/xlsx/random_access.ts";

const chunkBytes = 262_144;

/** @throws AppError, see `openFile`. */
export function openChosenFile(file: File, { onBytes, ...options }: OpenOptions & { onBytes(read: number): void }): Promise<OpenedFile> {
  const bytes: ContactsFile = {
    at: randomAccessOfBlob(file),
    read: () => chunksOf(file, onBytes),
    judgeEncoding: () => encodingVerdictOf(file),
  };
  return openFile(bytes, options);
}

/** Judged once, because the page asks again with each letter of the text. */
let judged: { of: string; verdict: EncodingVerdict } | null = null;

async function encodingVerdictOf(file: File): Promise<EncodingVerdict> {
  const of = JSON.stringify([file.name, file.size, file.lastModified]);
  if (judged?.of === of) return judged.verdict;
  const verdict = await judgeEncoding(chunksOf(file, () => {}));
  judged = { of, verdict };
  return verdict;
}

async function* chunksOf(file: File, onBytes: (read: number) => void): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.size; at += chunkBytes) {
    const bytes = new Uint8Array(await file.slice(at, at + chunkBytes).arrayBuffer());
    yield bytes;
    onBytes(at + bytes.length);
  }
}

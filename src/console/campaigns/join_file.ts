// The file that a campaign was made from, joined with its report and its rejects: what the worker
// is asked, what it answers, and its work. The file is only read here, and nothing of it is sent.
import { FileDiffers, joinWithFile } from "../../contacts/exports/join.ts";
import { AppError } from "../../contracts/errors.ts";
import { questionOf } from "../send/judge_file.ts";
import type { FileChoices, Question } from "../send/judgement.ts";
import { openChosenFile } from "../send/open_file.ts";

export type Which = "report" | "rejects";

export interface JoinRequest extends Pick<FileChoices, "encoding" | "sheet"> {
  file: File;
  /** In which the campaign's numbers without + were read. */
  country: string;
  /** The CSV exports that are to be joined. */
  exports: readonly { which: Which; content: Blob }[];
}

export type JoinAnswer =
  | { kind: "reading"; bytesRead: number }
  | { kind: "joined"; files: readonly { which: Which; content: Blob }[] }
  | { kind: "question"; question: Question }
  | { kind: "refused"; reason: string };

const chunkBytes = 262_144;

/** Joins all exports, or says why it cannot. */
export async function joinFile(request: JoinRequest, onBytes: (read: number) => void): Promise<JoinAnswer> {
  const { exports } = request;
  try {
    const files: { which: Which; content: Blob }[] = [];
    for (const { which, content } of exports) files.push({ which, content: await joinOne(request, which, content, onBytes) });
    return { kind: "joined", files };
  } catch (error) {
    if (error instanceof FileDiffers) return { kind: "refused", reason: error.message };
    if (!(error instanceof AppError)) throw error;
    const question = questionOf(error);
    return question === null ? { kind: "refused", reason: error.message } : { kind: "question", question };
  }
}

async function joinOne({ file, country, encoding, sheet }: JoinRequest, which: Which, exported: Blob, onBytes: (read: number) => void) {
  // a browser keeps large Blobs on disk
  let pieces: Blob[] = [];
  await joinWithFile(
    which,
    {
      open: (withHiddenRows) => openChosenFile(file, { country, encoding, sheet, withHiddenRows, onBytes }),
      exported: () => bytesOf(exported),
      country,
    },
    {
      start: async () => {
        pieces = [];
      },
      add: async (piece) => {
        pieces.push(new Blob([piece]));
      },
    },
  );
  return new Blob(pieces, { type: "text/csv;charset=utf-8" });
}

async function* bytesOf(blob: Blob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < blob.size; at += chunkBytes) yield new Uint8Array(await blob.slice(at, at + chunkBytes).arrayBuffer());
}

// The file that a campaign was made from, joined with its report and its rejects: what the worker
// is asked, what it answers, and its work. The file is only read here, and nothing of it is sent.
import { FileDiffers, joinWithFile } from "../../contacts/exports/join.ts";
import { AppError } from "../../contracts/errors.ts";
import { questionOf } from "../send/judge_file.ts";
import type { FileChoices, Question } from "../send/judgement.ts";
import { openChosenFile } from "../send/open_file.ts";

export type Which = "report" | "rejects";

export interface JoinRequest extends Pick<FileChoices, "encoding" | "sheet"> {
  /** An answer to an older request is thrown away. */
  id: number;
  file: File;
  /** In which the campaign's numbers without + were read. */
  country: string;
  /** Where the CSV exports are that are to be joined. */
  exports: readonly { which: Which; url: string }[];
}

export type JoinAnswer = { id: number } & (
  | { kind: "reading"; bytesRead: number }
  | { kind: "joined"; files: readonly { which: Which; content: Blob }[] }
  | { kind: "question"; question: Question }
  | { kind: "refused"; reason: string }
);

/** Joins all exports, or says why it cannot. */
export async function joinFile(request: JoinRequest, onBytes: (read: number) => void): Promise<JoinAnswer> {
  const { id, exports } = request;
  try {
    const files: { which: Which; content: Blob }[] = [];
    for (const { which, url } of exports) files.push({ which, content: await joinOne(request, which, url, onBytes) });
    return { id, kind: "joined", files };
  } catch (error) {
    if (error instanceof FileDiffers) return { id, kind: "refused", reason: error.message };
    if (!(error instanceof AppError)) throw error;
    const question = questionOf(error);
    return question === null ? { id, kind: "refused", reason: error.message } : { id, kind: "question", question };
  }
}

async function joinOne({ file, country, encoding, sheet }: JoinRequest, which: Which, url: string, onBytes: (read: number) => void) {
  // a browser keeps large Blobs on disk
  let pieces: Blob[] = [];
  await joinWithFile(
    which,
    {
      open: (withHiddenRows) => openChosenFile(file, { country, encoding, sheet, withHiddenRows, onBytes }),
      exported: () => download(url),
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

async function* download(url: string): AsyncGenerator<Uint8Array> {
  const answer = await fetch(url, { credentials: "include" }).catch(() => null);
  if (answer === null || !answer.ok || answer.body === null) {
    throw new AppError("service_unavailable", "The report could not be fetched: sign in again, or try again in a moment.");
  }
  const reader = answer.body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

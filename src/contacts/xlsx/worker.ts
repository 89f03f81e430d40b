// The thread in which a workbook is unpacked and parsed, so that the event loop that takes receipts
// stays free. Started by sheet_thread.ts. It answers one question at a time and parses no further
// than it was asked.
import { read } from "node:fs";
import { promisify } from "node:util";
import { parentPort, workerData } from "node:worker_threads";
import { isAppError } from "../../contracts/errors.ts";
import type { Rows } from "../rows.ts";
import { randomAccessOfHandle } from "./random_access.ts";
import type { SheetRows } from "./sheet_rows.ts";
import { type Answer, type Question, refusalOf, type ThreadFile } from "./thread_messages.ts";
import { openWorkbookHere, type WorkbookReader } from "./workbook_reader.ts";

const { fd, size } = workerData as ThreadFile;
const readAt = promisify(read);
const handle = {
  read: (buffer: Uint8Array, offset: number, length: number, position: number) => readAt(fd, buffer, offset, length, position),
};

let workbook: WorkbookReader | null = null;
let reading: { source: SheetRows; rows: AsyncIterator<Rows> } | null = null;

/**
 * A question waits for the previous answer, so that answers come in the order of the questions.
 */
let answered: Promise<void> = Promise.resolve();

parentPort?.on("message", (question: Question) => {
  answered = answered.then(async () => {
    const found = await answer(question).catch((error: unknown): Answer => {
      if (isAppError(error)) return refusalOf(error);
      return { kind: "broken", stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    });
    parentPort?.postMessage(found, transferOf(found));
  });
});

async function answer(question: Question): Promise<Answer> {
  if (question.kind === "open") {
    workbook = await openWorkbookHere(randomAccessOfHandle(handle, size));
    return { kind: "opened", sheets: workbook.sheets };
  }
  if (workbook === null) throw new RangeError("asked before it was opened");
  if (question.kind === "beginning") {
    return { kind: "rows", ...(await workbook.beginningOf(question.sheet, question.options)), hidden: { rows: 0, columns: [] } };
  }
  if (question.kind === "read") {
    const source = workbook.read(question.sheet, question.options);
    reading = { source, rows: source.rows()[Symbol.asyncIterator]() };
  }
  if (reading === null) throw new RangeError("asked for more of nothing");
  const next = await reading.rows.next();
  const { header, hidden } = reading.source;
  return { kind: "rows", header, rows: next.done ? null : next.value, hidden };
}

/** The arrays move to the other thread and are not used here again. */
function transferOf(found: Answer): ArrayBuffer[] {
  if (found.kind !== "rows" || found.rows === null) return [];
  const { bounds, starts, lines } = found.rows;
  return [bounds.buffer, starts.buffer, lines.buffer] as ArrayBuffer[];
}

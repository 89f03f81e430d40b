// A workbook read in a thread of its own. Called by salesapi and the command line, whose event
// loops have other work. The thread's memory is bounded; a workbook that outgrows it is refused,
// and the process survives.
import { Worker } from "node:worker_threads";
import { AppError } from "../../contracts/errors.ts";
import type { Header, Rows } from "../rows.ts";
import type { Hidden, SheetOptions, SheetRows } from "./sheet_rows.ts";
import type { Answer, Question, ThreadFile } from "./thread_messages.ts";
import type { Sheet } from "./workbook.ts";
import type { WorkbookReader } from "./workbook_reader.ts";
import { tooLarge } from "./zip.ts";

/** The texts of five million cells fit. */
const oldGenerationMegabytesMax = 224;
/** Small, because what is parsed is soon garbage, and a thread keeps memory that it once had. */
const youngGenerationMegabytesMax = 8;

/**
 * Opens a workbook in a thread. `file` stays open and belongs to its owner until `close` resolves.
 * Each question waits for the previous answer; the next rows are parsed while the caller judges the
 * last ones.
 * @throws AppError, see `openWorkbook`; xlsx_too_large when it needs more memory than a thread may
 * have.
 */
export async function openWorkbookInThread(file: ThreadFile): Promise<WorkbookReader> {
  const thread = startThread(file);
  try {
    const opened = await thread.ask({ kind: "open" });
    if (opened.kind !== "opened") throw new RangeError(`an answer of another kind: ${opened.kind}`);
    return {
      sheets: opened.sheets,
      async beginningOf(sheet, options) {
        const { header, rows } = await thread.askRows({ kind: "beginning", sheet, options });
        if (rows === null) throw new RangeError("a sheet gives at least one batch");
        return { header, rows };
      },
      read: (sheet, options) => readRows(thread, sheet, options),
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
}

function readRows(thread: Thread, sheet: Sheet, options: SheetOptions): SheetRows {
  let header: Header | null = null;
  let hidden: Hidden = { rows: 0, columns: [] };
  return {
    get header() {
      return header;
    },
    delimiter: null,
    get hidden() {
      return hidden;
    },
    async *rows() {
      let asked = thread.askRows({ kind: "read", sheet, options });
      for (;;) {
        const found = await asked;
        ({ header, hidden } = found);
        if (found.rows === null) return;
        asked = thread.askRows({ kind: "next" });
        // its error is thrown where it is awaited; a caller that stops early does not ask for it
        asked.catch(() => {});
        yield found.rows;
      }
    },
  };
}

/**
 * Compiled, the thread's file stands beside this one. From source, Node 20 cannot load it by
 * itself, nor with a loader among a thread's arguments, so the thread begins with a line that
 * registers one.
 */
function threadScript(): { code: URL | string; isCode: boolean } {
  if (import.meta.url.endsWith(".js")) return { code: new URL("./worker.js", import.meta.url), isCode: false };
  const loader = import.meta.resolve("tsx/esm/api");
  const file = new URL("./worker.ts", import.meta.url).href;
  const code = `import(${JSON.stringify(loader)}).then(({ register }) => (register(), import(${JSON.stringify(file)})));`;
  return { code, isCode: true };
}

interface Thread {
  ask(question: Question): Promise<Answer>;
  askRows(question: Question): Promise<{ header: Header | null; rows: Rows | null; hidden: Hidden }>;
  close(): Promise<void>;
}

function startThread(file: ThreadFile): Thread {
  const script = threadScript();
  const worker = new Worker(script.code, {
    eval: script.isCode,
    workerData: file,
    resourceLimits: { maxOldGenerationSizeMb: oldGenerationMegabytesMax, maxYoungGenerationSizeMb: youngGenerationMegabytesMax },
  });
  const waiting: { resolve(answer: Answer): void; reject(error: unknown): void }[] = [];
  let ended: unknown = null;
  const end = (error: unknown) => {
    ended ??= error;
    for (const { reject } of waiting.splice(0)) reject(ended);
  };
  worker.on("message", (found: Answer) => waiting.shift()?.resolve(found));
  worker.on("error", (error) =>
    end("code" in error && error.code === "ERR_WORKER_OUT_OF_MEMORY" ? tooLarge("it needs too much memory.") : error),
  );
  worker.on("exit", () => end(new Error("the workbook's thread ended")));
  const ask = async (question: Question): Promise<Answer> => {
    if (ended !== null) throw ended;
    const found = await new Promise<Answer>((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(question);
    });
    if (found.kind === "refused") throw new AppError(found.code, found.detail, { details: found.details });
    if (found.kind === "broken") throw new Error(`the workbook's thread failed: ${found.stack}`);
    return found;
  };
  return {
    ask,
    async askRows(question) {
      const found = await ask(question);
      if (found.kind !== "rows") throw new RangeError(`an answer of another kind: ${found.kind}`);
      return found;
    },
    async close() {
      await worker.terminate();
    },
  };
}

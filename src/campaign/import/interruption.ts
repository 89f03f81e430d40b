// What an upload and an import wait for, until their process is to end: a slow client, or a
// workbook's thread that unpacks for seconds, would otherwise hold up its end. Called by the import
// and the quote, and by salesapi while a file arrives.
import { AppError } from "../../contracts/errors.ts";

export function importInterrupted(): AppError {
  return new AppError("import_interrupted", "The process was stopped while it read the file; nothing of it is kept. Send the file again.", {
    retryAfterS: 5,
  });
}

/**
 * What the work gives. Once the process is to end nobody waits for it any more; it goes on by
 * itself. @throws AppError import_interrupted.
 */
export function unlessStopped<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return work;
  return new Promise<T>((resolve, reject) => {
    const stop = () => reject(importInterrupted());
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}

/** The same values, one by one. @throws AppError import_interrupted. */
export async function* untilStopped<T>(values: AsyncIterable<T>, signal: AbortSignal | undefined): AsyncGenerator<T, void, undefined> {
  const iterator = values[Symbol.asyncIterator]();
  let isWaiting = false;
  try {
    for (;;) {
      isWaiting = true;
      const next = await unlessStopped(iterator.next(), signal);
      isWaiting = false;
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    const ended = iterator.return?.();
    // behind what it waits for, which may never come
    if (isWaiting) ended?.catch(() => {});
    else await ended;
  }
}

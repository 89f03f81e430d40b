// A reader that has gone (`| head -1`, a pager that was quit): no command fails for it. What is
// written then is dropped: a command that reads ends as it would have, `up` and the processes go
// on. What would follow something forever stops there: `check --watch` ends, `send` detaches.

/** EIO: a terminal that was closed. */
const goneCodes: ReadonlySet<string | undefined> = new Set(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]);

type Output = Pick<NodeJS.WritableStream, "on">;

const dropping = new WeakSet<Output>();

/** Called before anything is written. Any other error of a stream still ends the process. */
export function dropWhatNobodyReads(streams: readonly Output[]): void {
  for (const stream of streams) {
    if (dropping.has(stream)) continue;
    dropping.add(stream);
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (!goneCodes.has(error.code)) throw error;
    });
  }
}

/** Aborted by the first write that finds the reader of this stream gone. */
export function readerGone(stream: Output): AbortSignal {
  const gone = new AbortController();
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (goneCodes.has(error.code)) gone.abort();
  });
  return gone.signal;
}

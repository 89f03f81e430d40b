// (Whole commands whose output is closed: closed_output.system.test.ts, commands.system.test.ts,
// testing/up.system.test.ts.)
import { EventEmitter } from "node:events";
import { expect, test } from "vitest";
import { dropWhatNobodyReads, readerGone } from "./closed_output.ts";

const failWith = (stream: EventEmitter, code: string) => stream.emit("error", Object.assign(new Error(code), { code }));

test.each(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"])(
  "%s is a reader that has gone: nothing is thrown, and whoever follows is told",
  (code) => {
    const stream = new EventEmitter() as EventEmitter & NodeJS.WritableStream;
    dropWhatNobodyReads([stream]);
    const gone = readerGone(stream);
    expect(gone.aborted).toBe(false);
    failWith(stream, code);
    failWith(stream, code);
    expect(gone.aborted).toBe(true);
  },
);

test("a full disk behind `> file` is not: the process ends as it did", () => {
  const stream = new EventEmitter() as EventEmitter & NodeJS.WritableStream;
  dropWhatNobodyReads([stream]);
  const gone = readerGone(stream);
  expect(() => failWith(stream, "ENOSPC")).toThrow("ENOSPC");
  expect(gone.aborted).toBe(false);
});

// Many small writes to one socket in one turn of the event loop, as one packet: each packet is a system call, and wakes who reads it.
import type { Writable } from "node:stream";

/** What is written to the socket until the end of this turn goes out together. */
export function gatherWrites(socket: Writable): void {
  if (socket.writableCorked > 0) return;
  socket.cork();
  setImmediate(() => socket.uncork());
}

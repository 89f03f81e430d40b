// One thread of fixed_work.ts: the same arithmetic and the same walk through memory at each
// message, then an answer. Plain JavaScript, because a worker thread has no loader of its own.
import { parentPort } from "node:worker_threads";

/** 4 MiB: more than the cache that a core has to itself. */
const table = new Int32Array(1 << 20);
const steps = 30_000_000;

parentPort.on("message", () => {
  let state = 0x2545f491;
  for (let step = 0; step < steps; step += 1) {
    // xorshift (Marsaglia 2003)
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    table[state & 0xfffff] += state;
  }
  parentPort.postMessage(state);
});

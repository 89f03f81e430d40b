// One direction of a proxied connection: bytes and the end of the stream go through in order, at
// once, late, slowly, or never.
import type { Socket } from "node:net";

/** What happens to bytes that arrive now. */
export type LaneRule = "pass" | "lost" | { delayMs: number } | { bytesPerSecond: number };

export interface Lane {
  /** The rule has changed: what waits is looked at again. */
  reconsider(): void;
  close(): void;
}

type Item = { arrivedMs: number } & ({ bytes: Buffer } | { end: "half" | "closed" | "reset" });

/** Beyond it the sender waits, as it would for a slow network. */
const queuedBytesMax = 1024 * 1024;
/** Of a slow link: it goes in pieces of so much time. */
const pieceMs = 50;

/**
 * @param ruleNow asked once for each chunk or end that arrives ("lost" drops it), and again for
 * what waits
 * @param tellsReset a broken connection is passed on as RST; otherwise what was sent is delivered
 * before the end
 */
export function createLane(from: Socket, to: Socket, ruleNow: () => LaneRule, { tellsReset }: { tellsReset: boolean }): Lane {
  const queue: Item[] = [];
  let rule: LaneRule = "pass";
  let queuedBytes = 0;
  let timer: NodeJS.Timeout | null = null;
  let isFull = false;
  let isClosed = false;
  let wasReset = false;
  /** A slow link takes the next piece then. */
  let freeAtMs = 0;

  const balance = (): void => {
    if (isFull || queuedBytes > queuedBytesMax) from.pause();
    else from.resume();
  };
  const dueMs = (item: Item): number => {
    if (typeof rule === "string") return 0;
    return "delayMs" in rule ? item.arrivedMs + rule.delayMs : freeAtMs;
  };
  const deliver = (item: Item): void => {
    if (!("bytes" in item)) {
      if (item.end === "half") to.end();
      else if (item.end === "reset" && tellsReset) to.resetAndDestroy();
      else to.destroySoon();
      queue.shift();
      return;
    }
    let { bytes } = item;
    if (typeof rule === "object" && "bytesPerSecond" in rule) {
      const piece = Math.max(1, Math.floor((rule.bytesPerSecond * pieceMs) / 1_000));
      freeAtMs = performance.now() + (Math.min(piece, bytes.length) * 1_000) / rule.bytesPerSecond;
      item.bytes = bytes.subarray(piece);
      bytes = bytes.subarray(0, piece);
    } else {
      item.bytes = bytes.subarray(bytes.length);
    }
    queuedBytes -= bytes.length;
    if (item.bytes.length === 0) queue.shift();
    if (to.destroyed || to.writableEnded) return;
    if (!to.write(bytes)) isFull = true;
  };
  const pump = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    for (let item = queue[0]; item !== undefined && !isClosed; item = queue[0]) {
      const waitMs = dueMs(item) - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(pump, waitMs);
        break;
      }
      deliver(item);
    }
    balance();
  };
  const take = (item: Item): void => {
    if (isClosed) return;
    const now = ruleNow();
    if (now === "lost") return;
    rule = now;
    if ("bytes" in item) queuedBytes += item.bytes.length;
    queue.push(item);
    pump();
  };

  let hasEnded = false;
  from.on("data", (bytes: Buffer) => take({ arrivedMs: performance.now(), bytes }));
  from.once("end", () => {
    hasEnded = true;
    take({ arrivedMs: performance.now(), end: "half" });
  });
  from.once("error", () => {
    wasReset = true;
  });
  from.once("close", () => {
    if (!hasEnded) take({ arrivedMs: performance.now(), end: wasReset ? "reset" : "closed" });
  });
  to.on("drain", () => {
    isFull = false;
    if (!isClosed) balance();
  });
  return {
    reconsider() {
      rule = "pass";
      pump();
    },
    close() {
      isClosed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}

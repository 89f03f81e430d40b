// A TCP proxy on one link, whose faults are switched while it runs. Used by links.ts; knows nothing
// of what the bytes mean.
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createLane, type Lane, type LaneRule } from "./lane.ts";

export type LinkMode =
  | "pass"
  /** Connections are cut with RST, new ones too. */
  | "reset"
  /**
   * Bytes vanish in both directions, ends of connections too; connections that lost some are cut
   * when the mode ends.
   */
  | "blackhole"
  /**
   * Requests are delivered; after a few replies all further ones vanish, and the connection is cut:
   * the most valuable one.
   */
  | "drop_replies"
  /**
   * Each direction is late by delayMs; what was sent arrives even if the sender has given up
   * meanwhile.
   */
  | "delay"
  /** So few bytes a second go through. */
  | "slow";

export interface LinkOptions {
  /** Of `delay`. */
  delayMs?: number;
  /** Of `slow`, each direction of each connection. */
  bytesPerSecond?: number;
  /**
   * Of `drop_replies`: each connection still gets 0 to so many replies, so that the lost one may be
   * any: a greeting, a row, a COMMIT.
   */
  repliesPassedMax?: number;
}

export interface LinkProxy {
  port: number;
  /** Where new connections go from now on. */
  aim(target: { host: string; port: number }): void;
  set(mode: LinkMode, options?: LinkOptions): void;
  mode(): LinkMode;
  /** Connections that the present mode has affected since it was set. */
  touches(): number;
  close(): Promise<void>;
}

const defaults: Required<LinkOptions> = { delayMs: 2_500, bytesPerSecond: 2_000, repliesPassedMax: 6 };
/**
 * A client whose reply was dropped waits so long before the cut: longer than any server needs for
 * the effect.
 */
const cutAfterMs = 250;

interface Pair {
  client: Socket;
  /** Null in a black hole. */
  server: Socket | null;
  lanes: readonly Lane[];
  hasLost: boolean;
  repliesLeft: number;
  cutTimer: NodeJS.Timeout | null;
}

/** @param random in [0, 1), from the run's seed */
export async function openProxy(random: () => number): Promise<LinkProxy> {
  const pairs = new Set<Pair>();
  let target = { host: "127.0.0.1", port: 0 };
  let mode: LinkMode = "pass";
  let limits = defaults;
  let touched = new Set<Pair>();

  const drawReplies = (): number => Math.floor(random() * (limits.repliesPassedMax + 1));
  const cut = (pair: Pair): void => {
    if (pair.cutTimer !== null) clearTimeout(pair.cutTimer);
    for (const lane of pair.lanes) lane.close();
    pairs.delete(pair);
    pair.client.resetAndDestroy();
    pair.server?.resetAndDestroy();
  };
  const lose = (pair: Pair): LaneRule => {
    pair.hasLost = true;
    touched.add(pair);
    if (mode === "drop_replies") pair.cutTimer ??= setTimeout(() => cut(pair), cutAfterMs);
    return "lost";
  };
  const rule = (pair: Pair, isReply: boolean): LaneRule => {
    if (mode === "blackhole") return lose(pair);
    if (mode === "drop_replies" && isReply) return pair.repliesLeft-- > 0 ? "pass" : lose(pair);
    if (mode !== "delay" && mode !== "slow") return "pass";
    touched.add(pair);
    return mode === "delay" ? { delayMs: limits.delayMs } : { bytesPerSecond: limits.bytesPerSecond };
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const pair: Pair = { client, server: null, lanes: [], hasLost: false, repliesLeft: drawReplies(), cutTimer: null };
    // what breaks a connection is told to its other side by its lane
    client.on("error", () => {});
    if (mode === "reset") {
      touched.add(pair);
      client.resetAndDestroy();
      return;
    }
    pairs.add(pair);
    if (mode === "blackhole") {
      lose(pair);
      client.resume();
      return;
    }
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    upstream.on("error", () => {});
    pair.server = upstream;
    pair.lanes = [
      createLane(client, upstream, () => rule(pair, false), { tellsReset: false }),
      createLane(upstream, client, () => rule(pair, true), { tellsReset: true }),
    ];
    const forget = (): void => {
      if (client.destroyed && upstream.destroyed && mode !== "blackhole") pairs.delete(pair);
    };
    client.once("close", forget);
    upstream.once("close", forget);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    aim(next) {
      target = next;
    },
    set(next, options = {}) {
      touched = new Set();
      mode = next;
      limits = { ...defaults, ...options };
      for (const pair of [...pairs]) {
        // a stream with a hole in it cannot go on
        if (pair.hasLost || mode === "reset") {
          if (mode === "reset") touched.add(pair);
          cut(pair);
          continue;
        }
        pair.repliesLeft = drawReplies();
        for (const lane of pair.lanes) lane.reconsider();
      }
    },
    mode: () => mode,
    touches: () => touched.size,
    async close() {
      for (const pair of [...pairs]) cut(pair);
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

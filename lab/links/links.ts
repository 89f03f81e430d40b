// Every link of the real system by its name, so that a fault can be put on it.
import type { ProcessName } from "../../src/contracts/processes.ts";

/** What a process talks to: an engine, or another process. */
export type LinkTarget = "ds" | "salesdb" | "redis" | "rpc" | "carrier" | "salesapi";

export type LinkMode =
  | "pass"
  /** Connections are cut with RST, new ones too. */
  | "reset"
  /** Bytes vanish in both directions; connections stay open. */
  | "blackhole"
  /** Requests are delivered; the replies vanish and the connection is cut after a while: the most valuable one. */
  | "drop_replies"
  /** Each direction is late by delayMs. */
  | "delay"
  /** So few bytes a second go through. */
  | "slow";

export interface Link {
  /** `sales_worker-carrier` */
  name: string;
  from: ProcessName;
  to: LinkTarget;
  set(mode: LinkMode, options?: { delayMs?: number; bytesPerSecond?: number }): void;
  /** Connections or replies that the present mode has affected since it was set. */
  touches(): number;
}

export interface Links {
  all(): readonly Link[];
  /** @throws Error naming those that there are */
  link(name: string): Link;
}

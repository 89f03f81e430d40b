// What the launchers of Postgres and Redis hand back.
import type { ChildProcess } from "node:child_process";

export interface RunningEngine {
  child: ChildProcess;
  pid: number;
  port: number;
  /** Address of one of its databases, with the password of the owner. */
  url(database: string): string;
  /** From the call until it answered. */
  readyMs: number;
  stop(): Promise<void>;
}

// What the launchers of Postgres and Redis return.
import type { ChildProcess } from "node:child_process";

export interface RunningEngine {
  child: ChildProcess;
  pid: number;
  port: number;
  /** URL of one of its databases, with the owner's password. */
  url(database: string): string;
  /** Time from the call until it answered. */
  readyMs: number;
  stop(): Promise<void>;
}

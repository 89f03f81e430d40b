// The life of one child process under the supervisor: started, ready, died, restarted, stopped.
// Used by supervisor.ts.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";
import { backoffMs } from "../platform/time/backoff.ts";
import { waitUntil } from "../platform/time/wait_until.ts";
import { endChild, hasEnded, type RememberedProcess, rememberProcess, spawnBound } from "./engines/bound_process.ts";

/** The first restart is immediate; a process that keeps dying waits longer each time. */
const restartBackoff = { firstMs: 50, maxMs: 5_000, factor: 3 };
/** A process that lived this long died of something new. */
const healthyMs = 10_000;
/**
 * A process drains within its own limit (platform/node.ts: 20 s), which is longer than anybody
 * wants to wait at a terminal.
 */
export const childDrainMaxMs = 12_000;
/** A longer line is cut: one child must not fill our memory. */
const lineBytesMax = 64 * 1024;
/** Last lines kept of a child, to show why it did not come up. */
const lastLinesMax = 5;

export type ChildEvent =
  | { type: "process_started"; name: string; pid: number }
  | { type: "process_ready"; name: string; pid: number; readyMs: number }
  | { type: "process_died"; name: string; pid: number; code: number | null; signal: string | null; restartInMs: number }
  | { type: "line"; name: string; stream: "stdout" | "stderr"; line: string };

export interface SupervisedProcessOptions {
  name: string;
  command: string;
  args: readonly string[];
  /** Read at each start. */
  environment(): NodeJS.ProcessEnv;
  /** Answers 200 when the process and everything that it needs are up. */
  readyUrl: string;
  /** Awaited before each restart after a death. */
  beforeRestart(): Promise<void>;
  onEvent(event: ChildEvent): void;
}

export interface SupervisedProcess {
  start(): void;
  /** Drains, or kills at once; the process is never restarted. */
  stop(options: { isImmediate: boolean }): Promise<void>;
  kill(signal: NodeJS.Signals): boolean;
  /** Pid of the live process; null between two. */
  pid(): number | null;
  remembered(): RememberedProcess | null;
  isReady(): boolean;
  /** Its last output, and how it last ended. */
  lastWords(): { lines: string[]; exitCode: number | null; deaths: number };
}

export function superviseProcess(options: SupervisedProcessOptions): SupervisedProcess {
  const { name, onEvent } = options;
  let child: ChildProcess | null = null;
  let remembered: RememberedProcess | null = null;
  let restartTimer: NodeJS.Timeout | null = null;
  let isReady = false;
  let isStopping = false;
  let deaths = 0;
  let quickDeaths = 0;
  let exitCode: number | null = null;
  const lines: string[] = [];

  const start = (): void => {
    restartTimer = null;
    if (isStopping) return;
    const startedAt = performance.now();
    const mine = spawnBound(options.command, options.args, "KILL", {
      env: options.environment(),
      // the channel notifies the child of our death where the kernel does not
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    child = mine;
    remembered = mine.pid === undefined ? null : rememberProcess(mine.pid);
    let isOver = false;
    const over = (code: number | null, signal: string | null): void => {
      if (isOver) return;
      isOver = true;
      isReady = false;
      child = null;
      remembered = null;
      exitCode = code;
      if (isStopping) return;
      deaths += 1;
      quickDeaths = performance.now() - startedAt > healthyMs ? 0 : quickDeaths + 1;
      const restartInMs = backoffMs(restartBackoff, quickDeaths);
      onEvent({ type: "process_died", name, pid: mine.pid ?? 0, code, signal, restartInMs });
      restartTimer = setTimeout(() => void options.beforeRestart().then(start), restartInMs);
    };
    mine.once("error", (error) => {
      lines.push(error.message);
      if (mine.pid === undefined) over(null, null);
    });
    mine.once("exit", over);
    for (const stream of ["stdout", "stderr"] as const) {
      readLines(mine[stream] as Readable, (line) => {
        lines.push(line);
        if (lines.length > lastLinesMax) lines.shift();
        onEvent({ type: "line", name, stream, line });
      });
    }
    if (mine.pid === undefined) return;
    onEvent({ type: "process_started", name, pid: mine.pid });
    void waitUntilReady(mine, options.readyUrl, () => isOver || isStopping).then((isUp) => {
      if (!isUp || child !== mine) return;
      isReady = true;
      onEvent({ type: "process_ready", name, pid: mine.pid ?? 0, readyMs: Math.round(performance.now() - startedAt) });
    });
  };

  return {
    start,
    async stop({ isImmediate }) {
      isStopping = true;
      if (restartTimer !== null) clearTimeout(restartTimer);
      const mine = child;
      if (mine === null) return;
      // a frozen process cannot drain, so do not wait for it
      if (isImmediate || isFrozen(mine.pid)) mine.kill("SIGKILL");
      await endChild(mine, "SIGTERM", childDrainMaxMs);
    },
    kill: (signal) => child?.kill(signal) ?? false,
    pid: () => child?.pid ?? null,
    remembered: () => remembered,
    isReady: () => isReady,
    lastWords: () => ({ lines: [...lines], exitCode, deaths }),
  };
}

/** Polls for as long as the child lives: a process may be up long before its dependencies are. */
async function waitUntilReady(child: ChildProcess, url: string, isInVain: () => boolean): Promise<boolean> {
  await waitUntil(async () => isInVain() || hasEnded(child) || (await answersReady(url)), Number.POSITIVE_INFINITY, 50);
  return !isInVain() && !hasEnded(child);
}

async function answersReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

function isFrozen(pid: number | undefined): boolean {
  if (process.platform !== "linux" || pid === undefined) return false;
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).startsWith("T");
  } catch {
    return false;
  }
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = (parts.pop() ?? "").slice(0, lineBytesMax);
    for (const line of parts) if (line.trim() !== "") onLine(line.slice(0, lineBytesMax));
  });
  stream.on("end", () => {
    if (rest.trim() !== "") onLine(rest);
  });
  // a killed child may break its pipe; its exit event is enough
  stream.on("error", () => {});
}

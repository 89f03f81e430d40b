// The life of a process: create -> start -> stop. Handles signals, a dead parent, exit codes.
// Called by each node's main.ts.
import { ConfigError } from "./config.ts";
import { armFailpoint } from "./failpoint.ts";
import { createLog, errorFields, type Log } from "./log.ts";
import { requireOwnAddress } from "./own_address.ts";

export interface Node {
  /**
   * Opens listeners and connections. It starts even while other processes are down, and /ready
   * reports that.
   */
  start(): Promise<void>;
  /** Drains: accepts nothing new, finishes what is in hand, closes. */
  stop(): Promise<void>;
}

/**
 * A drain that takes longer has failed: the process exits with code 1 and leaves recovery to the
 * sweeper.
 */
export const drainMaxMs = 20_000;

export interface NodeConfig {
  readonly logLevel: string;
  readonly logFormat: string;
  readonly host: string;
}

/**
 * Runs one node until SIGTERM or SIGINT (drains, exit 0), a second signal (exits at once, 130), or
 * the death of the parent that holds its IPC channel. Exit 2: the settings are wrong (listed on
 * standard error). Exit 1: it could not start, or reached an impossible state.
 */
export async function runNode<C extends NodeConfig>(
  name: string,
  readNodeConfig: () => C,
  create: (config: C, log: Log) => Node,
): Promise<void> {
  let config: C;
  try {
    config = readNodeConfig();
    armFailpoint(process.env);
    await requireOwnAddress(config.host);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(
      `${name} cannot start: its settings are wrong\n${error.problems.map((line) => `  ${line}\n`).join("")}  .env.example lists every setting\n`,
    );
    process.exitCode = 2;
    return;
  }
  const log = createLog(name, { level: config.logLevel, format: config.logFormat });
  const dieOf = (event: string) => (error: unknown) => {
    log.fatal({ event, ...errorFields(error) });
    log.flush();
    process.exit(1);
  };
  process.on("uncaughtException", dieOf("process.uncaught"));
  process.on("unhandledRejection", dieOf("process.unhandled"));

  const node = create(config, log);
  let isStopping = false;
  const stop = (reason: string) => {
    if (isStopping) {
      log.warn({ event: "process.killed", reason });
      process.exit(130);
    }
    isStopping = true;
    log.info({ event: "process.draining", reason });
    const overdue = setTimeout(() => dieOf("process.drain_overdue")(new Error(`still draining after ${drainMaxMs} ms`)), drainMaxMs);
    node.stop().then(() => {
      clearTimeout(overdue);
      log.info({ event: "process.stopped", reason });
      log.flush();
      process.exit(0);
    }, dieOf("process.stop_failed"));
  };
  process.on("SIGTERM", () => stop("SIGTERM"));
  process.on("SIGINT", () => stop("SIGINT"));
  // the supervisor holds an IPC channel: when it dies, even by kill -9, nobody would restart us, so
  // we end too
  if (process.channel) {
    process.on("disconnect", () => stop("supervisor gone"));
    process.channel.unref();
  }
  const startedAt = performance.now();
  try {
    await node.start();
    log.info({ event: "process.started", durationMs: Math.round(performance.now() - startedAt) });
  } catch (error) {
    dieOf("process.start_failed")(error);
  }
}

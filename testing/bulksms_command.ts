// The `bulksms` command as a person runs it: a process of its own, without the settings of whoever
// runs the tests.
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";

export interface RunningCommand {
  child: ChildProcess;
  /** What it has written so far. */
  output: { out: string; err: string };
  /** null: a signal ended it. */
  exitCode: Promise<number | null>;
}

export interface EndedCommand {
  out: string;
  err: string;
  exitCode: number | null;
}

const programFile = join(import.meta.dirname, "..", "bin", "bulksms.js");

/** @param options `isUnread`: the reader of its standard output has gone, as after `| head` */
export function startCommand(
  args: readonly string[],
  settings: Record<string, string> = {},
  { isUnread = false }: { isUnread?: boolean } = {},
): RunningCommand {
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("BULKSMS_")));
  const child = spawn(process.execPath, [programFile, ...args], { env: { ...inherited, ...settings }, stdio: ["ignore", "pipe", "pipe"] });
  const output = { out: "", err: "" };
  if (isUnread) child.stdout.destroy();
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.err += text;
  });
  return { child, output, exitCode: new Promise((resolve) => child.once("close", resolve)) };
}

export async function runCommand(args: readonly string[], settings: Record<string, string> = {}): Promise<EndedCommand> {
  const { output, exitCode } = startCommand(args, settings);
  return { exitCode: await exitCode, ...output };
}

/** The same when nobody reads what it writes. */
export async function runUnread(args: readonly string[], settings: Record<string, string> = {}): Promise<EndedCommand> {
  const { output, exitCode } = startCommand(args, settings, { isUnread: true });
  return { exitCode: await exitCode, ...output };
}

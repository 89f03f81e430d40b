// A program in a terminal as a person has it: lines, signals by keys, an end of input by a key.
// Node opens no pseudo terminal by itself; Python's standard library does.
import { type ChildProcess, spawn } from "node:child_process";

/** Relays between our pipes and the terminal, and exits as the program did. */
const relay = `
import fcntl, os, pty, select, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
ends = [terminal, 0]
while True:
    ready, _, _ = select.select(ends, [], [])
    if terminal in ready:
        try:
            shown = os.read(terminal, 65536)
        except OSError:
            break
        if not shown:
            break
        os.write(1, shown)
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed:
            os.write(terminal, typed)
        else:
            ends.remove(0)
_, status = os.waitpid(pid, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`;

export const keys = { enter: "\r", ctrlC: "\u0003", ctrlD: "\u0004" } as const;

export interface PseudoTerminal {
  /** All that the program has shown so far, with what moves the cursor. */
  shown(): string;
  type(text: string): void;
  /** The program's exit code; 128 and more when a signal ended it. */
  ended: Promise<number | null>;
  child: ChildProcess;
}

/** @param python the interpreter's path: `requirePeer("python")` */
export function openPseudoTerminal(python: string, command: readonly string[], environment: NodeJS.ProcessEnv): PseudoTerminal {
  const child = spawn(python, ["-c", relay, ...command], { env: { ...environment, TERM: "xterm" }, stdio: ["pipe", "pipe", "inherit"] });
  let shown = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
  });
  // a program that ends does not read what is typed behind its end
  child.stdin.on("error", () => {});
  return {
    shown: () => shown,
    type: (text) => child.stdin.write(text),
    ended: new Promise((resolve) => child.once("close", resolve)),
    child,
  };
}

// `lab compose` as a person or a machine ends it: by Ctrl-C, by SIGTERM, by closing the terminal.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { waitFor } from "../../../testing/wait_for.ts";
import { type FakeOptions, makeFakeDocker } from "./fake_docker.ts";
import { projectRoot } from "./stack.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

/** Started as npm does. @returns its exit code, its output and docker's calls */
async function endWhileUp(signal: NodeJS.Signals, options: FakeOptions = {}) {
  const docker = makeFakeDocker(options);
  try {
    const child = spawn(process.execPath, ["--import", "tsx", join(projectRoot, "lab", "main.ts"), "compose", "--seed", "1"], {
      cwd: projectRoot,
      env: { ...process.env, PATH: docker.path },
      stdio: ["ignore", "pipe", "inherit"],
    });
    let output = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
    const closed = once(child, "close");
    await waitFor("the stack to be up", () => docker.calls().includes("inspect c1"));
    child.kill(signal);
    const [exitCode] = await closed;
    return { exitCode, output, calls: docker.calls() };
  } finally {
    docker.remove();
  }
}

test("a signal takes the stack down, and the exit code tells what became of it", async () => {
  const ended = await Promise.all([endWhileUp("SIGINT"), endWhileUp("SIGTERM"), endWhileUp("SIGHUP", { cannotRemove: true })]);
  expect(ended.map(({ exitCode }) => exitCode)).toEqual([130, 130, 1]);
  for (const { calls } of ended) expect(calls.filter((words) => words.includes("down --volumes"))).toHaveLength(1);
  for (const { output } of ended.slice(0, 2)) expect(output).toContain("interrupted; nothing that it started is left");
  expect(ended.at(-1)?.output).toContain("left behind: volume v1");
});

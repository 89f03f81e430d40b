// Commands whose standard output has no reader any more (`| head`), where no system runs. (With
// one: commands.system.test.ts; `up`: testing/up.system.test.ts.)
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { runUnread, startCommand } from "../../testing/bulksms_command.ts";
import { waitFor } from "../../testing/wait_for.ts";
import { freePort } from "../local/engines/free_port.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

it("what only prints ends quietly with 0", async () => {
  const commands = [["settings"], ["settings", "--compose"], ["--help"]];
  const ended = await Promise.all(commands.map((args) => runUnread(args)));
  expect(ended).toEqual(commands.map(() => ({ out: "", err: "", exitCode: 0 })));
});

it("a refusal still has its exit code and its three lines", async () => {
  const { err, exitCode } = await runUnread(["status", "--data", join(tmpdir(), "bulksms-nothing-here")]);
  expect({ lines: err.trim().split("\n").length, exitCode }).toEqual({ lines: 3, exitCode: 2 });
});

it("a process goes on, and drains as ever", async () => {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-unread-"));
  const port = await freePort("127.0.0.1", 0);
  const settings = {
    BULKSMS_SIMULATOR_KEY: "only-for-this-test",
    BULKSMS_SIMULATOR_DATA: folder,
    BULKSMS_SIMULATOR_PORT: String(port),
    BULKSMS_RECEIPT_SECRETS: "only-for-this-test",
  };
  const { child, exitCode, output } = startCommand(["simulator", "serve"], settings, { isUnread: true });
  try {
    const isHealthy = () =>
      fetch(`http://127.0.0.1:${port}/health`).then(
        ({ ok }) => ok,
        () => false,
      );
    await waitFor("the simulator to be healthy", isHealthy);
    child.kill("SIGTERM");
    expect({ exitCode: await exitCode, err: output.err }).toEqual({ exitCode: 0, err: "" });
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
});

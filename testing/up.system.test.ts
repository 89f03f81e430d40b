// `bulksms up` as a person runs it: a process of its own, with signals, kill -9, a second copy,
// wrong settings.
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { processNames } from "../src/contracts/processes.ts";
import { readSystemState } from "../src/local/data_folder.ts";
import { endChild, hasEnded, isAlive, type RememberedProcess } from "../src/local/engines/bound_process.ts";
import { startCommand } from "./bulksms_command.ts";
import { waitFor } from "./wait_for.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

interface Command {
  child: ChildProcess;
  output(): string;
  errors(): string;
  ended: Promise<number | null>;
}

const folders: string[] = [];
const commands: Command[] = [];

afterAll(async () => {
  await Promise.all(commands.map(({ child }) => endChild(child, "SIGTERM", 20_000)));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-up-"));
  folders.push(folder);
  return folder;
}

function bulksms(args: readonly string[], settings: Record<string, string> = {}): Command {
  const { child, output, exitCode } = startCommand(args, settings);
  const command = { child, output: () => output.out, errors: () => output.err, ended: exitCode };
  commands.push(command);
  return command;
}

/** Resolves with the line that says all is ready. */
function waitUntilUp(command: Command): Promise<{ addresses: Record<string, string>; workspace_id: string }> {
  return waitFor("bulksms up to be ready", () => {
    if (hasEnded(command.child)) throw new Error(`it ended: ${command.errors()}`);
    const line = command
      .output()
      .split("\n")
      .find((text) => text.startsWith('{"type":"ready"'));
    return line === undefined ? null : (JSON.parse(line) as { addresses: Record<string, string>; workspace_id: string });
  });
}

/** Everything that runs for this folder: six processes, three engines. */
function runningIn(folder: string): Record<string, RememberedProcess> {
  const state = readSystemState(folder);
  return { ...state?.processes, ...state?.engines };
}

describe("one data folder, from start to start", () => {
  let folder: string;
  let command: Command;
  let ready: Awaited<ReturnType<typeof waitUntilUp>>;
  beforeAll(async () => {
    folder = dataFolder();
    command = bulksms(["up", "--json", "--data", folder]);
    ready = await waitUntilUp(command);
  });

  test("a second `up` on it is refused while the first lives, and does it no harm; elsewhere it takes other ports", async () => {
    const [second, elsewhere] = [bulksms(["up", "--data", folder]), bulksms(["up", "--json", "--data", dataFolder()])];
    expect(await second.ended).toBe(1);
    expect(second.errors()).toContain(`bulksms is running already with the data folder ${folder}`);
    expect(second.errors()).toContain(`process ${command.child.pid} holds it`);
    expect((await fetch(`${ready.addresses.webapi}/ready`)).status).toBe(200);

    const other = await waitUntilUp(elsewhere);
    for (const name of processNames) expect(other.addresses[name]).not.toBe(ready.addresses[name]);
    await endChild(elsewhere.child, "SIGTERM", 20_000);
  });

  test("it goes on when nobody reads what it writes", async () => {
    command.child.stdout?.destroy();
    const killed = runningIn(folder).sales_worker?.pid ?? 0;
    process.kill(killed, "SIGKILL");
    // its death is written down and shown
    await waitFor("another sales_worker", () => {
      const { sales_worker } = runningIn(folder);
      return sales_worker !== undefined && sales_worker.pid !== killed;
    });
    expect(hasEnded(command.child)).toBe(false);
    expect((await fetch(`${ready.addresses.webapi}/ready`)).status).toBe(200);
  });

  test("kill -9 of the supervisor leaves no orphan, not even a frozen one, and the next start goes on with the same data", async () => {
    const before = runningIn(folder);
    expect(Object.keys(before).sort()).toEqual([...processNames, "ds", "redis", "salesdb"].sort());
    process.kill(before.sales_worker?.pid ?? 0, "SIGSTOP");
    command.child.kill("SIGKILL");
    await waitFor("all nine to be gone", () => Object.values(before).every((one) => !isAlive(one)), 20_000);

    command = bulksms(["up", "--json", "--data", folder]);
    expect((await waitUntilUp(command)).workspace_id).toBe(ready.workspace_id);
  });

  test("SIGTERM stops everything in order, and a frozen process is not waited for", async () => {
    const before = runningIn(folder);
    process.kill(before.simulator?.pid ?? 0, "SIGSTOP");
    const startedAt = performance.now();
    command.child.kill("SIGTERM");
    expect(await command.ended).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(Object.values(before).filter(isAlive)).toEqual([]);
  });
});

test("SIGINT while it starts stops what had started, and nothing more starts", async () => {
  const folder = dataFolder();
  const command = bulksms(["up", "--json", "--data", folder]);
  await waitFor("an engine", () => command.output().includes('"type":"engine_ready"'));
  command.child.kill("SIGINT");
  expect(await command.ended).toBe(0);
  expect(command.output()).not.toContain('"type":"process_started"');
  expect(Object.values(runningIn(folder)).filter(isAlive)).toEqual([]);
});

test("wrong settings end with exit code 2 and name what is wrong before anything starts", async () => {
  const folder = dataFolder();
  const wrong = { BULKSMS_WEBAPI_PROT: "1", BULKSMS_RPC_PORT: "70000", BULKSMS_WEBAPI_DATABASE_URL: "postgres://webapi:x@127.0.0.1/ds" };
  const { BULKSMS_WEBAPI_DATABASE_URL, ...malformed } = wrong;
  const first = bulksms(["up", "--data", folder], malformed);
  const second = bulksms(["up", "--data", folder], { BULKSMS_WEBAPI_DATABASE_URL });
  const third = bulksms(["upp"]);
  expect(await Promise.all([first, second, third].map(({ ended }) => ended))).toEqual([2, 2, 2]);
  expect(first.errors()).toContain("BULKSMS_WEBAPI_PROT: unknown setting, did you mean BULKSMS_WEBAPI_PORT?");
  expect(first.errors()).toContain("BULKSMS_RPC_PORT");
  expect(second.errors()).toContain("BULKSMS_DS_OWNER_URL: missing");
  expect(third.errors()).toContain("Did you mean up?");
});

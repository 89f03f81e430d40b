// What the commands say and exit with where no system runs: wrong settings, nobody there. Each
// start takes a second of CPU, so those of one test run side by side. (Options that mean nothing:
// refused_options.test.ts.)
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { runCommand } from "../../testing/bulksms_command.ts";
import { databaseNames, databaseRoles } from "../contracts/processes.ts";

// real processes, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

const fiveContacts = join(import.meta.dirname, "../../examples/5_contacts.csv");
const nowhere = join(tmpdir(), "bulksms-nothing-here");
/** Enough for a process to read its settings; it never gets as far as to use them. */
const databasesOfNobody = {
  BULKSMS_REDIS_URL: "redis://127.0.0.1:1",
  BULKSMS_RPC_DATABASE_URL: "postgres://rpc:x@127.0.0.1:1/ds",
  BULKSMS_GENERAL_WORKER_DATABASE_URL: "postgres://general_worker:x@127.0.0.1:1/ds",
  BULKSMS_DS_OWNER_URL: "postgres://owner:x@127.0.0.1:1/ds",
};

describe("a process and `up`", () => {
  // every kind of address: own_address.test.ts
  it("whose BULKSMS_HOST is not an address of this machine end with exit code 2 and name it", async () => {
    const settings = (host: string) => ({ ...databasesOfNobody, BULKSMS_HOST: host, BULKSMS_INTERNAL_TOKEN: "0123456789abcdef" });
    const starts = ["not a host", "192.0.2.1"].flatMap((host) =>
      [
        ["up", "--data", nowhere],
        ["rpc", "serve"],
        ["general_worker", "start"],
      ].map((command) => ({ host, command })),
    );
    await Promise.all(
      starts.map(async ({ host, command }) => {
        const { err, exitCode } = await runCommand(command, settings(host));
        expect({ exitCode, err }, `${command[0]} on ${host}`).toEqual({
          exitCode: 2,
          err: expect.stringContaining(`BULKSMS_HOST: "${host}" is not`),
        });
      }),
    );
  });
});

describe("migrate", () => {
  const urls = (change: Record<string, string> = {}) => ({
    BULKSMS_DS_OWNER_URL: "postgres://owner:secret@127.0.0.1:1/ds",
    BULKSMS_SALESDB_OWNER_URL: "postgres://owner:secret@127.0.0.1:1/salesdb",
    ...Object.fromEntries(
      databaseNames.flatMap((database) =>
        Object.entries(databaseRoles[database]).map(([role, name]) => [name, `postgres://${role}:secret@127.0.0.1:1/${database}`]),
      ),
    ),
    ...change,
  });

  it("exits 3 when a database does not answer, and 2 when a role's URL has another user or no password", async () => {
    const wrong = ["postgres://salesapi:secret@127.0.0.1:1/ds", "postgres://webapi@127.0.0.1:1/ds"];
    const [silent, help, ...refused] = await Promise.all([
      runCommand(["migrate"], urls()),
      runCommand(["migrate", "--help"]),
      ...wrong.map((url) => runCommand(["migrate"], urls({ BULKSMS_WEBAPI_DATABASE_URL: url }))),
    ]);
    expect(silent).toMatchObject({ exitCode: 3, err: expect.stringContaining("127.0.0.1:1/ds could not be migrated") });
    expect(refused).toHaveLength(wrong.length);
    for (const { err, exitCode } of refused)
      expect({ err, exitCode }).toEqual({ err: expect.stringContaining("the URL of role webapi does not fit"), exitCode: 2 });
    expect(help?.out).toMatch(/Exit codes: 0 done, 1 .*2 .*\n?.*3 a database does not answer/s);
  });
});

describe("the commands without a system", () => {
  it("say what is missing and exit 2", async () => {
    const commands = [["check"], ["status"], ["send", fiveContacts, "--text", "Hi", "--yes"]];
    for (const { err, exitCode } of await Promise.all(commands.map((command) => runCommand([...command, "--data", nowhere]))))
      expect({ lines: err.trim().split("\n").length, exitCode }).toEqual({ lines: 3, exitCode: 2 });
  });
});

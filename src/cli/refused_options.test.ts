// Options that mean nothing end a command before it asks anybody: exit code 2, and what is wrong.
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { run } from "./main.ts";

const fiveContacts = join(import.meta.dirname, "../../examples/5_contacts.csv");
let exitCodeBefore: typeof process.exitCode;
let errors = "";
beforeEach(() => {
  exitCodeBefore = process.exitCode;
  errors = "";
  vi.spyOn(process.stderr, "write").mockImplementation((text) => {
    errors += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = exitCodeBefore;
});

const limits = ["1e1", " 5", "+5", "0x10"].map((limit) => [
  `status --limit "${limit}"`,
  ["status", "--limit", limit],
  `--limit ${limit} is not possible`,
]);

it.each([
  ...(limits as [string, string[], string][]),
  ["check --interval 1e1", ["check", "--watch", "--interval", "1e1"], "--interval 1e1 is not possible"],
  ["check --interval 0", ["check", "--watch", "--interval", "0"], "--interval 0 is not possible"],
  ["check --interval without --watch", ["check", "--interval", "5"], "--interval needs --watch"],
  ["check --watch --json", ["check", "--watch", "--json"], "--watch has no JSON"],
  ["check --bulksms 7", ["check", "--bulksms", "7"], "\n"],
  ["demo --speed 0", ["demo", "--speed", "0"], "--speed"],
  ["demo --seed -1", ["demo", "--seed", "-1"], "--seed"],
  ["demo of a file that is not there", ["demo", "--contacts", "/absent.csv"], "/absent.csv does not exist"],
  ["send without a text", ["send", fiveContacts], "--text"],
  ["an unknown command", ["statsu"], "Did you mean status?"],
] as [string, string[], string][])("%s", async (_what, words, refusal) => {
  await run([process.execPath, "bulksms", ...words]);
  expect({ exitCode: process.exitCode, errors }).toEqual({ exitCode: 2, errors: expect.stringContaining(refusal) });
});

// Stale claims of earlier processes: /tmp/bulksms-ports is shared by all users of a machine.
import { existsSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { rememberProcess } from "./bound_process.ts";
import { claimPort, freePort, releasePort } from "./free_port.ts";

const host = "127.0.0.1";
let port: number;
let claimFile: string;

beforeEach(async () => {
  port = await claimPort(host, 0, new Set());
  releasePort(port);
  claimFile = join(tmpdir(), "bulksms-ports", String(port));
});
afterEach(() => rmSync(claimFile, { recursive: true, force: true }));

test("a claim that cannot be removed, as a dead process of another user leaves one, stops nobody", async () => {
  // root can unlink anything but a directory, so a directory stands in for a foreign file
  mkdirSync(claimFile);
  expect(await claimPort(host, port, new Set())).toBe(port);
  releasePort(port);
  rmdirSync(claimFile);
});

test("a claim of a process that lives is respected, and not removed with one's own", async () => {
  writeFileSync(claimFile, JSON.stringify(rememberProcess(process.ppid)));
  const taken = new Set<number>();
  const other = await claimPort(host, port, taken);
  expect(other).not.toBe(port);
  for (const one of taken) releasePort(one);
  expect(existsSync(claimFile)).toBe(true);
  expect(await freePort(host, port)).toBe(port);
});

// The folder of one system: its claim, its secrets, its settings.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isSystemRunning, openDataFolder, readDataFolderNote, readDataFolderSettings } from "./data_folder.ts";

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "bulksms-data-"));
});
afterEach(() => rmSync(path, { recursive: true, force: true }));

test("a folder that a living process holds is refused, and free again once released", () => {
  const folder = openDataFolder(path);
  expect(isSystemRunning(path)).toBe(true);
  expect(() => openDataFolder(path)).toThrow(/running already/);
  folder.release();
  expect(isSystemRunning(path)).toBe(false);
  openDataFolder(path).release();
});

test("a claim of a process that is gone, or whose number another one has now, does not hold", () => {
  writeFileSync(join(path, "lock.json"), JSON.stringify({ pid: process.pid, startedAt: "long ago" }));
  expect(isSystemRunning(path)).toBe(false);
  openDataFolder(path).release();
});

test("secrets are made once, differ, outlive a restart, and only their owner can read them", () => {
  const folder = openDataFolder(path);
  const [one, two] = [folder.secret("one"), folder.secret("two")];
  expect(one.length).toBeGreaterThanOrEqual(32);
  expect(one).not.toBe(two);
  folder.writeNote("workspace_id", "w");
  folder.release();
  const again = openDataFolder(path);
  expect(again.secret("one")).toBe(one);
  expect(readDataFolderNote(path, "workspace_id")).toBe("w");
  expect(statSync(join(path, "secrets.json")).mode & 0o777).toBe(0o600);
  again.release();
});

test("the settings file is read alike by us and by a shell", () => {
  const settings = { BULKSMS_REDIS_URL: "redis://127.0.0.1:1/0", BULKSMS_DATA: "/tmp/a folder; $HOME", BULKSMS_RECEIPT_SECRETS: "a,b" };
  const folder = openDataFolder(path);
  folder.writeSettings(settings);
  folder.release();
  expect(readDataFolderSettings(path)).toEqual(settings);
  expect(statSync(join(path, "settings.env")).mode & 0o777).toBe(0o600);
  const shell = spawnSync("sh", ["-c", `set -a; . "${path}/settings.env"; printf '%s|%s' "$BULKSMS_DATA" "$BULKSMS_RECEIPT_SECRETS"`], {
    encoding: "utf8",
  });
  expect(shell.stdout).toBe("/tmp/a folder; $HOME|a,b");
});

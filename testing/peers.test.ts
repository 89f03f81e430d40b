import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { findPeer } from "./peers.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bulksms-peers-"));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});

test("a peer is found under each of its names", () => {
  const file = join(folder, "libreoffice");
  writeFileSync(file, "");
  chmodSync(file, 0o755);
  expect(findPeer("libreoffice", folder)).toBe(file);
});

test("a peer that is missing is named aloud, with what brings it", () => {
  const stderr = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  expect(findPeer("libreoffice", folder)).toBeNull();
  expect(stderr.mock.calls.flat()).toContain("LEFT OUT: libreoffice is not installed (Debian: apt-get install libreoffice-calc)\n");
});

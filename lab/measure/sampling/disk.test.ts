// Room for a run of a whole country, and what it takes.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Failure } from "../../../src/cli/failure.ts";
import { neededBytes, requireSpace, runsThatFit, usedBytes } from "./disk.ts";

const folder = mkdtempSync(join(tmpdir(), "bulksms-disk-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a disk with too little room is refused, with what is needed and what is free", () => {
  const contacts = 5_600_000;
  requireSpace(contacts, { folder, free: neededBytes(contacts), fewer: "--contacts" });
  const refused = () => requireSpace(contacts, { folder, free: 1e9, fewer: "--contacts" });
  expect(refused).toThrow(Failure);
  expect(refused).toThrow(expect.objectContaining({ why: "5,600,000 contacts may take 5.9 GB, 1.0 GB are free" }));
});

test("as many runs fit as leave room for the servers, and none where they do not", () => {
  const three = neededBytes(3_000_000);
  expect(runsThatFit(1_000_000, three)).toBe(3);
  expect(runsThatFit(1_000_000, three - 1)).toBe(2);
  expect(runsThatFit(1_000_000, 1e9)).toBe(0);
});

test("a folder takes the blocks of all files below it, and one that is gone takes none", () => {
  mkdirSync(join(folder, "below"));
  for (const file of ["one", "below/two"]) writeFileSync(join(folder, file), Buffer.alloc(100_000, 1));
  expect(usedBytes(folder)).toBeGreaterThanOrEqual(200_000);
  expect(usedBytes(folder)).toBeLessThan(400_000);
  expect(usedBytes(join(folder, "gone"))).toBe(0);
});

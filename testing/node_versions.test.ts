// Which Node runs us: package.json, the documents and CI name the same versions.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const read = (file: string) => readFileSync(join(import.meta.dirname, "..", file), "utf8");
const oldest = /^>=(\d+\.\d+)$/.exec(JSON.parse(read("package.json")).engines.node)?.[1];
const newest = /^node_lts=(\d+)$/m.exec(read(".ci/run"))?.[1];

test("package.json names the oldest Node, .ci/run the newest that it tests, and this one is not older", () => {
  expect([oldest, newest]).toEqual([expect.any(String), expect.any(String)]);
  expect(Number(newest)).toBeGreaterThan(Number(oldest));
  const running = process.versions.node.split(".").map(Number);
  const wanted = (oldest ?? "").split(".").map(Number);
  expect(running[0] === wanted[0] ? (running[1] ?? 0) >= (wanted[1] ?? 0) : (running[0] ?? 0) > (wanted[0] ?? 0)).toBe(true);
});

test("README and CONTRIBUTING name the oldest as package.json does, README the newest as CI does", () => {
  for (const file of ["README.md", "CONTRIBUTING.md"]) expect(read(file)).toContain(`Node ${oldest} or newer`);
  expect(read("README.md")).toContain(`Node ${oldest} or newer (tested up to ${newest})`);
});

test("no Node that a document or the image names lies outside of these versions", () => {
  const named = ["README.md", "CONTRIBUTING.md", "docs/operations.md", "Dockerfile"].flatMap((file) =>
    [...read(file).matchAll(/(?:\bNode |\bnode:)(\d+(?:\.\d+)?)/g)].map(([, version]) => Number(version)),
  );
  expect(named.length).toBeGreaterThan(3);
  for (const version of named) {
    expect(version).toBeGreaterThanOrEqual(Number(oldest));
    expect(version).toBeLessThanOrEqual(Number(newest));
  }
});

// A project in small, whose build only counts itself: when the script builds. (What makes a build
// stale: build_stamp.test.ts.)
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

// npm starts several times, on a machine that may be busy with other tests
vi.setConfig({ testTimeout: 120_000 });

let root: string;

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const run = () => spawnSync(process.execPath, [join(root, "bin", "build_if_changed.js")], { encoding: "utf8" });
const builds = () => Number(readFileSync(join(root, "builds"), "utf8"));
const countingBuild = `
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const builds = Number(readFileSync("builds", "utf8")) + 1;
writeFileSync("builds", String(builds));
if (readFileSync("src/a.ts", "utf8").includes("broken")) process.exit(3);
mkdirSync("dist", { recursive: true });
writeFileSync("dist/main.js", "built");
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "bulksms-build-"));
  write("package.json", JSON.stringify({ type: "module", scripts: { build: "node build.js" } }));
  write("build.js", countingBuild);
  write("builds", "0");
  write("src/a.ts", "{}");
  for (const name of ["build_if_changed.js", "build_stamp.js"]) cpSync(join(import.meta.dirname, name), join(root, "bin", name));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("it builds once at first, and once after a change", () => {
  expect([run().status, run().status, builds()]).toEqual([0, 0, 1]);
  write("src/a.ts", "[]");
  expect([run().status, run().status, builds()]).toEqual([0, 0, 2]);
});

test("a build that fails ends with its exit code, and is tried again until it succeeds", () => {
  expect(run().status).toBe(0);
  write("src/a.ts", "broken");
  expect([run().status, run().status]).toEqual([3, 3]);
  // the source of the build that succeeded, but a failed build has come between
  write("src/a.ts", "{}");
  expect(run().status).toBe(0);
  expect([run().status, builds()]).toEqual([0, 4]);
});

// A project in small, whose build only counts itself: what makes it build again, and what does not.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = join(import.meta.dirname, "build_if_changed.js");
let root: string;

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const remove = (path: string) => rmSync(join(root, path));
const run = () => spawnSync(process.execPath, [join(root, "bin", "build_if_changed.js")], { encoding: "utf8" });
const builds = () => Number(readFileSync(join(root, "builds"), "utf8"));
const countingBuild = `
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const builds = Number(readFileSync("builds", "utf8")) + 1;
writeFileSync("builds", String(builds));
if (readFileSync("src/a.ts", "utf8").includes("broken")) process.exit(3);
mkdirSync("dist/console", { recursive: true });
writeFileSync("dist/main.js", "built");
writeFileSync("dist/console/index.html", "built");
`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "bulksms-build-"));
  write("package.json", JSON.stringify({ type: "module", scripts: { build: "node build.js" } }));
  write("build.js", countingBuild);
  write("builds", "0");
  for (const path of ["package-lock.json", "tsconfig.json", "tsconfig.build.json", "src/a.ts", "src/a.test.ts"]) write(path, "{}");
  for (const path of ["src/console/vite.config.ts", "src/console/main.tsx", "src/x/migrations/001.do.x.sql", "patches/x.patch"])
    write(path, "x");
  cpSync(script, join(root, "bin", "build_if_changed.js"));
  expect(run().status).toBe(0);
  expect(builds()).toBe(1);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe("nothing is built again", () => {
  test("when nothing changed, nor when only times or tests did", () => {
    utimesSync(join(root, "src/a.ts"), new Date(), new Date());
    utimesSync(join(root, "dist/main.js"), 1, 1);
    write("src/a.test.ts", "another test");
    write("README.md", "another text");
    expect(run().status).toBe(0);
    expect(builds()).toBe(1);
  });
});

describe("it is built again, once, after", () => {
  const changes: [string, () => void][] = [
    ...[
      ...["src/a.ts", "src/console/vite.config.ts", "src/console/main.tsx", "src/x/migrations/001.do.x.sql", "patches/x.patch"],
      ...["package-lock.json", "tsconfig.json", "tsconfig.build.json", "bin/copy_assets.js", "src/new/file.ts"],
      ...["dist/main.js", "dist/console/index.html"],
    ].map((path): [string, () => void] => [`a change of ${path}`, () => write(path, "yz")]),
    [
      "a change of the same length and time",
      () => {
        write("src/a.ts", "[]");
        utimesSync(join(root, "src/a.ts"), 1, 1);
      },
    ],
    ["a source that went", () => remove("src/console/main.tsx")],
    ["a source that was renamed", () => [remove("src/console/main.tsx"), write("src/console/main2.tsx", "x")]],
    ["an output that went", () => remove("dist/main.js")],
    ["the whole output that went", () => rmSync(join(root, "dist"), { recursive: true })],
    ["a stamp that was cut short", () => write("dist/.build_stamp.json", '{"sou')],
  ];
  test.each(changes)("%s", (_, change) => {
    change();
    expect(run().status).toBe(0);
    expect(run().status).toBe(0);
    expect(builds()).toBe(2);
  });
});

test("a build that fails ends with its exit code, and is tried again until it succeeds", () => {
  write("src/a.ts", "broken");
  expect([run().status, run().status]).toEqual([3, 3]);
  expect(builds()).toBe(3);
  write("src/a.ts", "{}");
  expect(run().status).toBe(0);
  expect(builds()).toBe(4);
});

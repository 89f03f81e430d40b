// What makes a build stale, and what does not: a project in small, built by hand.
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readBuildStamp } from "./build_stamp.js";

let root: string;

const write = (path: string, text: string) => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
};
const remove = (path: string) => rmSync(join(root, path), { recursive: true });
const isCurrent = () => readBuildStamp(root).isCurrent();
const build = () => {
  const stamp = readBuildStamp(root);
  write("dist/main.js", "built");
  write("dist/console/index.html", "built");
  stamp.write();
};

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "bulksms-stamp-"));
  for (const path of ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "src/a.ts", "src/a.test.ts"])
    write(path, "{}");
  for (const path of ["src/console/vite.config.ts", "src/console/main.tsx", "src/x/migrations/001.do.x.sql", "patches/x.patch"])
    write(path, "x");
  expect(isCurrent()).toBe(false);
  build();
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("a build is current when nothing changed, and when only times, tests or documents did", () => {
  expect(isCurrent()).toBe(true);
  utimesSync(join(root, "src/a.ts"), new Date(), new Date());
  utimesSync(join(root, "dist/main.js"), 1, 1);
  write("src/a.test.ts", "another test");
  write("README.md", "another text");
  expect(isCurrent()).toBe(true);
});

test("a source that changes during a build makes it stale", () => {
  const stamp = readBuildStamp(root);
  write("src/a.ts", "edited while it built");
  stamp.write();
  expect(isCurrent()).toBe(false);
});

describe("a build is stale, until it is built again, after", () => {
  const changes: [string, () => void][] = [
    ...[
      ...["src/a.ts", "src/console/vite.config.ts", "src/console/main.tsx", "src/x/migrations/001.do.x.sql", "patches/x.patch"],
      ...["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "bin/copy_assets.js", "src/new/file.ts"],
      ...["dist/main.js", "dist/console/index.html"],
    ].map((path): [string, () => void] => [`a change of ${path}`, () => write(path, "yz")]),
    [
      "a change of the same length and time",
      () => {
        utimesSync(join(root, "src/a.ts"), 1, 1);
        build();
        write("src/a.ts", "[]");
        utimesSync(join(root, "src/a.ts"), 1, 1);
      },
    ],
    ["a source that went", () => remove("src/console/main.tsx")],
    ["a source that was renamed", () => [remove("src/console/main.tsx"), write("src/console/main2.tsx", "x")]],
    ["an output that went", () => remove("dist/main.js")],
    ["the whole output that went", () => remove("dist")],
    ["a stamp that was cut short", () => write("dist/.build_stamp.json", '{"sou')],
    ["a stamp that was removed, as before a build that was interrupted", () => readBuildStamp(root).remove()],
  ];
  test.each(changes)("%s", (_, change) => {
    change();
    expect(isCurrent()).toBe(false);
    build();
    expect(isCurrent()).toBe(true);
  });
});

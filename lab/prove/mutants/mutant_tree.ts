// A copy of the source in a temporary folder, in which one guard at a time is removed. Used by
// verify:mutants; the work tree itself is never touched.
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Replacement } from "./patches.ts";

export interface MutantTree {
  folder: string;
  /**
   * Removes a guard and builds.
   * @throws Error when the source no longer matches, or does not build without the guard.
   */
  mutate(replacements: readonly Replacement[]): void;
  /** Puts the guard back. */
  restore(): void;
  remove(): void;
}

const root = join(import.meta.dirname, "..", "..", "..");
const left = new Set(["node_modules", ".git", "dist"]);

/** Copies the work tree as it is, and builds it. */
export function createMutantTree(): MutantTree {
  const folder = mkdtempSync(join(tmpdir(), "bulksms-mutants-"));
  cpSync(root, folder, { recursive: true, filter: (path) => !left.has(basename(path)) });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const originals = new Map<string, string>();
  const tree: MutantTree = {
    folder,
    mutate(replacements) {
      for (const replacement of replacements) {
        const path = join(folder, replacement.file);
        const source = readFileSync(path, "utf8");
        if (!originals.has(path)) originals.set(path, source);
        writeFileSync(path, replaceOnce(source, replacement));
      }
      build(folder);
    },
    restore() {
      for (const [path, source] of originals) writeFileSync(path, source);
      originals.clear();
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
  build(folder);
  return tree;
}

/** @throws Error unless the piece occurs in the source exactly once. */
export function replaceOnce(source: string, { file, find, by }: Replacement): string {
  const parts = source.split(find);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times, not once: ${find.trim().split("\n")[0]}`);
  return parts.join(by);
}

function build(folder: string): void {
  const built = spawnSync("npm", ["run", "build", "--silent"], { cwd: folder, encoding: "utf8" });
  if (built.status !== 0) throw new Error(`does not build: ${`${built.stdout}${built.stderr}`.trim().slice(0, 500)}`);
}

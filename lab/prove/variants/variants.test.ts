// The naive modules stand where ours do: what they replace exists, and they export what is imported
// of it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { moduleOf, naiveSwitches } from "./all.ts";
import { replacementEnvironment } from "./run_switch.ts";

const source = join(import.meta.dirname, "..", "..", "..", "src");

test.each(naiveSwitches.map((one) => [one.name, one] as const))("%s stands in the place of a module of ours", async (_name, one) => {
  expect(existsSync(moduleOf(one))).toBe(true);
  const real = Object.keys((await import(join(source, `${one.replaces}.ts`))) as object);
  const naive = Object.keys((await import(moduleOf(one))) as object);
  expect(naive.toSorted()).toEqual(real.toSorted());
});

test("a switched process is told to load files that exist", () => {
  for (const one of naiveSwitches) {
    const { NODE_OPTIONS = "", LAB_REPLACEMENT = "", LAB_SOURCE = "" } = replacementEnvironment(one);
    const urls = [...NODE_OPTIONS.matchAll(/--import=(\S+)/g)].map(([, url]) => url ?? "");
    expect(urls).toHaveLength(2);
    for (const url of [...urls, LAB_REPLACEMENT, LAB_SOURCE]) expect(existsSync(fileURLToPath(url)), url).toBe(true);
  }
});

// Who may import whom. The table fails closed: a folder that it does not name may import nothing
// and be imported by nobody, so a new room begins with its line here. Held over every import
// statement.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const base = ["src/contracts", "src/sms", "src/protocols", "src/platform"];
const product = ["src", "testing"];
const ofTests = [...product, "examples"];

/**
 * Room -> the rooms, or single files of rooms, that it may import. Tests may also import testing
 * and any room of src.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "src/contracts": [],
  "src/sms": [],
  "src/protocols": ["src/contracts"],
  "src/platform": ["src/contracts", "src/protocols"],
  "src/local": ["src/contracts", "src/platform"],
  "src/webhooks": ["src/contracts", "src/protocols", "src/platform"],
  "src/contacts": ["src/contracts", "src/sms"],
  "src/carriers": base,
  "src/campaign": [...base, "src/contacts", "src/carriers/carrier.ts", "src/carriers/link.ts"],
  "src/credit": base,
  "src/accounts": base,
  "src/simulator": [...base, "src/webhooks"],
  "src/laws": ["src/contracts", "src/platform", "src/protocols"],
  "src/nodes/rpc": [...base, "src/credit", "src/accounts"],
  "src/nodes/webapi": [...base, "src/credit", "src/accounts"],
  "src/nodes/salesapi": [...base, "src/campaign", "src/carriers", "src/contacts", "src/accounts"],
  "src/nodes/general_worker": [...base, "src/credit"],
  "src/nodes/sales_worker": [...base, "src/campaign", "src/carriers", "src/webhooks"],
  "src/nodes/simulator": [...base, "src/simulator"],
  "src/cli": [...base, "src/local", "src/laws", "src/contacts", "src/nodes"],
  "src/console": ["src/contracts", "src/sms", "src/contacts", "src/platform/time"],
  examples: [],
  testing: ["src"],
  "lab/measure": [...product],
  "lab/break": [...product, "lab/measure/report"],
  "lab/prove": [...product, "lab/break", "lab/measure/report"],
  "lab/commands": [...product, "lab/break", "lab/prove", "lab/measure"],
};

const room = (file: string): string | undefined => Object.keys(allowed).find((name) => file.startsWith(`${name}/`));
const isTest = (file: string): boolean => /\.(test|browser|foreign\.test)\.tsx?$/.test(file);
const entries = new Set(["lab/main.ts"]);
const statement = /(?:\bfrom\s+|\bimport\s*\(\s*|\bimport\s+|\bvi\.mock\(\s*)["'](\.{1,2}\/[^"']+)["']/g;

function sources(): string[] {
  const found = ["src", "lab", "testing", "examples"].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).map((name) => posix.join(top, name)),
  );
  return found.filter((file) => /\.(ts|tsx|mjs)$/.test(file));
}

const importsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), "utf8").matchAll(statement)].map(([, path]) => posix.join(dirname(file), path as string));

const covers = (entry: string, file: string): boolean => file === entry || file.startsWith(`${entry}/`);

function isAllowed(from: string, to: string): boolean {
  if (entries.has(from)) return true;
  const home = room(from);
  if (home === undefined || room(to) === undefined) return false;
  if (home === room(to)) return true;
  return [...(allowed[home] ?? []), ...(isTest(from) ? ofTests : [])].some((entry) => covers(entry, to));
}

test("every file has a room that the table names", () => {
  expect(sources().filter((file) => room(file) === undefined && !entries.has(file))).toEqual([]);
});

test("every import is one that the table allows", () => {
  const files = sources();
  expect(files.length).toBeGreaterThan(300);
  const arrows = files.flatMap((from) => importsOf(from).map((to) => ({ from, to })));
  expect(arrows.length).toBeGreaterThan(1_000);
  expect(arrows.filter(({ from, to }) => !isAllowed(from, to)).map(({ from, to }) => `${from} -> ${to}`)).toEqual([]);
});

test("no room of src can reach itself through others", () => {
  const rooms = Object.keys(allowed).filter((name) => name.startsWith("src/"));
  const next = (name: string) => rooms.filter((other) => other !== name && allowed[name]?.some((entry) => covers(entry, `${other}/x`)));
  const reach = (from: string, seen = new Set<string>()): Set<string> => {
    for (const to of next(from)) {
      if (seen.has(to)) continue;
      seen.add(to);
      reach(to, seen);
    }
    return seen;
  };
  expect(rooms.filter((name) => reach(name).has(name))).toEqual([]);
});

test("no file can reach itself through what it imports", () => {
  const next = new Map(sources().map((file) => [file, importsOf(file)]));
  const reachesItself = (file: string): boolean => {
    const seen = new Set<string>();
    const open = [...(next.get(file) ?? [])];
    for (let to = open.pop(); to !== undefined; to = open.pop()) {
      if (to === file) return true;
      if (seen.has(to)) continue;
      seen.add(to);
      open.push(...(next.get(to) ?? []));
    }
    return false;
  };
  expect([...next.keys()].filter(reachesItself)).toEqual([]);
});

test("every room of the table exists", () => {
  const files = sources();
  expect(Object.keys(allowed).filter((name) => !files.some((file) => file.startsWith(`${name}/`)))).toEqual([]);
});

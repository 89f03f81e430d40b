// The project's documents as a whole: every link leads somewhere, they are as short as they
// promise, and prose ends at 100 columns.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { anchorsOf, codesOf, linksOf, proseLines, readTable } from "./markdown.ts";

const root = join(import.meta.dirname, "..");
const notOurs = new Set(["node_modules", "dist", ".git", ".bulksms"]);
const columnsMax = 100;
const linesMax = { "README.md": 150, "ARCHITECTURE.md": 250 } as const;
/** What a stranger reads first: nothing in it may need the glossary. */
const readmeBeginLines = 40;

const documents = filesBelow(root, ".md");
const textOf = (file: string): string => readFileSync(join(root, file), "utf8");

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return notOurs.has(entry.name) ? [] : filesBelow(path, ending).map((file) => join(root, file));
      return entry.name.endsWith(ending) ? [path] : [];
    })
    .map((path) => relative(root, path));
}

/**
 * What is wrong with a link from `file`, or null. Links to other hosts are not followed: tests do
 * not leave the machine.
 */
function problemOf(file: string, target: string): string | null {
  if (/^(https?:|mailto:)/.test(target)) return null;
  const [path = "", anchor] = target.split("#");
  const to = path === "" ? file : join(dirname(file), decodeURIComponent(path));
  if (!existsSync(join(root, to))) return `${to} does not exist`;
  if (anchor === undefined) return null;
  if (statSync(join(root, to)).isDirectory() || !to.endsWith(".md")) return `${to} has no headings`;
  return anchorsOf(textOf(to)).has(anchor) ? null : `${to} has no heading #${anchor}`;
}

test("there are documents, and the ones that people look for", () => {
  expect(documents).toEqual(
    expect.arrayContaining([
      ...["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/protocol.md", "docs/operations.md"],
      ...["docs/performance.md", "docs/glossary.md", "docs/study.md", "docs/decisions/README.md"],
    ]),
  );
});

describe.each(documents)("%s", (file) => {
  test("has no link that leads nowhere", () => {
    const problems = linksOf(textOf(file)).flatMap(({ line, target }) => {
      const problem = problemOf(file, target);
      return problem === null ? [] : [`line ${line}: ${target}: ${problem}`];
    });
    expect(problems).toEqual([]);
  });

  test(`has no line of prose beyond ${columnsMax} columns`, () => {
    const long = proseLines(textOf(file)).filter(({ text }) => text.length > columnsMax);
    expect(long.map(({ line, text }) => `line ${line}: ${text}`)).toEqual([]);
  });
});

test.each(Object.entries(linesMax))("%s has at most %i lines", (file, max) => {
  expect(textOf(file).trimEnd().split("\n").length).toBeLessThanOrEqual(max);
});

test("README begins without a word that only the glossary explains", () => {
  const begin = proseLines(textOf("README.md").split("\n").slice(0, readmeBeginLines).join("\n"))
    .map(({ text }) => text.replaceAll(/\]\([^)]*\)/g, "]"))
    .join(" ");
  const jargon = [
    "law",
    "laws",
    "hold",
    "lease",
    "chunk",
    "outbox",
    "witness",
    "receipt",
    "tombstone",
    "weather",
    "intent",
    "doorbell",
    "sweeper",
  ];
  expect(jargon.filter((word) => new RegExp(`\\b${word}\\b`, "i").test(begin))).toEqual([]);
  for (const needed of ["npm run demo", "npm test", "npm run lab -- naive"]) expect(textOf("README.md")).toContain(needed);
});

describe("docs/glossary.md", () => {
  const table = (name: string): string[][] => readTable(textOf("docs/glossary.md"), name);

  test("has each word once, alphabetically, with its meaning", () => {
    const rows = table("glossary").map(([word = "", meaning = ""]) => ({ word: word.replaceAll("`", "").toLowerCase(), meaning }));
    const words = rows.map(({ word }) => word);
    expect(words.length).toBeGreaterThan(60);
    expect(words).toEqual([...new Set(words)].toSorted((one, other) => one.localeCompare(other, "en")));
    expect(rows.filter(({ meaning }) => meaning === "")).toEqual([]);
  });
});

describe("docs/decisions", () => {
  const pages = documents.filter((file) => /^docs\/decisions\/\d{3}_/.test(file)).toSorted();

  test("are numbered without a gap, and listed", () => {
    expect(pages.map((file) => file.slice("docs/decisions/".length, "docs/decisions/NNN".length))).toEqual(
      pages.map((_, index) => String(index + 1).padStart(3, "0")),
    );
    const listed = linksOf(textOf("docs/decisions/README.md")).map(({ target }) => `docs/decisions/${target}`);
    expect(listed.toSorted()).toEqual(pages);
  });

  test.each(pages)("%s has a date, its context, decision and measurement", (file) => {
    const text = textOf(file);
    expect(text).toMatch(new RegExp(`^# ${file.slice("docs/decisions/".length, "docs/decisions/NNN".length)}\\. `));
    expect(text.split("\n")[2]).toMatch(/^\d{1,2} [A-Z][a-z]+ 20\d\d(, commit [0-9a-f]{7})?\.$/);
    for (const heading of ["Context", "Decision", "Measurement", "Where"]) expect(text).toContain(`\n## ${heading}\n\n`);
  });

  test.each(pages)("%s names files that exist", (file) => {
    const where = textOf(file).split("\n## Where\n")[1] ?? "";
    const paths = codesOf(where).filter((code) => /^(src|lab|testing|patches|bin)\//.test(code));
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(existsSync(join(root, path)), path).toBe(true);
  });
});

test("a marked table is read by some test", () => {
  const tests = filesBelow(root, ".test.ts").map(textOf).join("\n");
  const marked = documents.flatMap((file) =>
    [...textOf(file).matchAll(/^<!-- table: (.+) -->$/gm)].map(([, name]) => ({ file, name: name ?? "" })),
  );
  expect(marked.length).toBeGreaterThan(10);
  for (const { file, name } of marked) {
    expect(readTable(textOf(file), name).length, name).toBeGreaterThan(0);
    expect(tests, `the table ${name} of ${file}`).toContain(`table("${name}")`);
  }
});

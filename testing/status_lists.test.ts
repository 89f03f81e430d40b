// Nobody writes down a set of states: two or more of them side by side, in TypeScript or in SQL,
// stand in contracts/states.ts alone, in the migrations, and in tests. A list elsewhere would leave
// a new state out without anybody noticing. A Record over all states is no list: the compiler asks
// for what it lacks.
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { describe, expect, test } from "vitest";
import { bulksmsStatuses, firstFinalStatus, messageStatuses } from "../src/contracts/states.ts";

const root = join(import.meta.dirname, "..");
const state = [...new Set<string>([...messageStatuses, ...bulksmsStatuses])].join("|");

/** Where lists may stand, why, and which; without `lists`, any. */
const allowed: Readonly<Record<string, { why: string; lists?: readonly string[] }>> = {
  "src/contracts/states.ts": { why: "the table itself" },
  "src/contracts/simulator_journal.ts": { why: "the ends that the simulator's files number" },
  "src/simulator/plan.ts": { why: "shares of a profile's mix, not states", lists: ["mix.delivered + "] },
  "src/console/look/words.ts": { why: "meanings of a colour", lists: ['"delivered" | '] },
  "lab/measure/report/chart.ts": { why: "meanings of a colour", lists: ['"delivered" | '] },
};

const isAllowed = (file: string, list: string): boolean => {
  const entry = allowed[file];
  return entry !== undefined && (entry.lists?.some((start) => list.startsWith(start)) ?? true);
};

const isTest = (file: string): boolean => /\.(test|browser)\.tsx?$/.test(file) || file === "testing/console.browser.ts";
const isMigration = (file: string): boolean => /^src\/\w+\/migrations\//.test(file);

const quoted = `["'\`](${state})["'\`]`;
const listed = new RegExp(`${quoted}(?:\\s*::\\w+)?\\s*[,|]\\s*(?=${quoted})`, "g");
const compared = new RegExp(`([\\w.?]+) ([!=]?={1,2}=?|<>) ${quoted}\\s*(?:\\|\\||&&|or|and)\\s*(?=\\1 \\2 ${quoted})`, "g");
/** `b.queued + b.sent`, `pending, unknown`, `(counts.queued ?? 0) + (counts.sent ?? 0)`. */
const column = `(?<!["'\`\\w.])(?:\\w+\\??\\.)*(${state})\\b(?!["'\`.:(])`;
const columns = new RegExp(`${column}(?: \\?\\? 0\\))?\\s*[+,]\\s*(?=\\(?${column}(?! (?:and|or)\\b))`, "g");
/** The first final state as a border: a set in disguise. */
const border = new RegExp(`(?:[<>]=?\\s*|tatuses\\.(?:indexOf|slice)\\()["'](${firstFinalStatus})["']`, "g");

/** The lists of states in this source, each as the pair or border that gives it away. */
function statusLists(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)(?:\/\/|-- ).*$/gm, "$1");
  const pairs = [listed, compared, columns].flatMap((pattern) => [...code.matchAll(pattern)]);
  const lists = pairs.filter((match) => new Set(match.slice(1).filter((group) => messageOrCampaign.has(group))).size > 1);
  return [...lists, ...code.matchAll(border)].map((match) =>
    code.slice(match.index, match.index + match[0].length + 24).replace(/\s+/g, " "),
  );
}

const messageOrCampaign = new Set<string>([...messageStatuses, ...bulksmsStatuses]);

function sources(): string[] {
  const found = ["src", "lab", "testing", "bin"].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, encoding: "utf8" }).map((name) => posix.join(top, name)),
  );
  return found.filter((file) => /\.(ts|tsx|mjs|js|sql)$/.test(file) && !isTest(file) && !isMigration(file));
}

const read = (file: string): string => readFileSync(join(root, file), "utf8");

test("no list of states stands outside contracts, migrations and tests", () => {
  const files = sources();
  expect(files.length).toBeGreaterThan(300);
  const found = files.flatMap((file) => statusLists(read(file)).map((list) => ({ file, list })));
  expect(found.filter(({ file, list }) => !isAllowed(file, list))).toEqual([]);
});

test("every file that may have a list has it", () => {
  for (const [file, { lists = [""] }] of Object.entries(allowed)) {
    for (const start of lists)
      expect(
        statusLists(read(file)).some((list) => list.startsWith(start)),
        `${file} ${start}`,
      ).toBe(true);
  }
});

describe("a list is found", () => {
  test.each([
    'const finals = ["failed", "undelivered"];',
    'const resting = [\n  "finished",\n  "canceled",\n];',
    'type End = "failed" | "undelivered";',
    'if (status === "finished" || status === "canceled") return;',
    'if (row.status !== "settling" && row.status !== "canceling") return;',
    "where b.status in ('running', 'paused')",
    "where b.status in ('running'::bulksms_status, 'paused')",
    "where status = 'running' or status = 'paused'",
    "select pending, unknown from bulksms",
    "select sum(b.queued + b.sent) from bulksms b",
    "const open = counts.queued + counts.sent;",
    "const open = (counts.queued ?? 0) + (counts.sent ?? 0);",
    "const { delivered, undelivered } = campaign.counts;",
    "where m.status >= 'failed'",
    'messageStatuses.slice(messageStatuses.indexOf("failed"))',
  ])("%s", (source) => {
    expect(statusLists(source)).not.toEqual([]);
  });
});

describe("no list is found in", () => {
  test.each([
    'if (status === "running") return finish("paused");',
    'changeStatus(sql, id, { from: ["paused"], to: "running" })',
    'const words = { failed: "failed", delivered: "arrived" } satisfies Record<MessageStatus, string>;',
    'switch (status) {\n  case "paused":\n  case "settling":\n    return null;\n}',
    'becomes(message, "sent", "sent")',
    'if (one.status === "sent" && other.state === "failed") return;',
    "// from running or paused: 'running', 'paused'",
    '/** `running`, `paused` -> `settling`: "running", "paused" */',
    "where status < 'sent'",
    "a message is sent, failed or expired",
    'journalEnds.indexOf("failed")',
  ])("%s", (source) => {
    expect(statusLists(source)).toEqual([]);
  });
});

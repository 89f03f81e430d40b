import { expect, test } from "vitest";
import { bandsOf, ratesOf } from "./chart.ts";
import { type Report, renderReport } from "./report.ts";
import type { Verdict } from "./verdict.ts";
import { runsReport, scenarioReport } from "./verdicts.ts";
import type { Versions } from "./versions.ts";

const versions: Versions = {
  commit: "abc1234",
  node: "v20.0.0",
  postgres: "18.4",
  redis: "7.0.15",
  cores: 2,
  processor: "some",
  load: 0.5,
};
const attack = `"><script>alert('&')</script>`;

/** One that was broken, with hostile text wherever text may come from outside. */
const broken: Verdict = {
  scenario: "replies-lost",
  seed: 42,
  held: false,
  reasons: [`L3 is broken: ${attack}`],
  recoveredMs: 1_200,
  messagesTouched: 400,
  faultTouches: 3,
  laws: [
    {
      law: "L3",
      title: "charges",
      form: "settled",
      verdict: "broken",
      rowsCompared: 1_234,
      broken: [{ row: `bulksms_info ${attack}`, description: attack }],
      brokenCount: 21,
      excused: [],
      excusedCount: 0,
      durationMs: 1,
    },
  ],
  timeline: [
    { atMs: 0, what: "one campaign of 400 messages" },
    { atMs: 500, what: `${attack}: begins` },
    { atMs: 2_000, what: `${attack}: over, touched 3` },
  ],
  rates: [0, 1_000, 2_000, 3_000].map((atMs) => ({ atMs, counts: { pending: 400 - atMs / 10, sent: 0, delivered: atMs / 10 } })),
  durationMs: 3_000,
};
const held: Verdict = { ...broken, held: true, reasons: [], laws: [], scenario: "process-rpc-kill" };

const pageOf = (report: Report): string => renderReport(report, versions, new Date(0));

test("a report is one file: no scripts, nothing asked from elsewhere, no text that breaks out", () => {
  const page = pageOf(scenarioReport({ name: "replies-lost", shows: attack }, broken));
  expect(page).not.toContain("<script");
  expect(page).not.toMatch(/\b(?:src|href)="(?!#)/);
  expect(page).not.toMatch(/url\(|@import|https?:/);
  expect(page).toContain("&quot;&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;");
});

test("the verdict stands first; seed, versions, the command to repeat it, and the broken rows are there", () => {
  const page = pageOf(scenarioReport({ name: "replies-lost", shows: "answers get lost" }, broken));
  const order = ["<h1>", "L3 is broken", "<svg style=", "1,234", "npm run lab -- run replies-lost --seed 42", "18.4"].map((text) =>
    page.indexOf(text),
  );
  expect(order).not.toContain(-1);
  expect(order).toEqual([...order].sort((one, other) => one - other));
  expect(page).toContain("and 20 more");
});

test("of many runs the broken one is named at the top, and open", () => {
  const verdicts = [held, broken];
  const report = runsReport({ name: "faults", description: "", noun: "cell", seed: 7, verdicts, replay: "again" });
  expect(report).toMatchObject({ held: false, headline: "1 of 2 cells BROKE" });
  const page = pageOf(report);
  expect(page).toContain('<details id="run-0">');
  expect(page).toContain('<details id="run-1" open>');
  expect(runsReport({ name: "faults", description: "", noun: "cell", seed: 7, verdicts: [], replay: "" }).held).toBe(false);
});

test("a fault's bar lasts from its begin to its end; one that never ended, to the end of the run", () => {
  const timeline = [
    { atMs: 100, what: "link a-b reset: begins" },
    { atMs: 200, what: "process rpc frozen: begins" },
    { atMs: 900, what: "link a-b reset: over, touched 2" },
  ];
  expect(bandsOf(timeline, 5_000)).toEqual([
    { name: "link a-b reset, touched 2", fromMs: 100, toMs: 900 },
    { name: "process rpc frozen", fromMs: 200, toMs: 5_000 },
  ]);
});

test("the rate of a steady total is its slope, from the second sample on", () => {
  const totals = Array.from({ length: 20 }, (_, index) => ({ atMs: index * 100, value: index * 50 }));
  expect(ratesOf(totals).map(({ value }) => Math.round(value))).toEqual([0, ...Array.from({ length: 19 }, () => 500)]);
});

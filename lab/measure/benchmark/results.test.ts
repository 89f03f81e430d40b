// The file of a benchmark: what is written can be read again, and nothing else passes for it.
import { describe, expect, test } from "vitest";
import { madeUpResults, runAt } from "./made_up_results.ts";
import { lawsBrokenIn, parseResults } from "./results.ts";

const results = madeUpResults([{ batched: runAt(100), original: runAt(1), http_single: runAt(9, { walBytes: null }) }], {
  work: {
    batched: { messages: 10, walBytes: 400, pagesHit: 16, pagesRead: 0, pagesWritten: 0.1, rowUpdates: 2, hotShare: 0.9 },
    store: { messages: 10, walBytes: 400, pagesHit: 8, pagesRead: 0, pagesWritten: 0.1, rowUpdates: 0, hotShare: null },
  },
  latency: { messagesPerSecond: 10, receiptToCommit: { p50: 1, p95: 2, p99: 3 }, sentToCredit: null, lawsBroken: ["L2"] },
  scaling: [{ oneMicros: 1, twoMicros: 2, lawsBroken: ["L3"] }],
});

test("what is written is read as it was", () => {
  expect(parseResults(JSON.stringify(results))).toEqual(results);
});

test("every broken law counts, whichever part broke it", () => {
  const broken = madeUpResults([{ batched: runAt(1, { lawsBroken: ["L1", "unsettled"] }) }]);
  expect(lawsBrokenIn(broken)).toEqual(["L1", "unsettled"]);
  expect(lawsBrokenIn(results)).toEqual(["L2", "L3"]);
});

describe("refused, in one line that says why", () => {
  const [round] = results.rounds;
  const cases: [what: string, value: unknown, reason: RegExp][] = [
    ["another schema", { ...results, schema: "bulksms-benchmark/0" }, /^its schema is "bulksms-benchmark\/0", not "bulksms-benchmark\/1"$/],
    ["no schema", { batched_per_s: 1 }, /^its schema is not named/],
    ["no object", null, /^its schema is not named/],
    ["no rounds", { ...results, rounds: [] }, /^rounds: /],
    ["an unknown subject", { ...results, rounds: [{ ...round, runs: { ours: runAt(1) } }] }, /^rounds\.0\.runs/],
    [
      "a run without its time",
      { ...results, rounds: [{ ...round, runs: { batched: { ...runAt(1), seconds: 0 } } }] },
      /^rounds\.0\.runs\.batched\.seconds/,
    ],
    ["an unknown field", { ...results, extra: 1 }, /extra/],
    ["a figure that is no number", { ...results, figures: [{ ...results.figures[0], median: null }] }, /^figures\.0\.median/],
  ];
  test.each(cases)("%s", (_, value, reason) => {
    expect(() => parseResults(JSON.stringify(value))).toThrow(reason);
  });

  test("no JSON", () => {
    expect(() => parseResults("{")).toThrow(SyntaxError);
  });
});
